"""Tables that can be pasted into a page, and figures as JSON beside their command."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table with a title above it."""
    print(f"\n{title}\n")
    print("| " + " | ".join(header) + " |")
    print("|---" * len(header) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def shown(value: float | None, form: str = ".2f") -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None or not math.isfinite(value) else format(value, form)


def write_figures(path: Path, content: Mapping[str, Any]) -> None:
    """Write figures with the command that makes them again; numbers that are none become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = " ".join(["python", *sys.argv])
    path.write_text(
        json.dumps(plain({"command": command, **content}), indent=2) + "\n", encoding="utf-8"
    )
    print(f"\nFigures: {path}")


def plain(value: Any) -> Any:
    """Plain JSON values: tuples as keys joined by commas, NaN as null."""
    if isinstance(value, Mapping):
        return {
            ", ".join(map(str, key)) if isinstance(key, tuple) else str(key): plain(one)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, bool | str | int) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    number = float(value)
    return number if math.isfinite(number) else None
