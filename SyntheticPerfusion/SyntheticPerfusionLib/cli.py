"""`synthetic-perfusion`: the library's work without a screen; also what the panel runs.

Exit codes: 0 done, 2 unusable input (one line on standard error), 1 a fault of the program,
130 stopped by the person.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from importlib import import_module
from typing import Any

from . import __version__
from .errors import Cancelled, InputError

COMMANDS = (
    "methods",
    "maps",
    "phases",
    "ratio",
    "phantom",
    "cohort",
    "train",
    "evaluate",
    "demo",
    "gallery",
)

DONE, FAULT, UNUSABLE, STOPPED = 0, 1, 2, 130


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    parser = argparse.ArgumentParser(
        prog="synthetic-perfusion",
        description="DSC-MRI perfusion maps. For research only; not for clinical decisions.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        import_module(f".commands.{command}", __package__).add_parser(subparsers)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # Threads that spin for long while they wait take the cores from each other on a busy machine,
    # where work then takes twenty times as long. Read when torch is loaded, which is later.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        parsed = build_parser().parse_args(arguments)
        code = int(parsed.run(parsed))
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"synthetic-perfusion: {error}", file=sys.stderr)
        return UNUSABLE
    except (Cancelled, KeyboardInterrupt):
        print("synthetic-perfusion: stopped; files already written are whole.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # Whoever read has enough; what is still in the buffer must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except MemoryError:
        print(
            "synthetic-perfusion: the memory is not enough for this series; close other programs "
            "or crop the series.",
            file=sys.stderr,
        )
        return FAULT


def _interrupt(number: int, frame: Any) -> None:
    """Let a polite kill clean up as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
