"""One examination as the networks of Le 2021 see it: the brain's voxels, time points as channels.

The same for training and for the method. Only voxels of the brain hold values; the volume around
them, which is as large as the network's poolings want, is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..series.bolus import timing_of_curve
from .collateral_mask import paper_mask
from .collateral_settings import CollateralPreprocessing
from .time_points import resampled

_DARKEST, _BRIGHTEST = 0.05, 2.0
"""Of the baseline, between which a voxel's signal counts: noise alone goes beyond."""


@dataclass(frozen=True)
class Canvas:
    """The part of a volume that the network is given; it may reach beyond the volume.

    origin  (k, j, i) of its first voxel in the volume; shape (K, J, I).
    """

    origin: tuple[int, int, int]
    shape: tuple[int, int, int]

    def places(self, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(V,) bool, which of the voxels (3, V) lie in it, and the flat places of those that do."""
        inside = voxels - np.array(self.origin)[:, None]
        held = np.all((inside >= 0) & (inside < np.array(self.shape)[:, None]), axis=0)
        return held, np.ravel_multi_index(tuple(inside[:, held]), self.shape)


def canvas_around(voxels: np.ndarray, multiple: int) -> Canvas:
    """The smallest canvas around voxels (3, V), its height and width multiples of `multiple`."""
    low, high = voxels.min(axis=1), voxels.max(axis=1) + 1
    sides = high - low
    sides[1:] = -(-sides[1:] // multiple) * multiple
    return centred_canvas(voxels, (int(sides[0]), int(sides[1]), int(sides[2])))


def centred_canvas(voxels: np.ndarray, shape: tuple[int, int, int]) -> Canvas:
    """The canvas of that shape whose middle is that of the box around voxels (3, V)."""
    low, high = voxels.min(axis=1), voxels.max(axis=1) + 1
    k, j, i = ((low + high - np.array(shape)) // 2).tolist()
    return Canvas((k, j, i), shape)


def upright(voxels: np.ndarray, shape: tuple[int, ...], direction: tuple[float, ...]) -> np.ndarray:
    """(3, V) voxels where they lie in a head that stands upright and looks up, and back again.

    The network sees all heads alike: slices from the neck to the crown, rows from the forehead to
    the back. Left and right it sees as they are stored: training exchanges them at random.
    shape      (K, J, I) of the series.
    direction  (9,) cosines of its axes (i, j, k) to the left, the back and the crown, row by row.
    """
    turned = voxels.copy()
    if direction[8] < 0:
        turned[0] = shape[0] - 1 - turned[0]
    if direction[4] < 0:
        turned[1] = shape[1] - 1 - turned[1]
    return turned


@dataclass(frozen=True, eq=False)
class CollateralInput:
    """The voxels that the network sees.

    voxels  (3, V) int: (k, j, i) of each, in an upright head.
    values  (points, V) float32.
    """

    voxels: np.ndarray
    values: np.ndarray

    def volume(self, canvas: Canvas) -> np.ndarray:
        """(points, K, J, I) float32 on a canvas, 0 between the voxels."""
        held, places = canvas.places(self.voxels)
        volume = np.zeros((len(self.values), np.prod(canvas.shape, dtype=int)), np.float32)
        volume[:, places] = self.values[:, held]
        return volume.reshape(-1, *canvas.shape)


def collateral_input(
    signal: np.ndarray,
    frame_times_s: np.ndarray,
    mask: np.ndarray,
    points: int,
    preprocessing: CollateralPreprocessing,
    direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
) -> CollateralInput:
    """The input of a series at steady state.

    signal     (T, K, J, I) of any float type in arbitrary units; may be memory-mapped.
    mask       (K, J, I) bool, the brain.
    direction  of the series, see `upright`.
    Raises InputError where the brain shows no bolus.
    """
    seen = paper_mask(signal) if preprocessing.mask == "paper" else mask
    inside = np.flatnonzero(seen)
    times_s = np.asarray(frame_times_s, float)
    curves = np.empty((len(signal), inside.size), np.float32)
    for curve, frame in zip(curves, signal, strict=True):
        curve[:] = np.nan_to_num(frame.reshape(-1)[inside].astype(np.float32), posinf=0, neginf=0)
    brain = np.asarray(mask).reshape(-1)[inside]
    if not brain.any():
        raise InputError(
            "The brain mask is empty."
            if not np.any(mask)
            else "The brain mask shares no voxel with what the sum of the series shows as brain "
            "(Le 2021); draw it, or have it found anew."
        )
    bolus = timing_of_curve(curves[:, brain].mean(axis=1, dtype=np.float64), times_s)
    when = preprocessing.time_points(points).times_s(bolus.arrival_time_s, times_s)
    if preprocessing.source != "signal":
        steady = curves[bolus.baseline_start : bolus.baseline_stop].mean(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            curves = np.where(steady > 0, curves / steady, 1)
        curves = np.clip(curves, _DARKEST, _BRIGHTEST)
    if preprocessing.source == "tracer":
        curves = -np.log(curves)
        values = resampled(curves, times_s, when)
        values /= _level(values[when >= bolus.arrival_time_s][:, brain])
    else:
        values = _between_extremes(resampled(curves, times_s, when))
    voxels = np.stack(np.unravel_index(inside, seen.shape))
    return CollateralInput(upright(voxels, seen.shape, direction), values)


def _level(passage: np.ndarray) -> np.float32:
    """The brain's usual tracer after the arrival: median over its voxels of the mean over time."""
    return np.float32(max(float(np.median(passage.mean(axis=0))), 1e-3))


def _between_extremes(values: np.ndarray) -> np.ndarray:
    """Values so that the least is 0 and the largest 1 (section 2.2)."""
    lowest, highest = values.min(), values.max()
    return (values - lowest) / max(float(highest - lowest), 1e-6)
