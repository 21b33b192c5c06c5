"""Where the bolus is seen at all, which one voxel's noise often hides and its neighbours show."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .bolus import BolusTiming
from .dsc_series import DscSeries

_NEIGHBOURS = 3
_SIGNIFICANT = 3.0
_FIRST_PASS_RISES = 3
_LATE_S = 45.0


def shows_bolus(
    series: DscSeries, mask: np.ndarray, bolus: BolusTiming, sigma: float
) -> np.ndarray:
    """(K, J, I) bool: voxels of `mask` where the signal falls beyond the noise.

    series  at steady state.
    bolus   its timing.
    sigma   noise of the series in signal units.

    The fall is averaged over the 3x3 neighbours in the slice that lie in the mask, and must exceed
    three of its standard errors either during the first pass or in the 45 s after arrival. The
    late window finds the slow, shallow curves of an infarct core, in which no single voxel at
    clinical noise shows a bolus; the early one finds leaking tumour, whose signal rises later.
    """
    baseline_frames = series.signal[bolus.baseline_start : bolus.baseline_stop]
    baseline = baseline_frames.mean(axis=0, dtype=np.float32)
    weight = mask.astype(np.float32)

    def neighbourhood_sum(values: np.ndarray) -> np.ndarray:
        size = (1, _NEIGHBOURS, _NEIGHBOURS)
        mean = ndimage.uniform_filter(np.where(mask, values, 0), size, mode="constant")
        return np.asarray(mean) * _NEIGHBOURS**2

    count = np.maximum(neighbourhood_sum(weight), 1.0)
    rise = max(2, bolus.peak - bolus.arrival)
    late = bolus.arrival_time_s + _LATE_S
    stops = (
        bolus.arrival + 1 + _FIRST_PASS_RISES * rise,
        int(np.searchsorted(series.frame_times_s, late, side="right")),
    )
    shown = np.zeros(mask.shape, dtype=bool)
    for stop in stops:
        window = series.signal[bolus.arrival + 1 : min(stop, series.frame_count)]
        if len(window) == 0:
            continue
        fall = neighbourhood_sum(baseline - window.mean(axis=0, dtype=np.float32)) / count
        error = sigma * np.sqrt((1.0 / len(window) + 1.0 / len(baseline_frames)) / count)
        shown |= fall > _SIGNIFICANT * error
    return shown & mask
