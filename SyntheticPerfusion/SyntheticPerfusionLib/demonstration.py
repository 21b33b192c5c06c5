"""The whole work once over, on digital patients: series, maps, regions, pictures and a report.

A person sees what the program does before having a series of their own, and how far its maps are
from a truth that is known here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .analysis.agreement import agreement, area_under_roc
from .analysis.curve_pictures import aif_picture, bolus_picture
from .analysis.figure import require_matplotlib
from .analysis.pictures import overlay_picture, volume_picture
from .analysis.report import Case, Picture, Table, write_report
from .analysis.roi_ratio import roi_ratio
from .errors import InputError
from .maps.write import RESEARCH_USE, usable_folder
from .phantom.acquisition import Acquisition
from .phantom.patient import DigitalPatient, make_patient
from .phantom.write import write_patient
from .pipeline import MapOptions, Outcome, make_maps
from .progress import CancelCheck, Progress, never, part, silent
from .series.read import read_series

_TITLES = {
    "glioma-high": "High-grade glioma",
    "stroke": "Acute stroke of the middle cerebral artery",
}
_TMAX_LIMIT_S = 6.0
_PICTURED = ("CBF", "CBV", "CBV_corrected", "K2", "MTT", "Tmax", "TTP")

_COMPARED = ("CBF", "CBV", "rCBV", "CBV_corrected", "MTT", "Tmax")
"""Ratios of times since the first frame, or of K2 (about 0 in normal tissue), say nothing."""

_SCALE_NOTE = (
    "CBF and CBV are on the scale of the arterial curve. Tracer changes R2* far less inside an "
    "artery than it does between capillaries, so a measured arterial curve is too small and "
    "absolute CBF and CBV come out too large, CBV by one factor for the whole brain. Deconvolution "
    "at this noise loses part of the flow, the more the shorter the transit time: MTT comes out "
    "too long, and CBF ratios between tissues of different MTT are not exact. Tmax of oSVD carries "
    "an offset of 1 to 3 s: thresholds of other programs, such as 6 s, do not carry over."
)


def demonstrate(
    output: Path,
    method: str = "oSVD",
    seed: int = 1,
    small: bool = False,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Path:
    """Make two patients, their maps and the report in `output`; returns the report's path.

    `small` makes coarse patients. Raises InputError where the folder or the method cannot be
    used, Cancelled where asked to stop.
    """
    require_matplotlib()
    usable_folder(output)
    acquisition = Acquisition.small() if small else Acquisition()
    cases = []
    for number, kind in enumerate(_TITLES):
        own = part(progress, number / len(_TITLES), (number + 1) / len(_TITLES))
        cases.append(_case(output / kind, kind, method, seed, acquisition, own, cancelled))
    return write_report(
        output / "report.html",
        "SyntheticPerfusion: demonstration on digital patients",
        "Both series were simulated from a known truth and went the way of a real one: read from "
        "NIfTI, brain mask, bolus, arterial input function and deconvolution, all automatic.",
        cases,
        RESEARCH_USE,
    )


def _case(
    folder: Path,
    kind: str,
    method: str,
    seed: int,
    acquisition: Acquisition,
    progress: Progress,
    cancelled: CancelCheck,
) -> Case:
    patient = make_patient(
        kind, seed, acquisition, progress=part(progress, 0.0, 0.5), cancelled=cancelled
    )
    progress(0.5, "Writing the series")
    series_file = write_patient(patient, folder / "patient")[0]
    outcome = make_maps(
        read_series(series_file),
        method,
        folder / "maps",
        MapOptions(leakage_correction=kind.startswith("glioma")),
        part(progress, 0.6, 0.8),
        cancelled,
    )
    progress(0.8, "Drawing pictures")
    tables = [_ratio_table(patient, outcome)] if "tumor" in patient.rois else []
    if "lesion" in patient.rois and "Tmax" in outcome.maps.names:
        tables.append(_lesion_table(patient, outcome))
    tables.append(_agreement_table(patient, outcome))
    bolus, series = outcome.report["bolus"], outcome.report["series"]
    return Case(
        title=_TITLES[kind],
        summary=f"{patient.series.name}: {series['frames']} frames, TR "
        f"{series['repetition_time_s']:g} s, TE {1000 * series['echo_time_s']:g} ms. Bolus in "
        f"frame {bolus['arrival_frame']}, peak at {bolus['peak_time_s']:.1f} s, the signal of the "
        f"brain falls by {bolus['drop']:.0%}.",
        tables=tables,
        pictures=_pictures(folder / "pictures", patient, outcome),
        warnings=outcome.report["warnings"],
        settings=[(name, str(value)) for name, value in outcome.report["settings"].items()],
    )


def _pictures(folder: Path, patient: DigitalPatient, outcome: Outcome) -> list[Picture]:
    usable_folder(folder)
    series, geometry = outcome.prepared.series, patient.series.geometry
    bolus = outcome.prepared.bolus
    acquired = outcome.prepared.acquired
    background = series.signal[bolus.baseline_start : bolus.baseline_stop].mean(axis=0)
    outlines = {name: roi for name, roi in patient.rois.items() if name not in ("mca", "sss")}
    pictures = [
        Picture(
            bolus_picture(
                folder / "bolus.png",
                patient.series.frame_times_s,
                acquired.mean_signal,
                (
                    float(patient.series.frame_times_s[acquired.baseline_start]),
                    float(patient.series.frame_times_s[acquired.baseline_stop - 1]),
                ),
                acquired.arrival_time_s,
                acquired.peak_time_s,
            ),
            "Mean signal of the brain with the baseline and the bolus that were found.",
        )
    ]
    if outcome.aif is not None:
        pictures.append(
            Picture(
                aif_picture(folder / "aif.png", outcome.aif, patient.aif),
                "The arterial curve that was found, and the true one scaled to its height.",
            )
        )
    arteries = None if outcome.aif is None else outcome.aif.voxels
    pictures.append(
        Picture(
            volume_picture(
                folder / "baseline.png",
                background,
                geometry,
                "Series before the bolus",
                {"arterial voxels": arteries} if arteries is not None else None,
            ),
            "The series before the bolus; outlined, the voxels of the arterial curve.",
        )
    )
    for quantity, values in outcome.maps.arrays.items():
        if quantity.name not in _PICTURED:
            continue
        pictures.append(
            Picture(
                overlay_picture(
                    folder / f"{quantity.name}.png",
                    values,
                    quantity,
                    background,
                    outcome.maps.mask,
                    geometry,
                    f"{quantity.title} ({outcome.maps.method})",
                    outlines,
                ),
                f"{quantity.title}. {quantity.definition}",
            )
        )
        if quantity in patient.truth.arrays:
            pictures.append(
                Picture(
                    overlay_picture(
                        folder / f"{quantity.name}_truth.png",
                        patient.truth[quantity.name],
                        quantity,
                        background,
                        patient.mask,
                        geometry,
                        f"{quantity.title} (truth)",
                        outlines,
                        quantity.display_range,
                    ),
                    f"{quantity.title}: the truth.",
                )
            )
    return pictures


def _ratio_table(patient: DigitalPatient, outcome: Outcome) -> Table:
    tumor, reference = patient.rois["tumor"], patient.rois["reference"]
    geometry = patient.series.geometry
    rows = []
    for quantity, values in outcome.maps.arrays.items():
        if quantity.name not in _COMPARED:
            continue
        try:
            found = roi_ratio(values, tumor, reference, geometry)
        except InputError as error:
            rows.append((quantity.label, str(error), "", "", "", "", ""))
            continue
        truth_name = quantity.name.removesuffix("_corrected")
        true = "-"
        if truth_name in patient.truth.names:
            true = f"{roi_ratio(patient.truth[truth_name], tumor, reference, geometry).ratio:.2f}"
        rows.append(
            (
                quantity.label,
                f"{found.tumor.mean:.3g}",
                f"{found.reference.mean:.3g}",
                f"{found.ratio:.2f}",
                true,
                f"{found.tumor.voxels:.0f} / {found.reference.voxels:.0f}",
                f"{found.tumor.volume_ml:.1f} / {found.reference.volume_ml:.1f}",
            )
        )
    return Table(
        "Tumor over contralateral white matter",
        ("Map", "Tumor", "Reference", "Ratio", "True ratio", "Voxels", "Volume [ml]"),
        rows,
    )


def _lesion_table(patient: DigitalPatient, outcome: Outcome) -> Table:
    tmax, truth = outcome.maps["Tmax"], patient.truth["Tmax"]
    brain = outcome.maps.mask & patient.mask & _tissue(patient)
    lesion = patient.rois["lesion"] & brain
    volume = patient.series.geometry.voxel_volume_ml
    rows = [
        ("Lesion (core and penumbra), true", f"{patient.rois['lesion'].sum() * volume:.0f} ml"),
        ("Core, true", f"{patient.rois['core'].sum() * volume:.0f} ml"),
        (
            f"Tmax > {_TMAX_LIMIT_S:g} s, true map",
            f"{np.sum(brain & (truth > _TMAX_LIMIT_S)) * volume:.0f} ml",
        ),
        (
            f"Tmax > {_TMAX_LIMIT_S:g} s, {outcome.maps.method}",
            f"{np.sum(brain & (tmax > _TMAX_LIMIT_S)) * volume:.0f} ml",
        ),
        (
            f"Lesion against normal tissue by Tmax ({outcome.maps.method}), area under the curve",
            f"{area_under_roc(tmax, lesion, brain & ~patient.rois['lesion']):.3f}",
        ),
    ]
    return Table("Lesion", ("", ""), rows, "Programs differ by 20 ml and more on one patient.")


def _agreement_table(patient: DigitalPatient, outcome: Outcome) -> Table:
    where = outcome.maps.mask & patient.mask & _tissue(patient)
    rows = []
    for quantity, values in outcome.maps.arrays.items():
        if quantity in patient.truth.arrays:
            found = agreement(values, patient.truth[quantity.name], where)
            rows.append(
                (
                    quantity.label,
                    f"{found.correlation:.2f}",
                    f"{found.median_ratio:.2f}",
                    f"{found.median_difference:+.2f}",
                )
            )
    return Table(
        "Against the truth, in brain tissue without vessels and fluid",
        ("Map", "r", "Median of estimate / truth", "Median difference"),
        rows,
        _SCALE_NOTE,
    )


def _tissue(patient: DigitalPatient) -> np.ndarray:
    shares: Mapping[str, np.ndarray] = patient.shares
    tissue = (shares["artery"] + shares["vein"] < 0.01) & (shares["csf"] < 0.2)
    return np.asarray(tissue)
