"""What every command that works on a series asks for, and the series that it means."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..maps.write import check_inputs_survive
from ..series.dsc_series import DscSeries
from ..series.prepare import PreparationOptions
from ..series.read import read_series
from ..series.sidecar import sidecar_path

_MOST_SMOOTHING = 10.0


def add_series_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the series, the output folder and how the series is read and prepared."""
    parser.add_argument(
        "series",
        type=Path,
        metavar="SERIES",
        help="4D NIfTI (a BIDS sidecar beside it gives the timing), 4D NRRD or a DICOM folder",
    )
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    parser.add_argument("--echo-time", type=float, metavar="S", help="TE in seconds")
    parser.add_argument("--repetition-time", type=float, metavar="S", help="TR in seconds")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="brain mask on the series' grid")
    parser.add_argument(
        "--motion-correction", action="store_true", help="move each frame back onto the baseline"
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


def preparation_of(arguments: argparse.Namespace, *read: Path | None) -> PreparationOptions:
    """How the series is to be prepared; InputError where smoothing makes no sense.

    read  further files that are read: none of them may lie where results are written.
    """
    _check_smoothing("--smooth-time", arguments.smooth_time, "s")
    _check_smoothing("--smooth-space", arguments.smooth_space, "mm")
    series_files = (arguments.series, sidecar_path(arguments.series))
    check_inputs_survive(arguments.output, (*series_files, arguments.mask, *read))
    return PreparationOptions(
        motion_correction=arguments.motion_correction,
        smoothing_time_s=arguments.smooth_time,
        smoothing_space_mm=arguments.smooth_space,
    )


def open_series(arguments: argparse.Namespace) -> DscSeries:
    """The series of the arguments; InputError where it cannot be read."""
    return read_series(arguments.series, arguments.echo_time, arguments.repetition_time)


def series_lines(report: dict[str, Any]) -> list[str]:
    """Bolus and timing of a run's report, in lines for a person."""
    bolus, series = report["bolus"], report["series"]
    echo_time = (
        f", TE {series['echo_time_s']:g} s ({series['echo_time_source']})"
        if series["echo_time_s"] is not None
        else ""
    )
    return [
        f"Bolus: arrival in frame {bolus['arrival_frame']}, peak in frame {bolus['peak_frame']} "
        f"({bolus['peak_time_s']:.1f} s), signal drop {bolus['drop']:.0%}",
        f"Timing: TR {series['repetition_time_s']:g} s ({series['frame_times_source']})"
        + echo_time,
    ]


def _check_smoothing(option: str, value: float, unit: str) -> None:
    if not 0 <= value <= _MOST_SMOOTHING:
        raise InputError(
            f"{option} is {value:g}, expected 0 (none) to {_MOST_SMOOTHING:g} {unit}; "
            "light smoothing is 1 to 4."
        )
