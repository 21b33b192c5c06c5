"""One digital patient of each kind on a page: what the scanner gives, and the truth behind it.

Whoever trains on digital patients, or doubts them, sees here what they are: pictures, curves, every
true map that a patient carries, and everything that was drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .analysis.contact_sheet import Panel, Row, contact_sheet
from .analysis.curve_figures import curve_figures
from .analysis.curve_pictures import curves_picture
from .analysis.figure import require_matplotlib
from .analysis.pictures import label_picture, overlay_picture, volume_picture
from .analysis.report import Case, Picture, Table, write_report
from .analysis.tiles import radiological
from .errors import InputError
from .maps.write import RESEARCH_USE, usable_folder
from .phantom.acquisition import Acquisition
from .phantom.disease import KINDS
from .phantom.patient import DigitalPatient, TissueLabel, make_patient
from .phantom.territories import Territory
from .progress import CancelCheck, Progress, never, part, silent
from .series.bolus import BolusTiming, find_bolus

SHEET = "patients.png"

_TITLES = {
    "healthy": "Healthy",
    "stroke": "Acute stroke",
    "steno-occlusive": "Steno-occlusive disease",
    "moyamoya": "Moyamoya-like disease",
    "glioma-high": "High-grade glioma",
    "glioma-low": "Low-grade glioma",
}
_ON_SHEET = ("CBF", "CBV", "MTT", "Tmax")
_TISSUES = {"grey matter": ("grey", 0.8), "white matter": ("white", 0.9)}
_VESSELS = ("artery", "vein")
_VESSEL_VOXELS = 20
_SINCE_START = ("TTP", "BAT")
_REFERENCES = ("mca", "sss")
"""Regions of vessels, not of disease."""

_DIPS = ("brain", "grey matter", "white matter", "artery", "vein")


def make_gallery(
    output: Path,
    seed: int = 6,
    small: bool = False,
    kinds: Sequence[str] = KINDS,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Path:
    """Write the page of one patient of each of `kinds` to `output`; returns its path.

    seed   of the first kind; the others have those that follow, so that no two share a head.
    small  coarse patients.
    The pictures stay beside the page, in a folder for each kind; SHEET shows a slice of every
    patient. Raises InputError where the folder, a kind or the seed cannot be used, Cancelled where
    asked to stop.
    """
    require_matplotlib()
    if seed < 0:
        raise InputError(f"The seed is {seed}; give 0 or more.")
    usable_folder(output)
    acquisition = Acquisition.small() if small else Acquisition()
    cases, rows = [], []
    for number, kind in enumerate(kinds):
        own_seed = seed + (KINDS.index(kind) if kind in KINDS else 0)
        own = part(progress, number / len(kinds), (number + 1) / len(kinds))
        patient = make_patient(
            kind, own_seed, acquisition, progress=part(own, 0.0, 0.6), cancelled=cancelled
        )
        own(0.6, "Drawing pictures")
        bolus = find_bolus(patient.series, patient.mask)
        cases.append(_case(output / kind, patient, bolus))
        rows.append(_row(patient, bolus))
    sheet = contact_sheet(output / SHEET, rows)
    glance = Case(
        title="At a glance",
        summary="The slice with most of the lesion, or the middle one: the series before the bolus "
        "and at its peak in one grey window, then the truth.",
        pictures=[Picture(sheet, "One digital patient of each kind.")],
    )
    return write_report(
        output / "gallery.html",
        "SyntheticPerfusion: digital patients",
        "No person was scanned: these series are simulated from a known truth, and a kind and a "
        "seed make the same patient again. Here is one patient of each kind as a scanner would "
        "see it, and the truth that maps are held against.",
        [glance, *cases],
        RESEARCH_USE,
    )


def _case(folder: Path, patient: DigitalPatient, bolus: BolusTiming) -> Case:
    usable_folder(folder)
    series = patient.series
    return Case(
        title=_title(patient.kind),
        summary=f"{series.name}: {series.frame_count} frames of "
        f"{'x'.join(str(count) for count in series.geometry.shape[::-1])} voxels, TR "
        f"{series.repetition_time_s:g} s, TE {1000 * series.require_echo_time():g} ms. The signal "
        f"of the brain falls by {bolus.drop:.0%}.",
        tables=[_truth_table(patient), _signal_table(patient, bolus)],
        pictures=[
            *_series_pictures(folder, patient, bolus),
            *_curve_pictures(folder, patient, bolus),
            *_label_pictures(folder, patient),
            *_truth_pictures(folder, patient, bolus),
        ],
        settings=_flat({"acquisition": asdict(patient.acquisition), **patient.settings}),
    )


def _title(kind: str) -> str:
    return _TITLES.get(kind, kind.replace("-", " ").capitalize())


def _baseline(patient: DigitalPatient, bolus: BolusTiming) -> np.ndarray:
    steady = patient.series.signal[bolus.baseline_start : bolus.baseline_stop]
    return np.asarray(steady.mean(axis=0))


def _window(baseline: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    return 0.0, 1.25 * float(np.percentile(baseline[mask], 99.5))


def _series_pictures(folder: Path, patient: DigitalPatient, bolus: BolusTiming) -> list[Picture]:
    geometry, baseline = patient.series.geometry, _baseline(patient, bolus)
    window = _window(baseline, patient.mask)
    outlines = dict(patient.rois)
    before = volume_picture(
        folder / "baseline.png", baseline, geometry, "Before the bolus", outlines, window
    )
    peak = volume_picture(
        folder / "peak.png",
        patient.series.signal[bolus.peak],
        geometry,
        f"At the peak of the bolus (frame {bolus.peak})",
        window=window,
    )
    return [
        Picture(before, "The series before the bolus, with the regions of the patient."),
        Picture(peak, "The frame at the peak of the bolus, in the same grey window."),
    ]


def regions(patient: DigitalPatient) -> dict[str, np.ndarray]:
    """Masks by name whose curves tell the patient: brain, tissues, vessels, then its own regions.

    Tissue is taken where nothing else is in the voxel and no lesion is; of each kind of vessel the
    fullest voxels.
    """
    found = {"brain": patient.mask}
    vessels = patient.shares["artery"] + patient.shares["vein"]
    ill = np.zeros_like(patient.mask)
    for name in ("lesion", "tumor"):
        ill |= patient.rois.get(name, ill)
    for name, (tissue, least) in _TISSUES.items():
        found[name] = patient.mask & (patient.shares[tissue] > least) & (vessels < 0.02) & ~ill
    for name in _VESSELS:
        share = patient.shares[name]
        fullest = np.sort(share, axis=None)[-min(_VESSEL_VOXELS, share.size)]
        found[name] = share >= max(float(fullest), 1e-3)
    return {name: mask for name, mask in {**found, **patient.rois}.items() if mask.any()}


def _curve_pictures(folder: Path, patient: DigitalPatient, bolus: BolusTiming) -> list[Picture]:
    times = patient.series.frame_times_s
    steady = slice(bolus.baseline_start, bolus.baseline_stop)
    curves = {}
    named = set(patient.rois) >= set(_REFERENCES)
    for name, mask in regions(patient).items():
        if named and name in _VESSELS:
            continue
        curve = patient.series.mean_curve(mask)
        curves[name] = 100 * curve / curve[steady].mean()
    signal = curves_picture(
        folder / "curves.png", times, curves, "Signal by region", "Signal [% of baseline]"
    )
    true = {"arterial input": patient.aif, "venous output": patient.vof}
    inputs = curves_picture(
        folder / "inputs.png",
        times,
        {name: curve.concentration for name, curve in true.items()},
        "True curves in blood, on the scale of tissue",
        "dR2* [1/s]",
    )
    return [
        Picture(
            signal,
            "Mean signal of each region.",
        ),
        Picture(inputs, "The curve that feeds the tissue, and the one that leaves it."),
    ]


def _label_pictures(folder: Path, patient: DigitalPatient) -> list[Picture]:
    geometry = patient.series.geometry
    tissues = {int(label): _in_words(label.name) for label in TissueLabel if label}
    drawn = label_picture(folder / "labels.png", patient.labels, tissues, geometry, "Tissue")
    pictures = [Picture(drawn, "What each voxel mostly is.")]
    territories = getattr(patient, "territories", None)
    if territories is not None:
        drawn = label_picture(
            folder / "territories.png",
            territories,
            {int(one): _in_words(one.name) for one in Territory if one},
            geometry,
            "Arterial territories",
        )
        pictures.append(Picture(drawn, "The artery that feeds each voxel."))
    return pictures


def _in_words(name: str) -> str:
    """LEFT_MCA_DEEP as left MCA deep: arteries keep their capitals."""
    words = name.split("_")
    return " ".join(
        word if word in ("ACA", "MCA", "PCA", "CSF") else word.lower() for word in words
    )


def _truth_pictures(folder: Path, patient: DigitalPatient, bolus: BolusTiming) -> list[Picture]:
    baseline = _baseline(patient, bolus)
    outlines = {name: roi for name, roi in patient.rois.items() if name not in _REFERENCES}
    return [
        Picture(
            overlay_picture(
                folder / f"{quantity.name}.png",
                values,
                quantity,
                baseline,
                patient.mask,
                patient.series.geometry,
                f"{quantity.title} (truth)",
                outlines,
                _span(values[patient.mask])
                if quantity.name in _SINCE_START
                else quantity.display_range,
            ),
            f"{quantity.title}: the truth.",
        )
        for quantity, values in patient.truth.arrays.items()
    ]


def _span(values: np.ndarray) -> tuple[float, float]:
    """A window that times counted from the start of the scan fill."""
    low, high = np.percentile(values, (1, 99.5))
    return float(np.floor(low)), float(np.ceil(high))


def _truth_table(patient: DigitalPatient) -> Table:
    shown = {
        name: mask
        for name, mask in regions(patient).items()
        if name not in (*_VESSELS, *_REFERENCES)
    }
    volume_ml = patient.series.geometry.voxel_volume_ml
    rows = [("Volume [ml]", *(_figures(mask.sum() * volume_ml) for mask in shown.values()))]
    rows += [
        (quantity.label, *(_figures(values[mask].mean()) for mask in shown.values()))
        for quantity, values in patient.truth.arrays.items()
    ]
    return Table(
        "True means by region; the brain with its vessels, of either matter the purest voxels",
        ("", *shown),
        rows,
    )


def _figures(value: float) -> str:
    """Three figures, and never a power of ten."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _signal_table(patient: DigitalPatient, bolus: BolusTiming) -> Table:
    rows = []
    masks = regions(patient)
    step_s = patient.series.repetition_time_s
    for name in _DIPS:
        if name not in masks:
            continue
        try:
            found = curve_figures(patient.series.mean_curve(masks[name]), bolus)
        except InputError as error:
            rows.append((name, str(error), "", "", "", ""))
            continue
        rows.append(
            (
                name,
                f"{found.dip:.0%}",
                f"{found.width_frames * step_s:.1f}",
                f"{found.second_pass_level:.0%}" if found.second_pass else "-",
                f"{found.first_frame:.2f}",
                f"{found.end:.2f}",
            )
        )
    return Table(
        "Signal by region; of arteries and veins the fullest voxels",
        (
            "Region",
            "Fall at the peak",
            "Width [s]",
            "Second pass over the first",
            "First frame / baseline",
            "End / baseline",
        ),
        rows,
    )


def _row(patient: DigitalPatient, bolus: BolusTiming) -> Row:
    """One slice for the sheet: that with most of the lesion, or the middle one."""
    geometry, baseline = patient.series.geometry, _baseline(patient, bolus)
    own = next((patient.rois[name] for name in ("lesion", "tumor") if name in patient.rois), None)
    shown = patient.mask if own is None or not own.any() else own
    area = radiological(shown, geometry)[0].sum(axis=(1, 2))
    index = int(area.argmax()) if shown is own else round(0.55 * (len(area) - 1))
    window = _window(baseline, patient.mask)
    panels = [
        Panel("before", baseline, window),
        Panel("peak", patient.series.signal[bolus.peak], window),
    ]
    for quantity, values in patient.truth.arrays.items():
        if quantity.name in _ON_SHEET:
            panels.append(
                Panel(quantity.name, values, quantity.display_range, quantity, patient.mask)
            )
    return Row(_title(patient.kind).replace(" ", "\n", 1), geometry, index, panels)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Settings within settings as rows of a table."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}: ")
        else:
            rows.append((f"{prefix}{name.replace('_', ' ')}", _plain(value)))
    return rows


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(item) for item in value)
    return str(value)
