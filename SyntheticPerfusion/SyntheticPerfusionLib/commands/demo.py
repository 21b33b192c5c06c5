"""`synthetic-perfusion demo`: the whole work once over, on digital patients, with pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "demo",
        help="make digital patients, compute their maps, and show them in a report",
        description="Make a digital patient with a high-grade glioma and one with a stroke, "
        "compute their perfusion maps, measure them, and write pictures and an HTML report.",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("demo"), metavar="DIR", help="default: ./demo"
    )
    parser.add_argument("--method", default="oSVD", metavar="NAME", help="default: oSVD")
    parser.add_argument("--seed", type=int, default=1, help="which patients (default: 1)")
    parser.add_argument("--small", action="store_true", help="coarse patients, in seconds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    from ..demonstration import demonstrate
    from .reporting import choose_reporter

    output = arguments.output
    with choose_reporter(False) as reporter:
        report = demonstrate(
            output, arguments.method, arguments.seed, arguments.small, reporter.progress
        )
        folders = {kind: output / kind for kind in ("glioma-high", "stroke")}
        reporter.result(
            {"report": str(report)},
            [
                *(f"{kind}: {folder}/maps, {folder}/pictures" for kind, folder in folders.items()),
                f"Report: {report}",
            ],
        )
    return 0
