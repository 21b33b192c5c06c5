"""The figures of one method's maps of one patient, by quantity and region.

Two things are not a method's fault and are shown apart. An artery shows the tracer on another
scale than tissue does, so that flow and volume by an arterial curve come out larger by one factor:
it is known of digital patients and taken out ("CBF"), or fitted to the patient, which also takes
out what is wrong with the automatic arterial curve ("CBF, scale fitted"). And deconvolution adds
a time of its own to Tmax: "Tmax, offset removed" is without the median difference from the truth.
Both fits look at the truth, which favours whoever needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..analysis.agreement import Agreement, agreement, clipped_mean_absolute
from ..analysis.calibration import Calibration, laplace_calibration
from ..analysis.lesion_agreement import LesionAgreement, lesion_agreement
from ..maps.perfusion_maps import PerfusionMaps
from ..training.patient_content import relative_flow
from .brain_regions import BRAIN, TISSUE, brain_regions
from .evaluated_patient import EvaluatedPatient

FITTED, WITHOUT_OFFSET = "scale fitted", "offset removed"

_SCALED = ("CBF", "CBV")
_TMAX, _UNCERTAINTY = "Tmax", "Tmax_uncertainty"


@dataclass(frozen=True)
class RegionFigures:
    """A quantity in a region; `clipped_error_s` (MAEC) of Tmax alone, else None.

    variant  "" for the map as it is (scaled by the known factor), FITTED or WITHOUT_OFFSET.
    """

    quantity: str
    variant: str
    region: str
    agreement: Agreement
    clipped_error_s: float | None


@dataclass(frozen=True)
class MapFigures:
    """Everything that one set of maps of one patient is judged by.

    lesions      Tmax > 6 s in the brain by variant of Tmax.
    calibration  of the uncertainty of Tmax, where the method gives one.
    """

    regions: tuple[RegionFigures, ...]
    lesions: dict[str, LesionAgreement]
    calibration: Calibration | None


def map_figures(
    maps: PerfusionMaps,
    patient: EvaluatedPatient,
    by_arterial_curve: bool,
    slice_step: int = 1,
) -> MapFigures:
    """Figures of maps against the truth of a patient, where both have values.

    by_arterial_curve  whether flow and volume were found by an arterial curve of the series.
    slice_step         how many slices each of those with maps stands for, in volumes.
    ValueError where the mask of the maps and the brain share too few voxels.
    """
    regions = brain_regions(patient.labels, maps.mask & patient.brain)
    if BRAIN not in regions or TISSUE not in regions:
        raise ValueError(f"The maps of {patient.identifier} hold nearly nothing of its brain.")
    truth = dict(patient.truth)
    if "CBF" in truth:
        truth["RBF"] = relative_flow(truth["CBF"], regions[BRAIN])
    voxel_ml = slice_step * patient.series.geometry.voxel_volume_ml
    rows: list[RegionFigures] = []
    lesions: dict[str, LesionAgreement] = {}
    for quantity, variant, values in map_variants(maps, patient, truth, regions, by_arterial_curve):
        for name, region in regions.items():
            is_tmax = quantity == _TMAX
            rows.append(
                RegionFigures(
                    quantity,
                    variant,
                    name,
                    agreement(values, truth[quantity], region),
                    clipped_mean_absolute(values, truth[quantity], region) if is_tmax else None,
                )
            )
        if quantity == _TMAX:
            lesions[variant] = lesion_agreement(values, truth[_TMAX], regions[BRAIN], voxel_ml)
    calibration = None
    if _UNCERTAINTY in maps.names and _TMAX in truth:
        calibration = laplace_calibration(
            maps[_TMAX], maps[_UNCERTAINTY], truth[_TMAX], regions[BRAIN]
        )
    return MapFigures(tuple(rows), lesions, calibration)


def map_variants(
    maps: PerfusionMaps,
    patient: EvaluatedPatient,
    truth: dict[str, np.ndarray],
    regions: dict[str, np.ndarray],
    by_arterial_curve: bool,
) -> Iterator[tuple[str, str, np.ndarray]]:
    """(quantity, variant, map) of everything that can be compared.

    truth    true maps by name; those that are not in it are left out.
    regions  of brain_regions; for the others see `map_figures`.
    """
    for name in maps.names:
        if name not in truth:
            continue
        values = maps[name]
        if name in _SCALED and by_arterial_curve:
            if patient.arterial_share is not None:
                yield name, "", values * np.float32(patient.arterial_share)
            ratio = agreement(values, truth[name], regions[TISSUE]).median_ratio
            if ratio > 0:
                fitted = values / np.float32(ratio)
                yield name, FITTED, fitted
                if name == "CBF" and "RBF" not in maps.names:
                    yield "RBF", "", relative_flow(fitted, regions[BRAIN])
        else:
            yield name, "", values
        if name == _TMAX and by_arterial_curve:
            offset = agreement(values, truth[name], regions[BRAIN]).median_difference
            yield name, WITHOUT_OFFSET, values - np.float32(offset)
