"""The figures of an evaluation as tables for a person at a terminal or in a log."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..maps.quantity import QUANTITIES
from .brain_regions import BRAIN, REGIONS, TISSUE

_TIMES = ("MTT", "Tmax", "TTP", "delay")
_WIDTH_OF_LOGS = 132


def print_tables(summary: Mapping[str, Any]) -> None:
    """Print a table for each quantity, then lesions and calibration."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_LOGS, highlight=False)
    for table in tables(summary):
        console.print(table)
        console.print()


def tables(summary: Mapping[str, Any]) -> list[Any]:
    """The tables, of rich."""
    rows = summary["maps"]
    found = [_quantity_table(name, rows) for name in dict.fromkeys(row["quantity"] for row in rows)]
    found += [_lesion_table(summary["lesions"])] if summary["lesions"] else []
    return found + ([_calibration_table(summary["calibration"])] if summary["calibration"] else [])


def _quantity_table(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows: methods and variants. Columns: the brain as a whole, then each tissue's own bias."""
    own = [row for row in rows if row["quantity"] == name]
    tissues = [
        region
        for region in REGIONS
        if region not in (BRAIN, TISSUE) and any(row["region"] == region for row in own)
    ]
    is_time, is_tmax = name in _TIMES, name == "Tmax"
    bias = "estimated - true [s]" if is_time else "estimated / true"
    table = _table(
        f"{QUANTITIES[name].label}: {QUANTITIES[name].title}",
        f"r, MAE: brain without large vessels; tissues: median of {bias}. Means over patients.",
        ["method", "patients", "r", "r tissue", "MAE", *(["MAEC"] if is_tmax else []), *tissues],
    )
    for method, variant in dict.fromkeys((row["method"], row["variant"]) for row in own):
        at = {
            row["region"]: row
            for row in own
            if row["method"] == method and row["variant"] == variant
        }
        brain = at[BRAIN]
        figure = "median_difference" if is_time else "median_ratio"
        table.add_row(
            f"{method}, {variant}" if variant else method,
            str(brain["patients"]),
            _shown(brain["correlation"], ".3f"),
            _shown(at[TISSUE]["correlation"], ".3f"),
            _shown(brain["mean_absolute"], ".2f"),
            *([_shown(brain["clipped_error_s"], ".3f")] if is_tmax else []),
            *(_shown(at.get(one, {}).get(figure), "+.2f" if is_time else ".2f") for one in tissues),
        )
    return table


def _lesion_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    table = _table(
        "Tmax > 6 s",
        "Dice: mean of patients with a true lesion of 5 ml or more; volumes: mean of all.",
        ["method", "patients", "with lesion", "Dice", "true [ml]", "error [ml]", "its size [ml]"],
    )
    for row in rows:
        table.add_row(
            f"{row['method']}, {row['variant']}" if row["variant"] else row["method"],
            str(row["patients"]),
            str(row["with_lesion"]),
            _shown(row["dice"], ".3f"),
            _shown(row["true_ml"], ".1f"),
            _shown(row["volume_error_ml"], "+.1f"),
            _shown(row["absolute_volume_error_ml"], ".1f"),
        )
    return table


def _calibration_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    shares = [0.5, 0.8, 0.95]
    table = _table(
        "Uncertainty of Tmax",
        "Share of voxels within each central interval; Spearman's correlation of the uncertainty "
        "with the absolute error, with the predicted value, and with the error at a fixed value.",
        [
            "method",
            *(f"within {share:.0%}" for share in shares),
            "with error",
            "with value",
            "with error, value fixed",
        ],
    )
    for row in rows:
        observed = dict(zip(row["expected"], row["observed"], strict=True))
        table.add_row(
            row["method"],
            *(_shown(observed[share], ".1%") for share in shares),
            _shown(row["with_error"], ".2f"),
            _shown(row["with_value"], ".2f"),
            _shown(row["partial"], ".2f"),
        )
    return table


def _table(title: str, caption: str, columns: Sequence[str]) -> Any:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=escape(title), caption=escape(caption), box=box.SIMPLE_HEAD, title_justify="left"
    )
    for column in columns:
        table.add_column(escape(column), justify="left" if column == "method" else "right")
    return table


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
