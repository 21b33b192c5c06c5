"""Collateral maps of a series: the tracer of each voxel in the five phases of the passage.

Two regions drawn by a person divide time (series/phases.py). How to draw them, on a frame near
the peak of the bolus, where vessels are darkest:

- MCA: two to ten voxels along the M1 or M2 segment of the side without the occlusion, where its
  curve falls first and deepest. Not on the diseased side, whose artery fills late and would move
  every phase.
- SSS: five to twenty voxels in the middle of the superior sagittal sinus, above the ventricles
  or behind, not at its edge, where grey matter joins in. The sinus may lie outside the brain mask.

Then look at the two curves (phase_pictures.curves_picture): the artery must peak some 5 to 9 s
before the sinus.

A map holds the mean of dR2* over its phase, and not of the signal: dR2* is proportional to the
tracer, so that the shading of the coil and the T2* of the tissue drop out and diseased and healthy
side compare. It is shown over the brain's own level (`brain_level`), the same for all five maps:
1 is the usual tracer of that brain during the passage, whatever the dose and the echo time.
Tissue behind good collaterals is dark in the arterial phase and bright in the venous ones; behind
poor ones it is bright in the delay phase alone, or never.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import COLLATERALS
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif_voxels import VesselCurve, curve_of_voxels
from ..series.bolus import BolusTiming, find_bolus
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from ..series.noise import noise_sigma
from ..series.phases import PHASES, PhaseDivision, brain_level, divide_phases, phase_weights
from ..series.voxel_curves import VoxelCurves

METHOD = "phases"

_USUAL_PASSAGE_S = 3.0
_LEAST_DELAY_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class ReferenceCurves:
    """What divides the time of a series.

    times_s           (T,) frame times in seconds.
    arterial, venous  curves of the two regions.
    division          the five phases.
    warnings          sentences the person should read.
    """

    times_s: np.ndarray
    arterial: VesselCurve
    venous: VesselCurve
    division: PhaseDivision
    warnings: tuple[str, ...] = ()


def reference_curves(
    series: DscSeries,
    mask: np.ndarray,
    mca: np.ndarray,
    sss: np.ndarray,
    bolus: BolusTiming | None = None,
) -> ReferenceCurves:
    """The curves of two regions and the phases that they make.

    series    at steady state, with an echo time.
    mask      (K, J, I) bool, the brain: it tells bolus and noise.
    mca, sss  (K, J, I) bool, drawn as the module says.
    bolus     timing of the brain in that series; found where not given.
    Raises InputError where a region is empty, off the grid, shows no bolus or shares voxels with
    the other, and as `series.phases.divide_phases` does.
    """
    regions = {"MCA": mca, "SSS": sss}
    for name, region in regions.items():
        if region.shape != series.geometry.shape:
            raise InputError(
                f"The {name} region has {region.shape} voxels, the series "
                f"{series.geometry.shape}; draw it on the grid of the series."
            )
    shared = int(np.sum(mca & sss))
    if shared:
        raise InputError(
            f"The MCA and SSS regions share {shared} voxels; draw one in the artery and the "
            "other in the sinus."
        )
    bolus = bolus or find_bolus(series, mask)
    sigma = noise_sigma(series, mask, bolus)
    vessels = {"MCA": "the middle cerebral artery", "SSS": "the superior sagittal sinus"}
    arterial, venous = (
        curve_of_voxels(series, region, bolus, f"{name} region", vessels[name], sigma)
        for name, region in regions.items()
    )
    division = divide_phases(series.frame_times_s, arterial.curve, venous.curve)
    warnings = _warnings(division, {"MCA": arterial, "SSS": venous})
    return ReferenceCurves(series.frame_times_s, arterial, venous, division, warnings)


def phase_maps(
    series: DscSeries,
    mask: np.ndarray,
    mca: np.ndarray,
    sss: np.ndarray,
    references: ReferenceCurves | None = None,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> PerfusionMaps:
    """The five collateral maps of a series, as the module defines them.

    references  what `reference_curves` gave for the same series and regions; made where not given.
    The other arguments and the errors are those of `reference_curves`; Cancelled where asked to
    stop. Voxels without signal or bolus hold 0.
    """
    bolus = find_bolus(series, mask)
    references = references or reference_curves(series, mask, mca, sss, bolus)
    division = references.division
    voxels = VoxelCurves(series, mask, bolus)
    weights = phase_weights(series.frame_times_s, division).astype(np.float32)
    means = np.zeros((len(PHASES), voxels.inside.size), np.float32)
    flags = np.zeros(voxels.inside.size, np.uint8)
    for part in voxels.parts():
        stop_if(cancelled)
        progress(part.start / voxels.inside.size, "Collateral phases")
        measured = voxels.of(part)
        unknown = (measured.flags == Flag.NO_SIGNAL) | (measured.flags == Flag.NO_BOLUS)
        means[:, part] = np.where(unknown, 0, weights @ measured.curves)
        flags[part] = measured.flags
    level = brain_level(means, division, flags == Flag.GOOD)
    progress(1.0, "Collateral phases")

    def volume(values: np.ndarray) -> np.ndarray:
        whole = np.zeros(mask.size, values.dtype)
        whole[voxels.inside] = values
        return whole.reshape(mask.shape)

    return PerfusionMaps(
        arrays={
            item: volume(values / np.float32(level))
            for item, values in zip(COLLATERALS, means, strict=True)
        },
        geometry=series.geometry,
        mask=mask,
        method=METHOD,
        flags=volume(flags),
        settings={
            "phases_s": {
                name: [round(start, 3), round(end, 3)]
                for name, (start, end) in division.intervals_s.items()
            },
            "brain_level_per_s": level,
            "mca_voxels": int(references.arterial.voxels.sum()),
            "sss_voxels": int(references.venous.voxels.sum()),
        },
        warnings=references.warnings,
    )


def _warnings(division: PhaseDivision, curves: dict[str, VesselCurve]) -> tuple[str, ...]:
    said = [
        f"The signal of the {name} region reaches the noise floor at its peak: the time of the "
        "peak is uncertain."
        for name, found in curves.items()
        if found.saturated
    ]
    apart_s = division.bounds_s[3] - division.bounds_s[1]
    if apart_s < _USUAL_PASSAGE_S:
        said.append(
            f"The sinus peaks only {apart_s:.1f} s after the artery (usually 5 to 9 s): the MCA "
            "region may lie on the diseased side, or hold a vein."
        )
    if division.delay_share < _LEAST_DELAY_SHARE:
        said.append(
            f"The series ends after {division.delay_share:.0%} of the delay phase: tissue that "
            "fills late is not seen whole."
        )
    return tuple(said)
