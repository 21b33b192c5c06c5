"""How real digital patients look: their figures beside those of real curves and published ones.

Usage: python realism.py [CURVES] [--real FILE.mat ...] [--kinds A B] [--seeds N] [--plot FILE]
[--json]. CURVES is the folder with signal curves of real patients (REAL_CURVES, else
../shared/data/real_curves): *.csv with one cortical region a column, aif_fabber.txt with one
arterial curve. FILE.mat (REAL_DSC_MAT) holds one real slice as (J, I, T), TR 2 s. Neither is part
of this repository, nor is the plot, which shows the slice. What is missing is left out.

Digital patients are scanned at TR 2 s and TE 30 ms over 50 frames, as the real slices are taken
to be, or by a protocol (--protocol).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.analysis.curve_figures import CurveFigures, curve_figures
from SyntheticPerfusionLib.analysis.image_figures import (
    HARDLY,
    autocorrelation,
    correlation_length,
    noise_correlation,
    voxel_figures,
)
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.disease import KINDS
from SyntheticPerfusionLib.phantom.patient import DigitalPatient, make_patient
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.bolus import BolusTiming
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.prepare import prepare

PUBLISHED: dict[str, tuple[float, float]] = {
    "brain dip": (0.40, 0.50),
    "grey matter dip": (0.20, 0.45),
    "artery dip": (0.80, 0.90),
    "brain first frame": (1.0, 1.30),
    "brain end": (0.90, 0.95),
    "artery width [s]": (4.0, 10.0),
    "artery second pass level": (0.05, 0.20),
    "artery second pass after [s]": (8.0, 15.0),
}
"""Ranges of the literature and of the real series seen so far."""

_OF_CURVES = {
    "dip": "dip",
    "first frame": "first_frame",
    "end": "end",
    "second pass": "second_pass",
    "second pass level": "second_pass_level",
    "second pass after [frames]": "second_pass_frames",
    "width [frames]": "width_frames",
    "arrival to peak [frames]": "rise_frames",
    "late rise": "late_rise",
    "tSNR": "tsnr",
}

_PERCENTILES = (5, 25, 75, 95, 99)


@dataclass(frozen=True, eq=False)
class Subject:
    """One series or curve: figures by name, curves and pictures for the plot."""

    name: str
    real: bool
    figures: dict[str, float] = field(default_factory=dict)
    curves: dict[str, tuple[np.ndarray, float | None]] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)
    spread: dict[str, np.ndarray] = field(default_factory=dict)


def main() -> None:
    """Measure, print, draw."""
    asked = _arguments()
    subjects = [*_real_curves(asked.curves), *map(_real_slice, asked.real)]
    seeds = range(asked.seeds)
    for kind, seed in product(asked.kinds, seeds):
        try:
            subjects.append(_digital(kind, seed, asked.protocol))
        except InputError as error:
            print(f"{kind} {seed}: {error}", file=sys.stderr)
    rows = summary(subjects)
    if asked.plot:
        from realism_plot import draw

        draw(subjects, asked.plot)
    if asked.json:
        everything = {subject.name: subject.figures for subject in subjects}
        print(json.dumps({"summary": rows, "subjects": everything}, indent=1))
    else:
        _print(rows)


def summary(subjects: list[Subject]) -> list[dict[str, object]]:
    """One row for each figure: ranges of the real, the published and the digital, and a verdict."""
    names = dict.fromkeys(name for subject in subjects for name in subject.figures)
    rows = []
    for name in names:
        real, digital = (
            [
                value
                for subject in subjects
                if subject.real is wanted
                and np.isfinite(value := subject.figures.get(name, float("nan")))
            ]
            for wanted in (True, False)
        )
        published = PUBLISHED.get(name)
        rows.append(
            {
                "figure": name,
                "real": _range(real),
                "published": list(published) if published else None,
                "digital": _range(digital),
                "digital_median": float(np.median(digital)) if digital else None,
                "verdict": _verdict(real, published, digital),
            }
        )
    return rows


def _range(values: list[float]) -> list[float] | None:
    return [float(min(values)), float(max(values))] if values else None


def _verdict(real: list[float], published: tuple[float, float] | None, digital: list[float]) -> str:
    """'low' or 'high' where the median digital one lies outside, 'partly' where some do."""
    known = [*real, *(published or ())]
    if not known or not digital:
        return ""
    lowest, highest, middle = min(known), max(known), float(np.median(digital))
    if middle < lowest:
        return "low"
    if middle > highest:
        return "high"
    return "partly" if min(digital) < lowest or max(digital) > highest else ""


def _real_curves(folder: Path) -> Iterator[Subject]:
    for path in sorted(folder.glob("*.csv")):
        regions = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        curves = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
        for region, curve in zip(regions, curves.T, strict=True):
            yield _with_curves(
                Subject(f"{path.stem} {region}", True), {"grey matter": (curve, None)}
            )
    artery = folder / "aif_fabber.txt"
    if artery.is_file():
        yield _with_curves(Subject("aif_fabber", True), {"artery": (np.loadtxt(artery), 1.5)})


def _real_slice(path: Path) -> Subject:
    from scipy.io import loadmat

    (volume,) = (value for name, value in loadmat(path).items() if not name.startswith("__"))
    frames = np.moveaxis(volume, 2, 0)[:, None].astype(np.float32)
    series = DscSeries(
        frames,
        2.0 * np.arange(len(frames)),
        Geometry((1, *frames.shape[2:]), (1.8, 1.8, 5.0)),
        echo_time_s=0.030,
    )
    return _of_series(Subject(path.stem, True), series)


def _digital(kind: str, seed: int, protocol: str | None) -> Subject:
    acquisition = Acquisition(repetition_time_s=2.0, frames=50)
    if protocol:
        from SyntheticPerfusionLib.phantom.protocols import draw_acquisition

        acquisition = draw_acquisition(protocol, np.random.default_rng(seed))
    patient = make_patient(kind, seed, acquisition)
    return _of_series(Subject(f"{kind} {seed}", False), patient.series, patient)


def _of_series(
    subject: Subject, series: DscSeries, patient: DigitalPatient | None = None
) -> Subject:
    prepared = prepare(series)
    bolus, mask, step_s = prepared.acquired, prepared.mask, series.repetition_time_s
    curves = {"brain": (series.mean_curve(mask), step_s)}
    if patient is not None:
        curves["grey matter"] = (series.mean_curve(mask & (patient.shares["grey"] > 0.6)), step_s)
    try:
        aif = find_aif(prepared.series, mask, prepared.bolus)
    except InputError as error:
        print(f"{subject.name}: {error}", file=sys.stderr)
    else:
        curves["artery"] = (series.mean_curve(aif.voxels), step_s)
        subject.figures["artery voxels"] = float(aif.voxels.sum())
        subject.figures["artery tail"] = aif.quality.tail_fraction
        subject.figures["artery before brain [s]"] = bolus.peak_time_s - aif.quality.peak_time_s
    _with_curves(subject, curves, bolus)
    _voxels(subject, series, mask, bolus)
    return subject


def _with_curves(
    subject: Subject,
    curves: dict[str, tuple[np.ndarray, float | None]],
    timing: BolusTiming | None = None,
) -> Subject:
    for where, (curve, step_s) in curves.items():
        found: CurveFigures = curve_figures(curve, timing)
        for label, name in _OF_CURVES.items():
            value = getattr(found, name)
            subject.figures[f"{where} {label}"] = value
            if step_s is not None and "[frames]" in label:
                subject.figures[f"{where} {label.replace('frames', 's')}"] = value * step_s
        subject.curves[where] = (curve, step_s)
    return subject


def _voxels(subject: Subject, series: DscSeries, mask: np.ndarray, bolus: BolusTiming) -> None:
    found = voxel_figures(series, mask, bolus)
    figures, step_mm = subject.figures, series.geometry.spacing[0]
    median = float(np.median(found.baseline))
    peak = series.signal[bolus.peak][mask]
    for percentile in _PERCENTILES:
        figures[f"baseline p{percentile} / median"] = (
            np.percentile(found.baseline, percentile) / median
        )
    for percentile in _PERCENTILES:
        figures[f"peak frame p{percentile} / median"] = np.percentile(peak, percentile) / np.median(
            peak
        )
    for percentile in (5, 25, 50, 75, 95):
        figures[f"voxel dip p{percentile}"] = np.percentile(found.dip, percentile)
    figures[f"voxels that dip under {HARDLY:.0%}"] = np.mean(found.dip < HARDLY)
    figures["voxels that dip over 80%"] = np.mean(found.dip > 0.8)
    times = found.peak_frame[np.isfinite(found.peak_frame)]
    low, quarter, most, high = np.percentile(times, (5, 25, 75, 95)) * series.repetition_time_s
    figures["TTP p5 to p95 [s]"] = high - low
    figures["TTP p25 to p75 [s]"] = most - quarter
    figures["voxel tSNR median"] = np.median(found.tsnr)
    figures["voxel tSNR p95 / p5"] = np.percentile(found.tsnr, 95) / np.percentile(found.tsnr, 5)
    curve = subject.figures.get("brain tSNR", float("nan"))
    figures["noise shared by voxels"] = np.median(found.tsnr) / curve
    figures["noise, correlation of neighbours"] = noise_correlation(series, mask)
    pictures = {
        "baseline": found.picture(found.baseline / median),
        "dip": found.picture(found.dip),
        "TTP": found.picture(found.peak_frame),
    }
    for name, picture in pictures.items():
        figures[f"{name}, correlation of neighbours"] = autocorrelation(picture, 1)
        figures[f"{name}, correlation length [mm]"] = correlation_length(picture, step_mm)
    steady = series.signal[bolus.baseline_start : bolus.baseline_stop].mean(axis=0)
    figures["scalp / brain"] = _around(steady, mask) / median
    figures["air / brain"] = float(np.mean(steady[:, :8, :8])) / median
    subject.pictures.update(
        {"before": steady / median, "at peak": series.signal[bolus.peak] / median, **pictures}
    )
    subject.spread.update(
        {"baseline": found.baseline / median, "dip": found.dip, "TTP": times - bolus.peak}
    )


def _around(steady: np.ndarray, mask: np.ndarray) -> float:
    """95th percentile of the signal between 2 and 10 voxels outside the brain."""
    from scipy import ndimage

    distance = np.stack([ndimage.distance_transform_edt(~one) for one in mask])
    near = (distance >= 2) & (distance <= 10) & mask.any(axis=(1, 2), keepdims=True)
    return float(np.percentile(steady[near], 95))


def _print(rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("figure", "real", "published", "digital (median)", "")
    for row in rows:
        middle = row["digital_median"]
        digital = _shown(row["digital"])
        table.add_row(
            Text(str(row["figure"])),
            _shown(row["real"]),
            _shown(row["published"]),
            f"{digital} ({middle:.3g})" if isinstance(middle, float) else digital,
            str(row["verdict"]),
        )
    Console(width=120).print(table)


def _shown(ends: object) -> str:
    return "{:.3g} .. {:.3g}".format(*ends) if isinstance(ends, list) else "-"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    curves = os.environ.get("REAL_CURVES", "../shared/data/real_curves")
    slices = [Path(os.environ["REAL_DSC_MAT"])] if os.environ.get("REAL_DSC_MAT") else []
    parser.add_argument("curves", nargs="?", type=Path, default=Path(curves))
    parser.add_argument("--real", nargs="+", type=Path, default=slices, metavar="FILE.mat")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--seeds", type=int, default=2, help="patients of each kind")
    parser.add_argument("--protocol", help="scan by this protocol instead of TR 2 s, TE 30 ms")
    parser.add_argument("--plot", type=Path, help="PNG file of curves and pictures")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
