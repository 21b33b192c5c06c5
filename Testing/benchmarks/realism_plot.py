"""The picture beside realism.py's table: curves, histograms and slices, real above digital.

It shows a real slice where one was measured: look at it, do not pass it on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from realism import Subject

_REAL, _DIGITAL = "#b8331f", "#1f5fa8"
_WINDOWS = {
    "before": ("gray", 0.0, 1.6),
    "at peak": ("gray", 0.0, 1.2),
    "dip": ("inferno", 0.0, 1.0),
    "TTP": ("jet", None, None),
}
_MOST_ROWS = 6


def draw(subjects: list[Subject], path: Path) -> None:
    """Write the picture to `path`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = _slices(subjects)
    figure = Figure(figsize=(20, 8 + 4.2 * len(shown)), dpi=70)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2 + len(shown), 12)
    for column, where in enumerate(("brain", "grey matter", "artery")):
        axis = figure.add_subplot(grid[0, 4 * column : 4 * column + 4])
        _curves(axis, subjects, where)
    for column, name in enumerate(("baseline", "dip", "TTP")):
        axis = figure.add_subplot(grid[1, 4 * column : 4 * column + 4])
        _histograms(axis, subjects, name)
    for row, (subject, slice_index) in enumerate(shown, start=2):
        for column, (name, (colours, low, high)) in enumerate(_WINDOWS.items()):
            axis = figure.add_subplot(grid[row, 3 * column : 3 * column + 3])
            picture = subject.pictures[name][slice_index]
            if low is None:
                low, high = np.nanpercentile(picture, (3, 97))
            axis.imshow(picture, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"{subject.name}: {name}", fontsize=9)
            axis.set_axis_off()
    figure.tight_layout()
    figure.savefig(path)


def _curves(axis: Any, subjects: list[Subject], where: str) -> None:
    """Signal over its baseline, by frames from the lowest."""
    for subject in subjects:
        if where not in subject.curves:
            continue
        curve, step_s = subject.curves[where]
        lowest = int(curve[4:].argmin()) + 4
        level = np.median(curve[1 : max(lowest - 6, 3)])
        axis.plot(
            (np.arange(curve.size) - lowest) * (step_s or 2.0),
            curve / level,
            color=_REAL if subject.real else _DIGITAL,
            linewidth=1.6 if subject.real else 0.7,
            alpha=0.9 if subject.real else 0.6,
        )
    axis.set_title(f"{where}: signal / baseline (red real, blue digital; 2 s where TR is unknown)")
    axis.set_xlim(-25, 80)
    axis.set_ylim(0, 1.35)
    axis.set_xlabel("s from the peak")


def _histograms(axis: Any, subjects: list[Subject], name: str) -> None:
    edges = {
        "baseline": np.linspace(0, 2, 61),
        "dip": np.linspace(0, 1, 41),
        "TTP": np.linspace(-8, 8, 65),
    }[name]
    for subject in subjects:
        if name in subject.spread:
            axis.hist(
                subject.spread[name],
                edges,
                density=True,
                histtype="step",
                color=_REAL if subject.real else _DIGITAL,
                linewidth=1.6 if subject.real else 0.7,
            )
    unit = {"baseline": "over its median", "dip": "of the voxels", "TTP": "frames from the brain's"}
    axis.set_title(f"{name}, {unit[name]}")


def _slices(subjects: list[Subject]) -> list[tuple[Subject, int]]:
    """Each real slice, then slices of digital patients at two heights."""
    pictured = [subject for subject in subjects if subject.pictures]
    real = [(subject, 0) for subject in pictured if subject.real]
    digital = []
    for subject in pictured:
        if not subject.real:
            count = len(subject.pictures["before"])
            digital += [(subject, round(share * (count - 1))) for share in (0.75, 0.2)]
    return [*real, *digital][:_MOST_ROWS]
