"""The whole way from a series to maps on disk: what the command line and the panel both run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .errors import InputError
from .maps.perfusion_maps import PerfusionMaps
from .maps.write import usable_folder, write_maps, write_report
from .methods.collateral_roi import CollateralRegions
from .methods.device import resolve_device
from .methods.method import Method
from .methods.registry import classical_names, get_method
from .phase_pipeline import PhaseOptions, make_phase_maps
from .progress import CancelCheck, Progress, never, part, silent
from .run_report import preparation_settings, run_report, timed
from .series.aif import Aif
from .series.aif_file import read_aif_csv
from .series.aif_search import find_aif
from .series.aif_voxels import aif_of_voxels, late_warning
from .series.dsc_series import DscSeries
from .series.images import read_mask
from .series.prepare import PreparationOptions, Prepared, prepare
from .series.write import write_series


@dataclass(frozen=True)
class MapOptions:
    """How maps are made.

    preparation         see PreparationOptions.
    device              auto, cpu, cuda, cuda:N or mps.
    quantities          names of the maps wanted; empty for all that the method gives.
    leakage_correction  whether classical methods also give CBV_corrected and K2; with
                        `allow_for_transit`, fitted so that slow transit does not pass for leakage
                        (series/leakage.py).
    reconstruction      whether the series that the maps stand for is written too, where the method
                        has a model of the curve.
    aif_file            CSV curve or mask image of arterial voxels; None to find it automatically.
    mask_file           brain mask on the grid of the series; None to find it automatically.
    regions             masks on the grid of the series by their names in `Needs.regions`, for a
                        method that needs them.
    """

    preparation: PreparationOptions = field(default_factory=PreparationOptions)
    device: str = "auto"
    quantities: tuple[str, ...] = ()
    leakage_correction: bool = False
    allow_for_transit: bool = False
    reconstruction: bool = False
    aif_file: Path | None = None
    mask_file: Path | None = None
    regions: Mapping[str, Path] = field(default_factory=dict)


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
    method = get_method(
        method_name,
        leakage=options.leakage_correction,
        allow_for_transit=options.allow_for_transit,
    )
    wanted = _wanted(method, options.quantities)
    method = method.only(wanted)
    _check_regions(method, options.regions)
    _check_needs(method, series)
    if options.reconstruction and type(method).reconstruct is Method.reconstruct:
        raise InputError(
            f"{method.name} has no model of the curve to reconstruct a series by; leave out "
            "--reconstruction or take phae-delay."
        )
    if method.needs.regions:
        return _divided_by_regions(series, method, output, options, progress, cancelled)
    usable_folder(output)
    with timed(seconds, "start"):
        device = resolve_device(options.device)
    if method.has_weights:
        with timed(seconds, "weights"):
            method.load(device)
    with timed(seconds, "preparation"):
        mask = read_mask(options.mask_file, series.geometry) if options.mask_file else None
        prepared = prepare(series, options.preparation, mask, part(progress, 0.0, 0.4), cancelled)
    aif = None
    if method.needs.aif:
        progress(0.4, "Arterial input function")
        with timed(seconds, "aif"):
            aif = arterial_input(prepared, options.aif_file)
    with timed(seconds, "method"):
        maps = method.estimate(
            prepared.series, prepared.mask, aif, device, part(progress, 0.5, 0.9), cancelled
        )
    explained = None
    if options.reconstruction and aif is not None:
        explained = method.reconstruct(maps, prepared.series, aif)
    said = (*_unused_aif(method, options.aif_file), *method.range_warnings(series))
    maps = replace(maps, warnings=(*said, *maps.warnings))
    maps = _only(maps, wanted, preparation_settings(options.preparation, options.mask_file))
    progress(0.9, "Writing")
    with timed(seconds, "writing"):
        files = write_maps(maps, output, aif)
        if explained is not None:
            file = output / "reconstruction.nii.gz"
            write_series(explained, file)
            files["reconstruction"] = str(file)
    report = run_report(series, prepared, aif, maps, device, seconds)
    files["report"] = write_report(report, output)
    progress(1.0, "Done")
    return Outcome(maps, prepared, aif, report, files)


def _divided_by_regions(
    series: DscSeries,
    method: Method,
    output: Path,
    options: MapOptions,
    progress: Progress,
    cancelled: CancelCheck,
) -> Outcome:
    """The maps of two regions, made as `phases` makes them."""
    outcome = make_phase_maps(
        series,
        options.regions["mca"],
        options.regions["sss"],
        output,
        PhaseOptions(
            options.preparation,
            options.mask_file,
            method.name,
            options.quantities,
            _unused_aif(method, options.aif_file),
        ),
        progress,
        cancelled,
    )
    return Outcome(outcome.maps, outcome.prepared, None, outcome.report, outcome.files)


def arterial_input(prepared: Prepared, file: Path | None) -> Aif:
    """The arterial curve: found automatically, or from a CSV or mask file."""
    series, bolus = prepared.series, prepared.bolus
    if file is None:
        aif = find_aif(series, prepared.mask, bolus)
    elif file.suffix.lower() in (".csv", ".tsv"):
        aif = read_aif_csv(file, series.frame_times_s)
    else:
        voxels = read_mask(file, series.geometry)
        aif = aif_of_voxels(series, voxels, bolus, f"mask {file.name}")
    return replace(aif, warnings=(*aif.warnings, *late_warning(aif, bolus)))


def _wanted(method: Method, names: tuple[str, ...]) -> tuple[str, ...]:
    given = [item.name for item in method.quantities]
    unknown = [name for name in names if name not in given]
    if unknown:
        hint = " (more with --leakage-correction)" if _with_leakage(method, unknown) else ""
        raise InputError(
            f"{method.name} does not give {', '.join(unknown)}; it gives {', '.join(given)}{hint}."
        )
    return names or tuple(given)


def _with_leakage(method: Method, names: list[str]) -> bool:
    """Whether `method` gives all of `names` once leakage is corrected for."""
    if method.name not in classical_names():
        return False
    corrected = [item.name for item in get_method(method.name, leakage=True).quantities]
    return set(names) <= set(corrected)


def _unused_aif(method: Method, file: Path | None) -> tuple[str, ...]:
    if file is None or method.needs.aif:
        return ()
    return (f"{method.name} uses no arterial input function; {file.name} was not used.",)


def _check_regions(method: Method, given: Mapping[str, Path]) -> None:
    needed = method.needs.regions
    missing = [f"--{name}" for name in needed if name not in given]
    if missing:
        names = " and ".join(name.upper() for name in needed)
        raise InputError(
            f"{method.name} needs the regions {names}, drawn as masks on the grid of the series; "
            f"give {' and '.join(missing)}."
        )
    unused = [f"--{name}" for name in given if name not in needed]
    if unused:
        raise InputError(
            f"{method.name} uses no regions; leave out {' and '.join(unused)} or take "
            f"{CollateralRegions.name}."
        )


def _check_needs(method: Method, series: DscSeries) -> None:
    if method.needs.echo_time:
        series.require_echo_time()
    if series.frame_count < method.needs.minimum_frames:
        raise InputError(
            f"The series has {series.frame_count} frames; {method.name} needs at least "
            f"{method.needs.minimum_frames}."
        )


def _only(
    maps: PerfusionMaps, names: tuple[str, ...], preparation: dict[str, Any]
) -> PerfusionMaps:
    """The maps that are wanted, with how the series was prepared among their settings."""
    kept = {item: array for item, array in maps.arrays.items() if item.name in names}
    return replace(maps, arrays=kept, settings={**maps.settings, "preparation": preparation})
