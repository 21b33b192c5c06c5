"""The way from a series and two regions to the five collateral maps on disk."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .analysis.collateral_phases import METHOD, ReferenceCurves, phase_maps, reference_curves
from .maps.perfusion_maps import PerfusionMaps
from .maps.write import (
    RESEARCH_USE,
    unwritable,
    usable_folder,
    write_json,
    write_maps,
    write_report,
)
from .progress import CancelCheck, Progress, never, part, silent
from .run_report import preparation_settings, run_report, timed
from .series.atomic import replacing
from .series.dsc_series import DscSeries
from .series.images import read_mask
from .series.phases import PHASES
from .series.prepare import PreparationOptions, Prepared, prepare


@dataclass(frozen=True)
class PhaseOptions:
    """How collateral maps are made.

    preparation  see PreparationOptions.
    mask_file    brain mask on the grid of the series; None to find it automatically.
    method       what the maps are said to be made by.
    quantities   names of the maps wanted; empty for all five.
    warnings     sentences on what was asked for, said with those on the maps.
    """

    preparation: PreparationOptions = field(default_factory=PreparationOptions)
    mask_file: Path | None = None
    method: str = METHOD
    quantities: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PhaseOutcome:
    """What came out: the maps, the curves that divided time, and the report on them."""

    maps: PerfusionMaps
    prepared: Prepared
    references: ReferenceCurves
    report: dict[str, Any]
    files: dict[str, Any]


def make_phase_maps(
    series: DscSeries,
    mca_file: Path,
    sss_file: Path,
    output: Path,
    options: PhaseOptions | None = None,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> PhaseOutcome:
    """Prepare `series`, divide its time by two regions and write the maps into `output`.

    mca_file, sss_file  masks on the grid of the series, drawn as analysis.collateral_phases says.
    Beside what `write_maps` writes: reference_curves.csv (time, both curves in 1/s and the phase
    of each frame), phases.json (the intervals and the rule behind each bound) and report.json.
    Raises InputError where something given cannot be used, Cancelled where asked to stop.
    """
    options = options or PhaseOptions()
    output = Path(output)
    seconds: dict[str, float] = {}
    series.require_echo_time()
    mca, sss = (read_mask(file, series.geometry) for file in (mca_file, sss_file))
    mask = read_mask(options.mask_file, series.geometry) if options.mask_file else None
    usable_folder(output)
    with timed(seconds, "preparation"):
        prepared = prepare(series, options.preparation, mask, part(progress, 0.0, 0.6), cancelled)
    steady, brain = prepared.series, prepared.mask
    with timed(seconds, "phases"):
        references = reference_curves(steady, brain, mca, sss, prepared.bolus)
        maps = phase_maps(steady, brain, mca, sss, references, part(progress, 0.6, 0.9), cancelled)
    settings = {
        **maps.settings,
        "mca": mca_file.name,
        "sss": sss_file.name,
        "preparation": preparation_settings(options.preparation, options.mask_file),
    }
    kept = {
        item: array
        for item, array in maps.arrays.items()
        if not options.quantities or item.name in options.quantities
    }
    maps = replace(
        maps,
        arrays=kept,
        method=options.method,
        settings=settings,
        warnings=(*options.warnings, *maps.warnings),
    )
    progress(0.9, "Writing")
    with timed(seconds, "writing"):
        files = write_maps(maps, output)
        files |= _write_division(references, maps, output)
    report = run_report(series, prepared, None, maps, "cpu", seconds)
    files["report"] = write_report(report, output)
    progress(1.0, "Done")
    return PhaseOutcome(maps, prepared, references, report, files)


def _write_division(
    references: ReferenceCurves, maps: PerfusionMaps, folder: Path
) -> dict[str, str]:
    """Write reference_curves.csv and phases.json; returns their paths by name."""
    files = {"reference_curves": folder / "reference_curves.csv", "phases": folder / "phases.json"}
    try:
        write_reference_curves(references, files["reference_curves"])
        write_json(_division(references, maps), files["phases"])
    except OSError as error:
        raise unwritable(folder, error) from error
    return {name: str(path) for name, path in files.items()}


def write_reference_curves(references: ReferenceCurves, path: Path) -> None:
    """Write the two curves with the phase of each frame as CSV. Raises OSError."""
    named = np.searchsorted(references.division.bounds_s, references.times_s, side="right")
    phases = ("", *PHASES, "")
    with (
        replacing(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(("time_s", "mca_1_per_s", "sss_1_per_s", "phase"))
        for time, artery, vein, phase in zip(
            references.times_s,
            references.arterial.curve,
            references.venous.curve,
            named,
            strict=True,
        ):
            writer.writerow((f"{time:.6g}", f"{artery:.8g}", f"{vein:.8g}", phases[phase]))


def _division(references: ReferenceCurves, maps: PerfusionMaps) -> dict[str, Any]:
    division = references.division
    return {
        "phases": {
            name: {
                "start_s": round(start, 3),
                "end_s": round(end, 3),
                "start": division.rules[index],
                "end": division.rules[index + 1],
            }
            for index, (name, (start, end)) in enumerate(division.intervals_s.items())
        },
        "curves": {
            name: {
                "region": maps.settings[name],
                "voxels": int(found.voxels.sum()),
                "peak_per_s": float(found.curve.max()),
                "saturated": found.saturated,
            }
            for name, found in (("mca", references.arterial), ("sss", references.venous))
        },
        "brain_level_per_s": maps.settings["brain_level_per_s"],
        "use": RESEARCH_USE,
    }
