"""The whole way from a series to maps on disk: what the command line and the panel both run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .errors import InputError
from .maps.perfusion_maps import PerfusionMaps
from .maps.write import RESEARCH_USE, usable_folder, write_maps, write_report
from .methods.device import resolve_device
from .methods.method import Method
from .methods.registry import get_method
from .progress import CancelCheck, Progress, never, part, silent
from .series.aif import Aif
from .series.aif_file import read_aif_csv
from .series.aif_search import find_aif
from .series.aif_voxels import aif_of_voxels, late_warning
from .series.bolus import BolusTiming
from .series.concentration import Flag
from .series.dsc_series import DscSeries
from .series.images import read_mask
from .series.prepare import PreparationOptions, Prepared, prepare


@dataclass(frozen=True)
class MapOptions:
    """How maps are made.

    preparation         see PreparationOptions.
    device              auto, cpu, cuda, cuda:N or mps.
    quantities          names of the maps wanted; empty for all that the method gives.
    leakage_correction  whether classical methods also give CBV_corrected and K2.
    aif_file            CSV curve or mask image of arterial voxels; None to find it automatically.
    mask_file           brain mask on the grid of the series; None to find it automatically.
    """

    preparation: PreparationOptions = field(default_factory=PreparationOptions)
    device: str = "auto"
    quantities: tuple[str, ...] = ()
    leakage_correction: bool = False
    aif_file: Path | None = None
    mask_file: Path | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out: the maps, what they were made from, and the report on them."""

    maps: PerfusionMaps
    prepared: Prepared
    aif: Aif | None
    report: dict[str, Any]
    files: dict[str, Any]


def make_maps(
    series: DscSeries,
    method_name: str,
    output: Path,
    options: MapOptions | None = None,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Outcome:
    """Prepare `series`, run the method and write its maps into the folder `output`.

    Raises InputError where something given cannot be used, Cancelled where asked to stop.
    """
    options = options or MapOptions()
    output = Path(output)
    seconds: dict[str, float] = {}
    method = get_method(method_name, leakage=options.leakage_correction)
    wanted = _wanted(method, options.quantities)
    _check_needs(method, series)
    usable_folder(output)
    with _timed(seconds, "start"):
        device = resolve_device(options.device)
    with _timed(seconds, "preparation"):
        mask = read_mask(options.mask_file, series.geometry) if options.mask_file else None
        prepared = prepare(series, options.preparation, mask, part(progress, 0.0, 0.4), cancelled)
    aif = None
    if method.needs.aif:
        progress(0.4, "Arterial input function")
        with _timed(seconds, "aif"):
            aif = arterial_input(prepared, options.aif_file)
    with _timed(seconds, "method"):
        maps = method.estimate(
            prepared.series, prepared.mask, aif, device, part(progress, 0.5, 0.9), cancelled
        )
    maps = _only(maps, wanted, _preparation(options))
    progress(0.9, "Writing")
    with _timed(seconds, "writing"):
        files = write_maps(maps, output, aif)
    report = _report(series, prepared, aif, maps, device, seconds)
    files["report"] = write_report(report, output)
    progress(1.0, "Done")
    return Outcome(maps, prepared, aif, report, files)


def arterial_input(prepared: Prepared, file: Path | None) -> Aif:
    """The arterial curve: found automatically, or from a CSV or mask file."""
    series, bolus = prepared.series, prepared.bolus
    if file is None:
        aif = find_aif(series, prepared.mask, bolus)
    elif file.suffix.lower() == ".csv":
        aif = read_aif_csv(file, series.frame_times_s)
    else:
        voxels = read_mask(file, series.geometry)
        aif = aif_of_voxels(series, voxels, bolus, f"mask {file.name}")
    return replace(aif, warnings=(*aif.warnings, *late_warning(aif, bolus)))


def _wanted(method: Method, names: tuple[str, ...]) -> tuple[str, ...]:
    given = [item.name for item in method.quantities]
    unknown = [name for name in names if name not in given]
    if unknown:
        corrected = [item.name for item in get_method(method.name, leakage=True).quantities]
        hint = " (more with --leakage-correction)" if set(unknown) <= set(corrected) else ""
        raise InputError(
            f"{method.name} does not give {', '.join(unknown)}; it gives {', '.join(given)}{hint}."
        )
    return names or tuple(given)


def _check_needs(method: Method, series: DscSeries) -> None:
    if method.needs.echo_time:
        series.require_echo_time()
    if series.frame_count < method.needs.minimum_frames:
        raise InputError(
            f"The series has {series.frame_count} frames; {method.name} needs at least "
            f"{method.needs.minimum_frames}."
        )


def _preparation(options: MapOptions) -> dict[str, Any]:
    """What was done to the series before the method, for the provenance of its maps."""
    return {
        **asdict(options.preparation),
        "mask": options.mask_file.name if options.mask_file else "automatic",
    }


def _only(
    maps: PerfusionMaps, names: tuple[str, ...], preparation: dict[str, Any]
) -> PerfusionMaps:
    """The maps that are wanted, with how the series was prepared among their settings."""
    kept = {item: array for item, array in maps.arrays.items() if item.name in names}
    return replace(maps, arrays=kept, settings={**maps.settings, "preparation": preparation})


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)


def _report(
    series: DscSeries,
    prepared: Prepared,
    aif: Aif | None,
    maps: PerfusionMaps,
    device: str,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Everything a reader needs to judge the maps or make them again, as plain JSON values."""
    warnings = [*prepared.warnings, *(aif.warnings if aif else ()), *maps.warnings]
    return {
        "program": f"SyntheticPerfusion {__version__}",
        "use": RESEARCH_USE,
        "method": maps.method,
        "settings": dict(maps.settings),
        "device": device,
        "series": {
            "name": series.name,
            "frames": series.frame_count,
            "shape": list(series.geometry.shape),
            "spacing_mm": list(series.geometry.spacing),
            "repetition_time_s": series.repetition_time_s,
            "frame_times_source": series.frame_times_source,
            "echo_time_s": series.echo_time_s,
            "echo_time_source": series.echo_time_source,
        },
        "bolus": _bolus(prepared.acquired),
        "motion": _motion(prepared),
        "mask_voxels": int(prepared.mask.sum()),
        "flagged_voxels": _flag_counts(maps),
        "aif": _aif(aif),
        "quantities": {
            item.name: {"unit": item.unit, "definition": item.definition} for item in maps.arrays
        },
        "warnings": warnings,
        "seconds": seconds,
    }


def _bolus(bolus: BolusTiming) -> dict[str, Any]:
    return {
        "frames_dropped": bolus.first_steady,
        "baseline_frames": [bolus.baseline_start, bolus.baseline_stop - 1],
        "arrival_frame": bolus.arrival,
        "arrival_time_s": bolus.arrival_time_s,
        "peak_frame": bolus.peak,
        "peak_time_s": bolus.peak_time_s,
        "drop": bolus.drop,
    }


def _motion(prepared: Prepared) -> dict[str, Any] | None:
    found = prepared.displacement
    if found is None:
        return None
    return {
        "mean_displacement_mm": [
            round(float(value), 3) if np.isfinite(value) else None for value in found.mean_mm
        ],
        "uncorrected_frames": list(found.uncorrected),
    }


def _flag_counts(maps: PerfusionMaps) -> dict[str, int]:
    if maps.flags is None:
        return {}
    inside = maps.flags[maps.mask]
    return {
        flag.name.lower(): int(np.sum(inside == flag)) for flag in Flag if flag is not Flag.GOOD
    }


def _aif(aif: Aif | None) -> dict[str, Any] | None:
    if aif is None:
        return None
    quality = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in asdict(aif.quality).items()
    }
    voxels = None if aif.voxels is None else int(aif.voxels.sum())
    return {"source": aif.source, "voxels": voxels, **quality}
