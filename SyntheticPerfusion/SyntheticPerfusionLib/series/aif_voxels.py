"""The arterial curve of chosen voxels, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .aif import Aif, AifQuality
from .bolus import BolusTiming
from .concentration import Flag
from .curve import full_width_half_maximum, time_of_peak
from .dsc_series import DscSeries
from .voxel_curves import VoxelCurves

_WIDE_S = 12.0
_TAIL_HIGH = 0.4


def aif_of_voxels(
    series: DscSeries,
    voxels: np.ndarray,
    bolus: BolusTiming,
    source: str,
    sigma: float | None = None,
) -> Aif:
    """Mean concentration curve of the voxels of a mask.

    series  at steady state, with an echo time.
    voxels  (K, J, I) bool, at least one.
    bolus   timing in that series.
    source  how the voxels were chosen, in words.
    sigma   noise of the series in signal units; that of the voxels themselves where not given.
    Raises InputError where no voxel is chosen or none shows a bolus.
    """
    found = curve_of_voxels(series, voxels, bolus, "arterial region", "an artery", sigma)
    return make_aif(found.curve, series.frame_times_s, source, found.saturated, found.voxels)


@dataclass(frozen=True, eq=False)
class VesselCurve:
    """The curve of a vessel.

    curve      (T,) mean dR2* of the voxels that show a bolus, in 1/s.
    saturated  whether half of them or more lay at the noise floor at the peak.
    voxels     (K, J, I) bool: those voxels.
    """

    curve: np.ndarray
    saturated: bool
    voxels: np.ndarray


def curve_of_voxels(
    series: DscSeries,
    voxels: np.ndarray,
    bolus: BolusTiming,
    region: str,
    vessel: str,
    sigma: float | None = None,
) -> VesselCurve:
    """Mean curve of the voxels of a region that a person drew.

    region, vessel  what to call the region and what it should lie on ("an artery"), in errors.
    The other arguments and the errors are those of `aif_of_voxels`.
    """
    if not voxels.any():
        raise InputError(f"The {region} holds no voxel; draw it over {vessel}.")
    every = VoxelCurves(series, voxels, bolus, sigma)
    found = every.of(slice(None))
    useful = (found.flags == Flag.GOOD) | (found.flags == Flag.SATURATED)
    if not useful.any():
        raise InputError(
            f"None of the {every.inside.size} voxels of the {region} shows a bolus; "
            f"draw it over {vessel}."
        )
    kept = np.zeros(voxels.size, dtype=bool)
    kept[every.inside[useful]] = True
    return VesselCurve(
        curve=found.curves[:, useful].mean(axis=1, dtype=np.float64),
        saturated=bool(np.mean(found.flags[useful] == Flag.SATURATED) >= 0.5),
        voxels=kept.reshape(voxels.shape),
    )


def make_aif(
    curve: np.ndarray,
    times_s: np.ndarray,
    source: str,
    saturated: bool = False,
    voxels: np.ndarray | None = None,
) -> Aif:
    """An `Aif` with its quality figures and warnings from a (T,) curve in 1/s.

    Raises InputError where the curve has no positive peak inside the series.
    """
    peak = int(curve.argmax())
    if not np.all(np.isfinite(curve)) or curve[peak] <= 0 or peak in (0, len(curve) - 1):
        raise InputError(
            "The arterial curve shows no bolus inside the series (its peak is "
            f"{curve[peak]:.3g} 1/s at {times_s[peak]:.4g} s); choose another artery."
        )
    tail = curve[-max(2, len(curve) // 10) :]
    quality = AifQuality(
        peak_time_s=float(time_of_peak(curve[:, None], times_s)[0]),
        peak=float(curve[peak]),
        fwhm_s=full_width_half_maximum(curve, times_s),
        saturated=saturated,
        tail_fraction=float(tail.mean() / curve[peak]),
    )
    step_s = float(np.median(np.diff(times_s)))
    return Aif(times_s, curve, source, quality, voxels, _warnings(quality, step_s))


def late_warning(aif: Aif, bolus: BolusTiming) -> tuple[str, ...]:
    """What to say of an arterial curve that peaks after the brain does."""
    late_s = aif.quality.peak_time_s - bolus.peak_time_s
    if late_s <= 0:
        return ()
    return (
        f"The arterial curve peaks {late_s:.1f} s after the brain's mean signal: it is no artery "
        "of this passage, or its times are not those of the series.",
    )


def _warnings(quality: AifQuality, step_s: float) -> tuple[str, ...]:
    said = []
    if quality.saturated:
        said.append(
            "The arterial signal reaches the noise floor at its peak: flow and volume will be "
            "overestimated."
        )
    if not np.isfinite(quality.fwhm_s):
        said.append("The arterial curve does not fall back to half its peak within the series.")
    elif quality.fwhm_s < 2 * step_s:
        said.append(
            f"The arterial curve is {quality.fwhm_s:.1f} s wide at half its peak, less than two "
            "frames: it may be a disturbance, and its height is uncertain."
        )
    elif quality.fwhm_s > _WIDE_S:
        said.append(
            f"The arterial curve is {quality.fwhm_s:.1f} s wide at half its peak (usually 4 to "
            f"{_WIDE_S:.0f} s): it may be dispersed or venous."
        )
    if quality.tail_fraction > _TAIL_HIGH:
        said.append(
            f"The arterial curve ends at {quality.tail_fraction:.0%} of its peak instead of near "
            "the baseline."
        )
    return tuple(said)
