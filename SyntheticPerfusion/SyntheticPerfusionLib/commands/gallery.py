"""`synthetic-perfusion gallery`: one digital patient of each kind on a page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "gallery",
        help="show one digital patient of each kind on a page",
        description="Make one digital patient of each kind and write a page with the series, its "
        "curves, the true maps and everything that was drawn. The same seed gives the same page.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=6, help="which patients (default 6)")
    parser.add_argument(
        "--patient", nargs="+", metavar="KIND", help="these kinds alone (default: every kind)"
    )
    parser.add_argument("--small", action="store_true", help="coarse patients, in seconds")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    from ..gallery import KINDS, SHEET, make_gallery
    from .reporting import choose_reporter

    folder = arguments.directory
    with choose_reporter(False) as reporter:
        page = make_gallery(
            folder,
            arguments.seed,
            arguments.small,
            arguments.patient or KINDS,
            reporter.progress,
        )
        reporter.result(
            {"page": str(page)}, [f"One slice of each: {folder / SHEET}", f"Page: {page}"]
        )
    return 0
