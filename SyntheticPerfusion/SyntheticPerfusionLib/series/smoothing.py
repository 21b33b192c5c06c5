"""Light smoothing of the signal, over time and within slices, for those who ask for it.

Over time: each frame becomes the mean of all frames weighted by a Gaussian of the time between
them, so unevenly spaced frames are treated rightly and the ends are not padded. Within slices:
normalised convolution (Knutsson and Westin 1993), the Gaussian mean over the voxels of the mask
alone, so that neither air nor skull bleeds into the brain. Slices are thick: they are not mixed.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .dsc_series import DscSeries

_FWHM_PER_SIGMA = 2.354820045
_LEAST_WEIGHT = 1e-6


def smooth(
    series: DscSeries,
    mask: np.ndarray | None = None,
    time_sigma_s: float = 0.0,
    space_fwhm_mm: float = 0.0,
) -> DscSeries:
    """The series smoothed over time and within slices; 0 leaves either as it is.

    mask           (K, J, I) bool; voxels outside keep their signal in the spatial smoothing.
                   None takes all voxels.
    time_sigma_s   standard deviation of the temporal Gaussian in seconds.
    space_fwhm_mm  full width at half maximum of the in-plane Gaussian in mm.
    Raises InputError for a width that is negative or no number.
    """
    for name, width in (("temporal", time_sigma_s), ("spatial", space_fwhm_mm)):
        if not (np.isfinite(width) and width >= 0):
            raise InputError(f"The width of the {name} smoothing is {width:g}; give 0 or more.")
    signal = series.signal
    if time_sigma_s > 0:
        signal = _over_time(signal, series.frame_times_s, time_sigma_s)
    if space_fwhm_mm > 0:
        sigma_mm = space_fwhm_mm / _FWHM_PER_SIGMA
        i_mm, j_mm, _ = series.geometry.spacing
        sigmas = (0.0, sigma_mm / j_mm, sigma_mm / i_mm)
        inside = np.ones(series.geometry.shape, bool) if mask is None else mask
        signal = _within_slices(signal, inside, sigmas)
    return series if signal is series.signal else series.with_signal(signal)


def _over_time(signal: np.ndarray, times_s: np.ndarray, sigma_s: float) -> np.ndarray:
    apart = (times_s[:, None] - times_s[None, :]) / sigma_s
    weights = np.exp(-0.5 * apart**2)
    weights /= weights.sum(axis=1, keepdims=True)
    curves = signal.reshape(len(times_s), -1)
    return (weights.astype(np.float32) @ curves).reshape(signal.shape)


def _within_slices(
    signal: np.ndarray, mask: np.ndarray, sigmas: tuple[float, float, float]
) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    share = gaussian_filter(mask.astype(np.float32), sigmas, mode="constant")
    share = np.maximum(share, _LEAST_WEIGHT)
    smoothed = np.empty_like(signal)
    for frame, result in zip(signal, smoothed, strict=True):
        inside = gaussian_filter(np.where(mask, frame, 0), sigmas, mode="constant")
        np.copyto(result, np.where(mask, inside / share, frame))
    return smoothed
