"""`synthetic-perfusion cohort`: a folder of digital patients for training and evaluation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .reporting import Reporter, choose_reporter

if TYPE_CHECKING:
    from ..phantom.cohort import CohortPlan
    from ..phantom.cohort_writing import Written

_DONE, _FAULT, _UNUSABLE = 0, 1, 2


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "cohort",
        help="write a folder of digital patients with known truth",
        description="Write digital patients as a BIDS-like folder: series, truth, participants.tsv "
        "with kind, grade and split. The same plan gives the same patients; run it again to go on "
        "where it stopped, or with more --patients to add some.",
    )
    parser.add_argument("directory", metavar="DIR", type=Path, help="folder to write to")
    parser.add_argument("--patients", type=int, required=True, metavar="N", help="how many")
    parser.add_argument(
        "--mix",
        default="",
        metavar="KIND=SHARE,...",
        help="as in stroke=0.3,glioma-high=0.2; shares of the whole they make (default: every "
        "kind alike)",
    )
    parser.add_argument("--seed", type=int, default=0, help="which cohort (default 0)")
    parser.add_argument(
        "--protocol",
        default="",
        metavar="NAME[,NAME...]",
        help="how they are scanned (default: every protocol alike)",
    )
    parser.add_argument(
        "--split",
        default="0.7,0.15,0.15",
        metavar="A,B,C",
        help="shares of training, validation and test (default 0.7,0.15,0.15)",
    )
    parser.add_argument(
        "--workers", type=int, metavar="W", help="processes at a time (default: one for each core)"
    )
    parser.add_argument(
        "--small", action="store_true", help="64x64x9 voxels over the protocol's field of view"
    )
    parser.add_argument(
        "--json-progress", action="store_true", help="one JSON object a line, for programs"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write what is missing of the cohort. Raises InputError for a plan or folder that is no use.

    Returns 0 where every patient is whole, 2 where the plan is to blame for those that are not,
    else 1.
    """
    mix, split = parse_mix(args.mix), _numbers(args.split)
    if args.workers is not None and args.workers < 1:
        raise InputError(f"--workers is {args.workers}; give 1 or more.")

    from concurrent.futures.process import BrokenProcessPool

    from ..phantom.cohort_writing import write_cohort

    plan = _plan(args, mix, split)
    with choose_reporter(args.json_progress, every_step=True) as reporter:
        try:
            written = write_cohort(plan, args.directory, args.workers, reporter.progress)
        except BrokenProcessPool:
            reporter.warn(
                "A process was ended from outside, perhaps for want of memory; what is written is "
                "whole. Run the command again, with fewer --workers."
            )
            return _FAULT
        _tell(reporter, written, args.directory)
    if not written.failures:
        return _DONE
    return _UNUSABLE if all(failure.unusable for failure in written.failures) else _FAULT


def parse_mix(text: str) -> dict[str, float]:
    """Shares by kind of ``stroke=0.3,glioma-high=0.2``; InputError where that is not its form."""
    mix: dict[str, float] = {}
    for part in text.split(",") if text.strip() else ():
        kind, _, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError as error:
            raise InputError(
                f"The mix holds '{part.strip()}'; give KIND=SHARE with a number, "
                "as in stroke=0.3,glioma-high=0.2."
            ) from error
        if kind in mix:
            raise InputError(f"The mix names {kind} twice; give it one share.")
        mix[kind] = value
    return mix


def _plan(args: argparse.Namespace, mix: dict[str, float], split: list[float]) -> CohortPlan:
    from ..phantom.cohort import SMALL_GRID, CohortPlan

    named = tuple(name.strip() for name in args.protocol.split(",") if name.strip())
    return CohortPlan(
        patients=args.patients,
        seed=args.seed,
        mix=tuple(mix.items()),
        protocols=named,
        split=tuple(split),  # type: ignore[arg-type]
        grid=SMALL_GRID if args.small else None,
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(
            f"The split is '{text}'; give three numbers that add up to 1, as in 0.7,0.15,0.15."
        ) from error


def _tell(reporter: Reporter, written: Written, directory: Path) -> None:
    for failure in written.failures:
        member = failure.member
        reporter.warn(
            f"{member.identifier} ({member.kind}, seed {member.seed}, {member.protocol}) could not "
            f"be made: {failure.reason}"
        )
    table = directory / "participants.tsv"
    reporter.result(
        {
            "output": str(directory),
            "participants": str(table),
            "patients": len(written.rows),
            "new": written.new,
            "failed": [failure.member.identifier for failure in written.failures],
        },
        [
            f"Patients: {len(written.rows)}, of them new {written.new}; see {table}",
            "For research only; not for clinical decisions.",
        ],
    )
