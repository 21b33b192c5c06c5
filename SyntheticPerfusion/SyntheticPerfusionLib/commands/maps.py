"""`synthetic-perfusion maps`: a series in, perfusion maps out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..maps.write import check_inputs_survive
from ..methods.device import DEVICES
from ..pipeline import MapOptions, make_maps
from ..series.prepare import PreparationOptions
from ..series.read import read_series
from ..series.sidecar import sidecar_path
from .reporting import Reporter, choose_reporter

_MOST_SMOOTHING = 10.0


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "maps",
        help="compute perfusion maps of a series",
        description="Compute perfusion maps of a 4D DSC series. For research only.",
    )
    parser.add_argument(
        "series",
        type=Path,
        metavar="SERIES",
        help="4D NIfTI (a BIDS sidecar beside it gives the timing), 4D NRRD or a DICOM folder",
    )
    parser.add_argument("--method", required=True, metavar="NAME", help="see `methods`")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    parser.add_argument("--echo-time", type=float, metavar="S", help="TE in seconds")
    parser.add_argument("--repetition-time", type=float, metavar="S", help="TR in seconds")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="brain mask on the series' grid")
    parser.add_argument(
        "--aif",
        type=Path,
        metavar="FILE",
        help="arterial curve (CSV: time_s,concentration_1_per_s) or mask of arterial voxels",
    )
    parser.add_argument(
        "--device", default="auto", help=f"{', '.join(DEVICES)} or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--quantities", default="", metavar="NAMES", help="only these maps, as in CBF,MTT"
    )
    parser.add_argument(
        "--motion-correction", action="store_true", help="move each frame back onto the baseline"
    )
    parser.add_argument(
        "--leakage-correction", action="store_true", help="also give CBV_corrected and K2"
    )
    parser.add_argument(
        "--smooth-time", type=float, default=0.0, metavar="S", help="temporal Gaussian, SD in s"
    )
    parser.add_argument(
        "--smooth-space", type=float, default=0.0, metavar="MM", help="in-plane FWHM in mm"
    )
    parser.add_argument(
        "--json-progress", action="store_true", help="one JSON object a line, for programs"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    _check_smoothing("--smooth-time", arguments.smooth_time, "s")
    _check_smoothing("--smooth-space", arguments.smooth_space, "mm")
    series_files = (arguments.series, sidecar_path(arguments.series))
    check_inputs_survive(arguments.output, (*series_files, arguments.mask, arguments.aif))
    options = MapOptions(
        preparation=PreparationOptions(
            motion_correction=arguments.motion_correction,
            smoothing_time_s=arguments.smooth_time,
            smoothing_space_mm=arguments.smooth_space,
        ),
        device=arguments.device,
        quantities=tuple(name.strip() for name in arguments.quantities.split(",") if name.strip()),
        leakage_correction=arguments.leakage_correction,
        aif_file=arguments.aif,
        mask_file=arguments.mask,
    )
    with choose_reporter(arguments.json_progress) as reporter:
        reporter.progress(0.0, "Reading the series")
        series = read_series(arguments.series, arguments.echo_time, arguments.repetition_time)
        outcome = make_maps(series, arguments.method, arguments.output, options, reporter.progress)
        _tell(reporter, outcome.report, outcome.files)
    return 0


def _check_smoothing(option: str, value: float, unit: str) -> None:
    if not 0 <= value <= _MOST_SMOOTHING:
        raise InputError(
            f"{option} is {value:g}, expected 0 (none) to {_MOST_SMOOTHING:g} {unit}; "
            "light smoothing is 1 to 4."
        )


def _tell(reporter: Reporter, report: dict[str, Any], files: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        reporter.warn(warning)
    bolus, series = report["bolus"], report["series"]
    lines = [
        f"Bolus: arrival in frame {bolus['arrival_frame']}, peak in frame {bolus['peak_frame']} "
        f"({bolus['peak_time_s']:.1f} s), signal drop {bolus['drop']:.0%}",
        f"Timing: TR {series['repetition_time_s']:g} s ({series['frame_times_source']})"
        + (
            f", TE {series['echo_time_s']:g} s ({series['echo_time_source']})"
            if series["echo_time_s"] is not None
            else ""
        ),
        f"{report['method']}: {', '.join(files['maps'])} in {files['output']}",
        report["use"],
    ]
    reporter.result(files, lines)
