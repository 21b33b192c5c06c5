"""From signal to tracer concentration, with a verdict on every voxel.

The change of the transverse relaxation rate, dR2*(t) = -ln(S(t) / S0) / TE (CAPLEX Q.EL1.009),
stands for the concentration throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .bolus import BolusTiming


class Flag(IntEnum):
    """Why a voxel's maps are not to be trusted; values of the flags label map."""

    GOOD = 0
    NO_SIGNAL = 1
    """Zero, negative or non-finite baseline or frames, or left out by the method's own mask of the
    brain (collateral networks): its maps hold 0."""
    NO_BOLUS = 2
    """No fall of the signal beyond the noise, there and around it: its maps hold 0."""
    SATURATED = 3
    """The signal lay at the noise floor at the peak: flow and volume are underestimated."""
    CUT_OFF = 4
    """The peak is in the first or last frame: the bolus is not seen whole."""


FLOOR_SIGMAS = 2.0
"""Signals of this many noise standard deviations show noise alone.

The magnitude of pure noise has a mean of 1.25 and exceeds 2 in one voxel of seven (Rayleigh).
"""

NEGLIGIBLE_SIGNAL = 1e-3
"""Signals below this share of the baseline count as this share: the logarithm stays finite."""


@dataclass(frozen=True, eq=False)
class Concentration:
    """Curves of N voxels.

    curves  (T, N) float32, dR2* in 1/s.
    flags   (N,) uint8 of `Flag`.
    noise   (N,) float32, standard deviation of the baseline of `curves` in 1/s.
    """

    curves: np.ndarray
    flags: np.ndarray
    noise: np.ndarray


def delta_r2star(signal: np.ndarray, baseline: np.ndarray, echo_time_s: float) -> np.ndarray:
    """dR2*(t) = -ln(S(t) / S0) / TE.

    signal       (T, ...) signal.
    baseline     (...) S0, positive.
    echo_time_s  TE in seconds.
    Returns (T, ...) float32 in 1/s. Signals under a thousandth of S0 count as a thousandth.
    """
    ratio = np.divide(signal, baseline, dtype=np.float32)
    np.maximum(ratio, np.float32(NEGLIGIBLE_SIGNAL), out=ratio)
    np.log(ratio, out=ratio)
    ratio *= np.float32(-1.0 / echo_time_s)
    return ratio


def concentration(
    signal: np.ndarray,
    bolus: BolusTiming,
    echo_time_s: float,
    sigma: float,
    shown: np.ndarray | None = None,
) -> Concentration:
    """Concentration curves of voxels with a flag each.

    signal       (T, N) float32 of the steady series.
    bolus        timing in that series.
    echo_time_s  TE in seconds.
    sigma        noise of the series in signal units (noise.noise_sigma).
    shown        (N,) bool, whether a bolus is seen there (bolus_presence); all where not given.
    """
    noise_floor = FLOOR_SIGMAS * sigma
    baseline_frames = signal[bolus.baseline_start : bolus.baseline_stop]
    baseline = baseline_frames.mean(axis=0, dtype=np.float32)
    lowest = signal.min(axis=0)
    measured = np.isfinite(baseline) & (baseline > noise_floor) & (baseline > 0)
    measured &= np.isfinite(lowest) & (lowest > 0) & np.isfinite(signal.max(axis=0))

    curves = delta_r2star(
        np.where(measured, signal, np.float32(1)),
        np.where(measured, baseline, np.float32(1)),
        echo_time_s,
    )
    noise = curves[bolus.baseline_start : bolus.baseline_stop].std(axis=0, ddof=1)

    flags = np.full(signal.shape[1], Flag.GOOD, dtype=np.uint8)
    # Arteries peak before the mean curve rises: only the ends of the series cut a bolus off.
    peak = curves.argmax(axis=0)
    flags[(peak <= bolus.baseline_start) | (peak >= len(curves) - 1)] = Flag.CUT_OFF
    flags[lowest <= noise_floor] = Flag.SATURATED
    if shown is not None:
        flags[~shown] = Flag.NO_BOLUS
    flags[~measured] = Flag.NO_SIGNAL
    curves[:, flags == Flag.NO_SIGNAL] = 0
    return Concentration(curves, flags, noise)
