"""`synthetic-perfusion evaluate`: methods against the truth of patients that no training saw."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..methods.device import DEVICES
from .cohort import parse_mix
from .reporting import choose_reporter

if TYPE_CHECKING:
    from ..evaluation.patient_sources import PatientSource
    from ..methods.method import Method

_COMPARED = ("oSVD",)
_GRID = "KxJxI"
_SEED = 90_000


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="compare methods with the truth of digital patients",
        description="Make maps of digital patients by one or more methods and compare them with "
        "the truth: by quantity and tissue, in physical units, in the brain without large vessels. "
        "oSVD and the training set's mean stand beside every figure. The arterial curve is found "
        "as by `maps`; flow and volume by it are multiplied by the share of its tracer that an "
        "artery of the series shows, which is known of a drawn patient.",
    )
    parser.add_argument(
        "methods", nargs="+", metavar="METHOD", help="see `methods`; or a model folder's path"
    )
    parser.add_argument(
        "--patients", type=int, metavar="N", help="how many (default 20; of a folder, all)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        help=f"which patients; take another than the training's (default {_SEED})",
    )
    parser.add_argument(
        "--mix", default="", metavar="KIND=SHARE,...", help="as for `cohort` (default: all alike)"
    )
    parser.add_argument(
        "--protocol", default="", metavar="NAME[,NAME...]", help="as for `cohort` (default: all)"
    )
    grid = parser.add_mutually_exclusive_group()
    grid.add_argument(
        "--grid", metavar=_GRID, help="slices, rows and columns over the protocol's field of view"
    )
    grid.add_argument("--small", action="store_true", help="64x64x9 voxels over the field of view")
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="COHORT",
        help="the test patients of a folder that `cohort` wrote, in the place of drawn ones",
    )
    parser.add_argument(
        "--slice-step",
        type=int,
        default=1,
        metavar="N",
        help="maps of every N-th slice alone, to save time (default 1)",
    )
    parser.add_argument(
        "--alone", action="store_true", help="without oSVD and the mean of the training set"
    )
    parser.add_argument(
        "--device", default="auto", help=f"{', '.join(DEVICES)} or cuda:N (default: auto)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "--json-progress", action="store_true", help="one JSON object a line, for programs"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tables. Raises InputError where methods or patients cannot be used."""
    _check(args)
    from ..evaluation.evaluation import evaluate
    from ..evaluation.seen_before import seen_before
    from ..evaluation.summary import per_patient, summary
    from ..evaluation.tables import print_tables
    from ..methods.device import resolve_device
    from ..progress import part

    device = resolve_device(args.device)
    methods = _methods(args.methods, args.alone)
    source = _source(args, device)
    with choose_reporter(args.json_progress) as reporter:
        if not args.alone:
            methods += _trivial(source, methods)
        result = evaluate(
            source.patients, methods, device, args.slice_step, part(reporter.progress, 0.1, 1.0)
        )
        result.warn(seen_before(methods, source.identities))
        for sentence in (*result.warnings, *(f"Left out: {one}" for one in result.left_out)):
            reporter.warn(sentence)
        if not result.found:
            raise InputError("No method gave maps of any of the patients; see the warnings.")
        figures = summary(result)
        if args.json is not None:
            _write(args, result, figures, per_patient(result))
        files = {"figures": None if args.json is None else str(args.json)}
        reporter.result(files, [f"Patients: {len(result.patients)}"])
    if not args.json_progress:
        print_tables(figures)
        print("For research only; not for clinical decisions.")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.patients is not None and args.patients < 1:
        raise InputError(f"--patients is {args.patients}; give 1 or more.")
    if args.slice_step < 1:
        raise InputError(f"--slice-step is {args.slice_step}; give 1 or more.")
    if args.json is not None:
        _check_file(args.json)
    if args.folder is None and args.seed is None:
        args.seed = _SEED
    drawn = {"--mix": args.mix, "--protocol": args.protocol, "--grid": args.grid}
    given = [name for name, value in drawn.items() if value]
    given += ["--small"] if args.small else []
    given += ["--seed"] if args.folder is not None and args.seed is not None else []
    if args.folder is not None and given:
        raise InputError(
            f"{', '.join(given)} and --folder were given; patients of a folder are as they are, "
            "give one or the other."
        )


def _check_file(path: Path) -> None:
    """Raise InputError now for a file that could not be written after the work of an hour."""
    from ..maps.write import usable_folder

    if path.is_dir():
        raise InputError(f"--json {path} is a folder; give the path of a file.")
    usable_folder(path.parent)


def _methods(names: list[str], alone: bool) -> list[Method]:
    from ..methods.registry import get_method

    wanted = [*names, *([] if alone else _COMPARED)]
    return [get_method(name) for name in dict.fromkeys(wanted)]


def _source(args: argparse.Namespace, device: str) -> PatientSource:
    from ..evaluation.patient_sources import drawn_source, stored_source
    from ..phantom.cohort import SMALL_GRID, CohortPlan

    if args.folder is not None:
        return stored_source(args.folder, args.patients, not args.alone)
    grid = SMALL_GRID if args.small else _grid(args.grid)
    plan = CohortPlan(
        patients=20 if args.patients is None else args.patients,
        seed=args.seed,
        mix=tuple(parse_mix(args.mix).items()),
        protocols=tuple(name.strip() for name in args.protocol.split(",") if name.strip()),
        grid=grid,
    )
    return drawn_source(plan, device)


def _grid(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        slices, rows, columns = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise InputError(
            f"--grid is '{text}'; give slices, rows and columns as {_GRID}, as in 9x64x64."
        ) from error
    return slices, rows, columns


def _trivial(source: PatientSource, methods: list[Method]) -> list[Method]:
    from ..evaluation.trivial import known_of_methods, trivial_predictors

    training = (make() for make in source.training)
    return list(trivial_predictors(training, known_of_methods(methods)))


def _write(args: argparse.Namespace, result: Any, figures: Any, rows: list[Any]) -> None:
    from .. import __version__
    from ..maps.write import RESEARCH_USE, unwritable, write_json

    content = {
        "program": f"SyntheticPerfusion {__version__}",
        "use": RESEARCH_USE,
        "arguments": {
            name: str(value) if isinstance(value, Path) else value
            for name, value in vars(args).items()
            if name not in ("run", "json", "json_progress")
        },
        "patients": result.patients,
        "summary": figures,
        "per_patient": rows,
        "left_out": result.left_out,
        "warnings": result.warnings,
    }
    try:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(content, args.json)
    except OSError as error:
        raise unwritable(args.json.parent, error) from error
