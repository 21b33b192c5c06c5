"""Where the bolus is read: a patch at a fixed place, or the early, strong voxels of the brain.

The paper takes a patch sequence at the transition from the basilar to the posterior cerebral
artery, at a place that is the same for everybody, and names as its weak point that the vessels may
lie elsewhere. The other way, ours, looks for voxels whose bolus comes early and strong, wherever
they are, and leaves it to the network's attention which of them to trust.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ..series.bolus import BolusTiming

FEATURES = 6
"""Values that describe a candidate, in the order of `early_strong_voxels`."""

_STRONG_SHARE = 0.10
_DARKEST = 0.02
"""Least signal over baseline: below it the logarithm is that of noise."""
_PASSAGE_S = 30.0
"""A peak is looked for this long after the bolus of the whole brain arrives."""
_SMOOTH = np.array([0.25, 0.5, 0.25], np.float32)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Voxels among which attention chooses.

    voxels    (M,) flat indices.
    curves    (T, M) float32, -ln(S/S0) over the median peak of the brain.
    features  (M, FEATURES) float32, about 0 +- 1.
    """

    voxels: np.ndarray
    curves: np.ndarray
    features: np.ndarray


def early_strong_voxels(
    frames: np.ndarray, inside: np.ndarray, times_s: np.ndarray, bolus: BolusTiming, count: int
) -> Candidates:
    """The `count` voxels of earliest rise among the tenth of the brain with the highest peaks.

    frames  (T, voxels) signal in arbitrary units; inside flat indices of the brain.
    Features, times as distances from the brain's mean curve: log of the peak over the median one;
    time of half the rise and of the peak in units of 5 s; width at half height in units of 10 s;
    roughness before the bolus over the peak; level after the passage over the peak.
    """
    stop = max(
        int(np.searchsorted(times_s, bolus.arrival_time_s + _PASSAGE_S, side="right")),
        bolus.peak + 2,
    )
    baseline = np.nan_to_num(
        np.mean(frames[bolus.baseline_start : bolus.baseline_stop], axis=0, dtype=np.float32)
    )[inside]
    bright = baseline > _DARKEST * bolus.baseline
    inside, baseline = inside[bright], baseline[bright]

    lowest = np.full(inside.size, np.inf, np.float32)
    window = range(max(bolus.arrival - 1, 0), min(stop, len(frames)))
    for n in window:
        np.minimum(lowest, np.nan_to_num(frames[n, inside].astype(np.float32)), out=lowest)
    depth = -np.log(np.maximum(lowest / baseline, _DARKEST))
    median = max(float(np.median(depth)), 1e-3)
    strong = np.argsort(depth)[-max(count, round(_STRONG_SHARE * depth.size)) :]

    signal = np.nan_to_num(frames[:, inside[strong]].astype(np.float32))
    curves = -np.log(np.maximum(signal / baseline[strong], _DARKEST)) / np.float32(median)
    brain = -np.log(np.maximum(bolus.mean_signal / bolus.baseline, _DARKEST)) / median
    smooth = _smoothed(curves)
    features = _describe(smooth, curves, times_s, bolus, stop)
    features[:, 1:3] -= _describe(
        _smoothed(brain[:, None].astype(np.float32)), brain[:, None], times_s, bolus, stop
    )[:, 1:3]
    earliest = np.argsort(features[:, 1], kind="stable")[:count]
    return Candidates(
        voxels=inside[strong][earliest],
        curves=np.ascontiguousarray(curves[:, earliest]),
        features=np.ascontiguousarray(features[earliest]),
    )


def _smoothed(curves: np.ndarray) -> np.ndarray:
    padded = np.concatenate([curves[:1], curves, curves[-1:]])
    return sum(weight * padded[n : n + len(curves)] for n, weight in enumerate(_SMOOTH))


def _describe(
    smooth: np.ndarray, curves: np.ndarray, times_s: np.ndarray, bolus: BolusTiming, stop: int
) -> np.ndarray:
    """(M, FEATURES) of curves (T, M); times since the first frame."""
    start = max(bolus.arrival - 1, 0)
    passage = smooth[start:stop]
    peak = passage.argmax(axis=0)
    columns = np.arange(passage.shape[1])
    height = np.maximum(passage[peak, columns], 1e-3)
    rows = np.arange(len(passage))[:, None]
    half = passage >= 0.5 * height
    rise = _crossing(passage, times_s[start:stop], half.argmax(axis=0), 0.5 * height)
    fallen = (~half) & (rows > peak)
    fall_row = np.where(fallen.any(axis=0), fallen.argmax(axis=0), len(passage) - 1)
    width = times_s[start:stop][fall_row] - rise
    before = curves[bolus.baseline_start : bolus.baseline_stop]
    late = smooth[stop - 1 : stop + 3].mean(axis=0)
    return np.stack(
        [
            np.log(height),
            rise / 5.0,
            times_s[start:stop][peak] / 5.0,
            width / 10.0 - 1.0,
            before.std(axis=0) / height,
            late / height,
        ],
        axis=1,
    ).astype(np.float32)


def _crossing(
    passage: np.ndarray, times_s: np.ndarray, row: np.ndarray, level: np.ndarray
) -> np.ndarray:
    """Time at which each column first reaches its level, between frames; `row` has reached it."""
    columns = np.arange(passage.shape[1])
    before = np.maximum(row - 1, 0)
    low, high = passage[before, columns], passage[row, columns]
    share = np.clip((level - low) / np.maximum(high - low, 1e-6), 0, 1)
    return times_s[before] + share * (times_s[row] - times_s[before])


def patch_weights(
    shape: tuple[int, ...],
    spacing_mm: tuple[float, float, float],
    direction: tuple[float, ...],
    centre_mm: tuple[float, float, float],
    size: tuple[int, int, int],
    step_mm: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (V,) and trilinear weights (V, D*H*W) float32 of a patch on a grid of its own.

    shape      (K, J, I) of the volume; spacing_mm (i, j, k), direction as in Geometry.
    centre_mm  (x, y, z) LPS from the centre of the volume.
    size       (D, H, W) samples, `step_mm` apart, along z, y and x of the patient.
    Samples beyond the volume take its border.
    """
    to_axes = np.reshape(direction, (3, 3)).T
    offsets = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(size, step_mm, strict=True)]
    z, y, x = np.meshgrid(*offsets, indexing="ij")
    patient = np.stack([x, y, z]).reshape(3, -1) + np.asarray(centre_mm, float)[:, None]
    ijk = (to_axes @ patient) / np.asarray(spacing_mm, float)[:, None]
    counts = np.asarray(shape[::-1])[:, None]
    ijk = np.clip(ijk + (counts - 1) / 2, 0, counts - 1)
    low = np.minimum(np.floor(ijk).astype(int), np.maximum(counts - 2, 0))
    share = ijk - low

    flat, weight = [], []
    for corner in product((0, 1), repeat=3):
        at = np.minimum(low + np.asarray(corner)[:, None], counts - 1)
        part = np.where(np.asarray(corner)[:, None] == 1, share, 1 - share).prod(axis=0)
        flat.append((at[2] * shape[1] + at[1]) * shape[2] + at[0])
        weight.append(part)
    voxels, where = np.unique(np.stack(flat), return_inverse=True)
    weights = np.zeros((voxels.size, ijk.shape[1]))
    samples = np.broadcast_to(np.arange(ijk.shape[1]), (8, ijk.shape[1]))
    np.add.at(weights, (where.reshape(8, -1), samples), np.stack(weight))
    return voxels, weights.astype(np.float32)
