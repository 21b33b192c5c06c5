"""Runs `synthetic-perfusion` as a person or a program would: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "SyntheticPerfusion"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "SyntheticPerfusionLib.cli", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCES)}


def run(*arguments: object, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment(), capture_output=True, text=True, **options
    )
