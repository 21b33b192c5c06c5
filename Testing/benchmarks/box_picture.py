"""Boxes of two groups for each of several methods, every patient a point, as radiologists read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.analysis.figure import new_figure, save

_LOW, _HIGH = "#1f5fa8", "#b8331f"


@dataclass(frozen=True)
class Group:
    """Values of a low and a high group by one method, and the cut-off between them."""

    name: str
    low: Sequence[float]
    high: Sequence[float]
    cut_off: float


def box_picture(path: Path, groups: Sequence[Group], title: str, names: tuple[str, str]) -> Path:
    """One pair of boxes for each group, with a dashed line at its cut-off, on one axis, as PNG."""
    figure = new_figure(1.6 * len(groups) + 1.6, 4.2, "white")
    axis = figure.add_axes((0.9 / (1.6 * len(groups) + 1.6), 0.13, 0.8, 0.76))
    rng = np.random.default_rng(0)
    for index, group in enumerate(groups):
        for offset, values, colour in ((-0.2, group.low, _LOW), (0.2, group.high, _HIGH)):
            where = index + offset
            axis.boxplot(
                [values],
                positions=[where],
                widths=0.3,
                showfliers=False,
                medianprops={"color": colour, "linewidth": 1.8},
                boxprops={"color": colour},
                whiskerprops={"color": colour},
                capprops={"color": colour},
            )
            spread = where + rng.uniform(-0.1, 0.1, len(values))
            axis.scatter(spread, values, s=9, color=colour, alpha=0.5, linewidths=0)
        axis.hlines(group.cut_off, index - 0.42, index + 0.42, color="#555555", linestyle="--")
        axis.text(
            index + 0.43, group.cut_off, f"{group.cut_off:.2f}", fontsize=8, color="#555555",
            va="center", ha="left",
        )  # fmt: skip
    axis.set_xlim(-0.6, len(groups) - 0.3)
    axis.set_xticks(range(len(groups)), [group.name for group in groups], fontsize=9)
    axis.set_ylabel("ratio", fontsize=9)
    axis.tick_params(labelsize=9)
    axis.set_title(title, fontsize=10, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.16 * (high - low))
    axis.grid(axis="y", alpha=0.25, linewidth=0.6)
    for name, colour, height in ((names[0], _LOW, 0.97), (names[1], _HIGH, 0.91)):
        axis.text(0.01, height, f"● {name}", color=colour, fontsize=9, transform=axis.transAxes)
    return save(figure, path)
