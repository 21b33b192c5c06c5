"""How noisy a series is, from its baseline frames."""

from __future__ import annotations

import numpy as np

from .bolus import BolusTiming
from .dsc_series import DscSeries


def noise_sigma(series: DscSeries, mask: np.ndarray, bolus: BolusTiming) -> float:
    """Standard deviation of the noise in signal units, over the voxels of `mask`.

    What the series carries (a smoothed one, for which it can no longer be measured), else the
    median over the voxels of the standard deviation of the frame-to-frame differences in the
    baseline, over the square root of two: drift does not count as noise. The median of a few
    squares lies under their mean; it is divided by the median of chi squared over its mean. NaN
    and zero voxels are left out.
    """
    if series.noise_sigma is not None:
        return series.noise_sigma
    inside = np.flatnonzero(mask)
    frames = series.signal[bolus.baseline_start : bolus.baseline_stop]
    steps = np.diff(frames.reshape(len(frames), -1)[:, inside], axis=0)
    power = np.mean(steps * steps, axis=0) / 2.0
    power = power[np.isfinite(power) & (power > 0)]
    median_over_mean = (1.0 - 2.0 / (9.0 * len(steps))) ** 3
    return float(np.sqrt(np.median(power) / median_over_mean)) if power.size else 0.0
