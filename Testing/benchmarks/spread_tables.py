"""Tables of figures over patients: mean, median, standard deviation, least and most of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from markdown import print_table, shown
from SyntheticPerfusionLib.evaluation.spread import Spread

STATISTICS = {
    "mean": "mean",
    "median": "median",
    "SD": "sd",
    "min": "least",
    "max": "most",
}


def statistics_table(
    title: str, rows: Sequence[tuple[Sequence[str], Spread]], header: Sequence[str], form: str
) -> None:
    """One row for each spread, after the cells that say what it is of."""
    print_table(
        title,
        [*header, "patients", *STATISTICS],
        [
            [
                *cells,
                str(found.patients),
                *(shown(getattr(found, one), form) for one in STATISTICS.values()),
            ]
            for cells, found in rows
        ],
    )


def with_sd(found: Spread | None, form: str) -> str:
    """Mean and standard deviation in one cell."""
    if found is None or not found.patients:
        return "-"
    return f"{shown(found.mean, form)} ± {shown(found.sd, form.removeprefix('+'))}"


def yes(condition: bool) -> str:
    """For a column that says whether what is asked was reached."""
    return "yes" if condition else "no"


def plain_spreads(found: Mapping[Any, Mapping[str, Spread]]) -> dict[str, Any]:
    """Plain values for a file of figures."""
    return {
        " | ".join(key): {name: asdict(one) for name, one in figures.items()}
        for key, figures in found.items()
    }
