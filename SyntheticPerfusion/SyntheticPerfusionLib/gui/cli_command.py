"""How the command line is started from inside Slicer: with its Python and this library."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

LIBRARY_FOLDER = Path(__file__).resolve().parents[2]


def cli_command(arguments: Sequence[str]) -> list[str]:
    """The command that runs `synthetic-perfusion ARGUMENTS` in a Python of its own."""
    # Inside Slicer sys.executable is the application; its Python is on PATH as PythonSlicer.
    python = shutil.which("PythonSlicer") or sys.executable
    return [python, "-m", "SyntheticPerfusionLib.cli", *arguments]


def cli_environment() -> dict[str, str]:
    """The environment of the child: this one's, with the library found first."""
    environment = dict(os.environ)
    paths = [str(LIBRARY_FOLDER), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment["PYTHONUNBUFFERED"] = "1"
    return environment
