"""The arterial input function: a curve, where it came from, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class AifQuality:
    """Figures by which a person judges an arterial curve.

    peak_time_s     time of the peak since the first acquired frame, in seconds.
    peak            height of the peak in 1/s.
    fwhm_s          full width at half maximum in seconds (NaN where a flank is cut off).
    saturated       whether the signal lay flat at the noise floor at the peak.
    tail_fraction   mean of the last tenth of the curve over the peak: near 0 is a return to
                    baseline.
    """

    peak_time_s: float
    peak: float
    fwhm_s: float
    saturated: bool
    tail_fraction: float


@dataclass(frozen=True, eq=False)
class Aif:
    """An arterial input function on the frame times of a series.

    times_s        (T,) seconds since the first acquired frame.
    concentration  (T,) change of R2* in 1/s, proportional to the tracer concentration.
    source         where it came from, in words.
    quality        figures for the person.
    voxels         (K, J, I) bool, the voxels it was averaged over; None where it came from a file.
    warnings       sentences the person should read.
    """

    times_s: np.ndarray
    concentration: np.ndarray
    source: str
    quality: AifQuality
    voxels: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
