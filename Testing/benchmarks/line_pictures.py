"""Plots of the benchmarks: lines by name in one panel or several, with bands and a guide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from SyntheticPerfusionLib.analysis.figure import new_figure, save

COLOURS = (
    "#b8331f",
    "#14395b",
    "#2a8c4a",
    "#d98c00",
    "#7b4fa3",
    "#1f9fb5",
    "#8a5a3c",
    "#c2478f",
    "#555555",
)

Points = Sequence[float]


@dataclass
class Panel:
    """One plot: lines (x, y) by name, bands (x, low, high) by the name of their line.

    guides  (y, text) of dashed horizontal lines. diagonal  whether y = x is drawn.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[Points, Points]]
    bands: Mapping[str, tuple[Points, Points, Points]] = field(default_factory=dict)
    guides: Sequence[tuple[float, str]] = ()
    diagonal: bool = False
    falling: bool = False
    limits: tuple[float, float] | None = None


def line_panels(path: Path, panels: Sequence[Panel]) -> Path:
    """Panels side by side as PNG; a name has one colour in all of them, the legend stands once."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    width = 4.2 * len(panels) + 1.9
    figure = new_figure(width, 3.6, "white")
    for index, panel in enumerate(panels):
        axis = figure.add_axes(((4.2 * index + 0.7) / width, 0.16, 3.3 / width, 0.72))
        for name, (x, low, high) in panel.bands.items():
            axis.fill_between(x, low, high, color=colours[name], alpha=0.12, linewidth=0)
        for name, (x, y) in panel.lines.items():
            axis.plot(x, y, color=colours[name], marker="o", markersize=3, linewidth=1.5)
        for level, text in panel.guides:
            axis.axhline(level, color="#777777", linestyle="--", linewidth=0.9)
            axis.text(
                0.99, level, text, color="#555555", fontsize=8, ha="right", va="bottom",
                transform=axis.get_yaxis_transform(),
            )  # fmt: skip
        if panel.diagonal:
            low, high = axis.get_xlim()
            axis.plot([low, high], [low, high], color="#777777", linestyle="--", linewidth=0.9)
        if panel.limits is not None:
            axis.set_ylim(*panel.limits)
        if panel.falling:
            axis.invert_xaxis()
        axis.set_title(panel.title, fontsize=10, loc="left")
        axis.set_xlabel(panel.x, fontsize=9)
        axis.set_ylabel(panel.y, fontsize=9)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    if len(names) > 1:
        from matplotlib.lines import Line2D

        figure.legend(
            handles=[
                Line2D([], [], color=colours[name], marker="o", markersize=3) for name in names
            ],
            labels=names,
            loc="upper right",
            bbox_to_anchor=(0.998, 0.9),
            fontsize=8,
            frameon=False,
        )
    return save(figure, path)
