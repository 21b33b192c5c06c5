"""`synthetic-perfusion maps`: a series in, perfusion maps out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..methods.device import DEVICES
from ..pipeline import MapOptions, make_maps
from .reporting import Reporter, choose_reporter
from .series_arguments import add_series_arguments, open_series, preparation_of, series_lines


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "maps",
        help="compute perfusion maps of a series",
        description="Compute perfusion maps of a 4D DSC series. For research only.",
    )
    add_series_arguments(parser)
    parser.add_argument(
        "--method",
        required=True,
        metavar="NAME",
        help="see `methods`; or the path of a model folder",
    )
    parser.add_argument(
        "--aif",
        type=Path,
        metavar="FILE",
        help="arterial curve (CSV: time_s,concentration_1_per_s) or mask of arterial voxels",
    )
    parser.add_argument(
        "--mca", type=Path, metavar="FILE", help="region in the healthy side's MCA (collateral-roi)"
    )
    parser.add_argument(
        "--sss", type=Path, metavar="FILE", help="region in the sagittal sinus (collateral-roi)"
    )
    parser.add_argument(
        "--device", default="auto", help=f"{', '.join(DEVICES)} or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--quantities", default="", metavar="NAMES", help="only these maps, as in CBF,MTT"
    )
    parser.add_argument(
        "--leakage-correction", action="store_true", help="also give CBV_corrected and K2"
    )
    parser.add_argument(
        "--leakage-model",
        choices=("boxerman", "transit"),
        help="of --leakage-correction: Boxerman et al. 2006 (default), or theirs with a third "
        "term, so that slow transit does not pass for leakage",
    )
    parser.add_argument(
        "--reconstruction",
        action="store_true",
        help="also write the series that the maps stand for (phae-delay)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    if arguments.leakage_model and not arguments.leakage_correction:
        raise InputError(
            "--leakage-model was given without --leakage-correction, which it is a part of; "
            "give both or neither."
        )
    drawn = {"mca": arguments.mca, "sss": arguments.sss}
    options = MapOptions(
        preparation=preparation_of(arguments, arguments.aif, *drawn.values()),
        device=arguments.device,
        quantities=tuple(name.strip() for name in arguments.quantities.split(",") if name.strip()),
        leakage_correction=arguments.leakage_correction,
        allow_for_transit=arguments.leakage_model == "transit",
        reconstruction=arguments.reconstruction,
        aif_file=arguments.aif,
        mask_file=arguments.mask,
        regions={name: file for name, file in drawn.items() if file is not None},
    )
    with choose_reporter(arguments.json_progress) as reporter:
        reporter.progress(0.0, "Reading the series")
        series = open_series(arguments)
        outcome = make_maps(series, arguments.method, arguments.output, options, reporter.progress)
        _tell(reporter, outcome.report, outcome.files)
    return 0


def _tell(reporter: Reporter, report: dict[str, Any], files: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        reporter.warn(warning)
    lines = [
        *series_lines(report),
        f"{report['method']}: {', '.join(files['maps'])} in {files['output']}",
        report["use"],
    ]
    reporter.result(files, lines)
