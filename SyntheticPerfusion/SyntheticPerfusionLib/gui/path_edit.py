"""Fields for paths: no path chosen is an empty field, where Slicer's binding writes a dot."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def chosen_path(path: Path) -> Path | None:
    """The path, or None where none was chosen."""
    return Path(path) if str(path) not in ("", ".") else None


def show_no_dot(edit: Any) -> None:
    """Empty the field where it shows what stands for no path."""
    if edit.currentPath == ".":
        edit.currentPath = ""
