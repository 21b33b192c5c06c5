"""The interpreter of an environment with a peer's package, made where it is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

PEER = "osipy==0.1.4"


def peer_python(folder: Path | None) -> Path | None:
    """Interpreter of an environment with osipy, made in `folder`; None where that cannot be."""
    if folder is None:
        return None
    python = folder / "bin" / "python"
    if not python.exists():
        candidates = [
            *filter(None, [shutil.which("python3.12")]),
            *map(str, sorted(Path.home().glob(".pyenv/versions/3.12*/bin/python"))),
        ]
        found = [candidate for candidate in candidates if runs(candidate)]
        if not found:
            print("osipy is left out: no Python 3.12 was found.")
            return None
        subprocess.run([found[0], "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True)
    return python


def runs(python: str) -> bool:
    """Whether an interpreter starts: a launcher of one that is not installed does not."""
    return subprocess.run([python, "--version"], capture_output=True).returncode == 0
