"""One examination as a generator of the pix2pix family sees it: slices at fixed time points.

The same for training, which reads slices with the window moved in time, and for the method, which
reads every slice with brain in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.bolus import BolusTiming, timing_of_curve
from .pix2pix_settings import Pix2PixArchitecture, Pix2PixPreprocessing
from .products import product
from .slice_plane import SlicePlane
from .time_points import resampling_weights

_LEAST_BASELINE = 0.05
"""Least baseline of a voxel as a share of the brain's."""


@dataclass(frozen=True, eq=False)
class SourceSlice:
    """What the network is given of one slice.

    source   (points, M, M) float32, not yet scaled; outside the brain that of no change.
    brain    (M, M) bool.
    start_s  time of the first point, by the scanner's clock.
    """

    source: np.ndarray
    brain: np.ndarray
    start_s: float


class Pix2PixInput:
    """A series, read slice by slice.

    bolus  timing of the brain's mean curve.
    plane  between the series' slices and the network's.
    """

    def __init__(
        self,
        signal: np.ndarray,
        frame_times_s: np.ndarray,
        mask: np.ndarray,
        spacing_mm: tuple[float, float, float],
        architecture: Pix2PixArchitecture,
        preprocessing: Pix2PixPreprocessing,
        direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
    ) -> None:
        """An examination at steady state.

        signal      (T, K, J, I), any float type, arbitrary units; may be memory-mapped.
        mask        (K, J, I) bool, the brain.
        spacing_mm  (i, j, k) voxel size; direction as in series.geometry.Geometry.
        Raises InputError where the brain shows no bolus.
        """
        self._signal, self._mask = signal, mask
        self._preprocessing = preprocessing
        self._times_s = np.asarray(frame_times_s, float)
        mean = np.array([np.nanmean(frame[mask], dtype=np.float64) for frame in signal])
        self.bolus: BolusTiming = timing_of_curve(mean, self._times_s)
        # The second axis of the patient runs to the back of the head (LPS).
        upside_down = direction[4] < 0
        self.plane = SlicePlane(mask.shape[1:], spacing_mm, architecture.matrix, upside_down)
        self._points = preprocessing.time_points(architecture.points)
        self._order = preprocessing.order(architecture.points)
        self._matrix = architecture.matrix

    def times_s(self, moved_s: float = 0.0) -> np.ndarray:
        """(points,) times of the points in their own order, begun later by `moved_s`."""
        return self._points.times_s(self.bolus.arrival_time_s + moved_s, self._times_s)

    def slice(self, k: int, moved_s: float = 0.0) -> SourceSlice:
        """Slice `k`, its time points later by `moved_s` where they are laid to the bolus."""
        times = self.times_s(moved_s)
        weights = resampling_weights(self._times_s, times)[self._order]
        mask = np.asarray(self._mask[k])
        curves = np.nan_to_num(self._signal[:, k][:, mask].astype(np.float32))
        curves *= np.float32(1 / self.bolus.baseline)
        steady = curves[self.bolus.baseline_start : self.bolus.baseline_stop].mean(axis=0)
        brain = self.plane.brain(mask)
        points = product(weights, curves)
        if self.plane.same:
            values, baseline = points, steady
        else:
            values = self._on_plane(points, mask)[:, brain]
            baseline = self._on_plane(steady[None], mask)[0, brain]
        if self._preprocessing.source == "relative":
            values /= np.maximum(baseline, _LEAST_BASELINE)
        source = np.full(
            (len(weights), self._matrix, self._matrix), self._preprocessing.still, np.float32
        )
        source[:, brain] = values
        return SourceSlice(source, brain, float(times[0]))

    def _on_plane(self, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """(N, M, M) of values (N, V) in the voxels of `mask`: means over the brain alone."""
        planes = np.zeros((len(values), *mask.shape), np.float32)
        planes[:, mask] = values
        share = np.maximum(self.plane.to_network(mask), np.finfo(np.float32).eps)
        found: np.ndarray = self.plane.to_network(planes) / share
        return found
