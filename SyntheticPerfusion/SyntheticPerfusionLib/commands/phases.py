"""`synthetic-perfusion phases`: a series and two regions in, the five collateral maps out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reporting import choose_reporter
from .series_arguments import add_series_arguments, open_series, preparation_of, series_lines

if TYPE_CHECKING:
    from ..phase_pipeline import PhaseOutcome

_REGIONS = """
The two regions are masks on the grid of the series, drawn on a frame near the peak of the bolus,
where vessels are darkest. MCA: two to ten voxels along the middle cerebral artery (M1 or M2) of the
side without the occlusion. SSS: five to twenty voxels in the middle of the superior sagittal sinus.
Look at reference_curves.csv, or at --pictures: the artery must peak some 5 to 9 s before the sinus.
For research only.
"""


def add_parser(subparsers: Any) -> None:
    """Add the parser of this command."""
    parser = subparsers.add_parser(
        "phases",
        help="compute collateral maps of a series from two regions",
        description="Divide the passage of the bolus into arterial, capillary, early venous, late "
        "venous and delay phase by the curves of two regions, and map the tracer of each phase.",
        epilog=_REGIONS,
    )
    add_series_arguments(parser)
    parser.add_argument(
        "--mca", required=True, type=Path, metavar="FILE", help="region in the healthy side's MCA"
    )
    parser.add_argument(
        "--sss", required=True, type=Path, metavar="FILE", help="region in the sagittal sinus"
    )
    parser.add_argument(
        "--pictures", action="store_true", help="also draw the curves and the maps as PNG files"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; 0 where it went well."""
    from ..phase_pipeline import PhaseOptions, make_phase_maps

    if arguments.pictures:
        from ..analysis.figure import require_matplotlib

        require_matplotlib()
    preparation = preparation_of(arguments, arguments.mca, arguments.sss)
    options = PhaseOptions(preparation, arguments.mask)
    with choose_reporter(arguments.json_progress) as reporter:
        reporter.progress(0.0, "Reading the series")
        series = open_series(arguments)
        outcome = make_phase_maps(
            series, arguments.mca, arguments.sss, arguments.output, options, reporter.progress
        )
        report, files = outcome.report, outcome.files
        if arguments.pictures:
            files["pictures"] = _draw(outcome, arguments.output)
        for warning in report["warnings"]:
            reporter.warn(warning)
        intervals = outcome.references.division.intervals_s
        lines = [
            *series_lines(report),
            "Phases: "
            + ", ".join(
                f"{name.replace('_', ' ')} {start:.1f} to {end:.1f} s"
                for name, (start, end) in intervals.items()
            ),
            f"{', '.join(files['maps'])} in {files['output']}",
            report["use"],
        ]
        reporter.result(files, lines)
    return 0


def _draw(outcome: PhaseOutcome, folder: Path) -> list[str]:
    from ..analysis.phase_pictures import division_picture, phases_picture

    division = outcome.references.division
    return [
        str(division_picture(folder / "reference_curves.png", outcome.references)),
        str(phases_picture(folder / "phases.png", outcome.maps, division)),
    ]
