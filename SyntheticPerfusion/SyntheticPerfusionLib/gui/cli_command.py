"""How the command line is started from inside Slicer: with its Python and this library."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

LIBRARY_FOLDER = Path(__file__).resolve().parents[2]


def cli_command(arguments: Sequence[str]) -> list[str]:
    """The command that runs `synthetic-perfusion ARGUMENTS` in a Python of its own.

    Raises RuntimeError where no Python program is found.
    """
    return [_python(), "-m", "SyntheticPerfusionLib.cli", *arguments]


def _python() -> str:
    # Inside Slicer sys.executable is the application or empty; its Python is on PATH as
    # PythonSlicer. A build from source may have the plain program of its Python only.
    if Path(sys.executable).stem.lower().startswith("python"):
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = (Path(sys.base_prefix) / folder / version for folder in ("bin", "."))
    for candidate in ("PythonSlicer", *map(str, beside)):
        found = shutil.which(candidate)
        if found is not None:
            return found
    raise RuntimeError("Slicer's Python (PythonSlicer) was not found; reinstall Slicer.")


def cli_environment() -> dict[str, str]:
    """The environment of the child: this one's, with the library found first."""
    environment = dict(os.environ)
    paths = [str(LIBRARY_FOLDER), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    environment["PYTHONUNBUFFERED"] = "1"
    return environment
