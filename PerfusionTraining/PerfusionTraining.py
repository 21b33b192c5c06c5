#!/usr/bin/env python-real
"""Training for Slicer's execution model: what the form asks for, handed to `synthetic-perfusion`.

Slicer runs this file as a process of its own, reads its progress from standard output and takes
each line on standard error for an error. It installs nothing: where packages are missing it says
which, and the panel offers to install them.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

LIBRARY = "SyntheticPerfusionLib"
RECIPES = (
    "tmax-hess",
    "ttp-hess",
    "rbf-hess",
    "phae",
    "phae-delay",
    "pix2pix",
    "temp-pix2pix",
    "collateral-mdrnn",
    "collateral-drnn",
)
DEVICES = ("auto", "cpu", "cuda", "mps")
UNUSABLE = 2


def build_parser() -> argparse.ArgumentParser:
    """What PerfusionTraining.xml describes; a test compares the two."""
    parser = argparse.ArgumentParser(prog="PerfusionTraining", description=__doc__)
    parser.add_argument("--recipe", choices=RECIPES, default="phae-delay")
    parser.add_argument("--configuration", default="")
    parser.add_argument("--changes", default="")
    parser.add_argument("--patients", default="")
    parser.add_argument("--start-from", default="")
    parser.add_argument("--name", default="my-model")
    parser.add_argument("--output", default="")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--threads", type=int, default=0)
    return parser


def command(form: argparse.Namespace) -> list[str]:
    """The command line that does what the form says; empty fields change nothing."""
    options = {
        "--output": form.output,
        "--data": form.patients,
        "--start-from": form.start_from,
        "--name": form.name,
        "--epochs": form.epochs,
        "--device": form.device if form.device != "auto" else "",
        "--threads": form.threads,
    }
    given = [text for option, value in options.items() if value for text in (option, str(value))]
    changes = filter(None, map(str.strip, form.changes.split(";")))
    given += [text for change in changes for text in ("--set", change)]
    install = ["--install"] if form.install else []
    return ["train", form.configuration or form.recipe, *given, *install, "--slicer-progress"]


def find_library() -> None:
    """Put the library on Python's path, where an installed extension has not put it there.

    Raises ModuleNotFoundError where it is in none of the places it is looked for.
    """
    if importlib.util.find_spec(LIBRARY):
        return
    above = Path(__file__).resolve().parents[1]
    for place in (above / "SyntheticPerfusion", above / "qt-scripted-modules"):
        if (place / LIBRARY).is_dir():
            sys.path.insert(0, str(place))
            return
    raise ModuleNotFoundError(
        f"PerfusionTraining needs {LIBRARY} of the extension SyntheticPerfusion, which is not "
        "installed; install the extension, or run this file where it lies in the source tree."
    )


def main() -> int:
    """Train as the form says; returns the exit code."""
    form = build_parser().parse_args()
    if not form.output:
        print("PerfusionTraining: there is no output folder; choose one.", file=sys.stderr)
        return UNUSABLE
    try:
        find_library()
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    from SyntheticPerfusionLib.cli import main as run

    return run(command(form))


if __name__ == "__main__":
    sys.exit(main())
