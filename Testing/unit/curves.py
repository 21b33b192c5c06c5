"""Tissue and arterial curves with known flow, volume, transit time and delay."""

from __future__ import annotations

import numpy as np
from scipy.stats import gamma

FINE_S = 0.02


def arterial(times_s, onset_s=12.0, peak=1.0, shape=3.0, scale_s=1.5):
    """Gamma-variate bolus without recirculation."""
    since = np.maximum(times_s - onset_s, 0)
    curve = since**shape * np.exp(-since / scale_s)
    return peak * curve / (shape * scale_s / np.e) ** shape


def tissue(times_s, cbf, mtt_s, delay_s=0.0, family="exponential", aif=arterial):
    """Curves CBF/6000 (Ca * R)(t - delay), sampled at `times_s`; CBF in ml/100ml/min.

    Convolved at 20 ms. `family` is exponential or vascular: gamma-distributed transit times of
    shape 3, as in the digital reference object of Mouridsen et al. 2006.
    """
    fine = np.arange(0, times_s[-1] + FINE_S, FINE_S)
    since = np.maximum(fine - delay_s, 0)
    if family == "exponential":
        residue = np.exp(-since / mtt_s)
    else:
        residue = gamma.sf(since, 3, scale=mtt_s / 3)
    residue = np.where(fine >= delay_s, residue, 0)
    curve = np.convolve(aif(fine), residue)[: len(fine)] * FINE_S
    return cbf / 6000 * np.interp(times_s, fine, curve)
