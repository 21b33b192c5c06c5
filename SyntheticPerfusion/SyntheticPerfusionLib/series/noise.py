"""How noisy a series is, from its baseline frames."""

from __future__ import annotations

import numpy as np

from .bolus import BolusTiming
from .dsc_series import DscSeries


def noise_sigma(series: DscSeries, mask: np.ndarray, bolus: BolusTiming) -> float:
    """Standard deviation of the noise in signal units, over the voxels of `mask`.

    Median over the voxels of the standard deviation of the frame-to-frame differences in the
    baseline, over the square root of two: drift does not count as noise. NaN and zero voxels are
    left out; 0 where the baseline has a single frame.
    """
    inside = np.flatnonzero(mask)
    frames = series.signal[bolus.baseline_start : bolus.baseline_stop]
    steps = np.diff(frames.reshape(len(frames), -1)[:, inside], axis=0)
    if len(steps) == 0:
        return 0.0
    spread = np.sqrt(np.mean(steps * steps, axis=0) / 2.0)
    spread = spread[np.isfinite(spread) & (spread > 0)]
    return float(np.median(spread)) if spread.size else 0.0
