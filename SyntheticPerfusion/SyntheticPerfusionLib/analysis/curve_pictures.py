"""Curves over time as PNG files: the bolus in the brain, the arterial curve, any named curves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..series.aif import Aif
from .figure import new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = (
    "#14395b",
    "#b8331f",
    "#2a8c4a",
    "#7b4fa3",
    "#d98c00",
    "#1f9fb5",
    "#8a5a3c",
    "#c2478f",
    "#555555",
)
TIME_LABEL = "Time since the first frame [s]"


def bolus_picture(
    path: Path,
    times_s: np.ndarray,
    signal: np.ndarray,
    baseline: tuple[float, float],
    arrival_s: float,
    peak_s: float,
    title: str = "Mean signal of the brain",
) -> Path:
    """The mean signal (T,) over time, with the baseline, the arrival and the peak of the bolus."""
    figure, axis = new_plot()
    axis.axvspan(*baseline, color="#b9d3ee", label="baseline", linewidth=0)
    axis.plot(times_s, signal, color="#14395b", marker=".", markersize=4, linewidth=1.3)
    axis.axvline(arrival_s, color="#2a8c4a", linestyle="--", label=f"arrival {arrival_s:.1f} s")
    axis.axvline(peak_s, color="#b8331f", linestyle=":", label=f"peak {peak_s:.1f} s")
    label_plot(axis, title, TIME_LABEL, "Signal [a.u.]")
    return save(figure, path)


def aif_picture(path: Path, aif: Aif, truth: Aif | None = None) -> Path:
    """The arterial curve with its quality; the true one beside it, scaled to the same peak."""
    figure, axis = new_plot()
    quality = aif.quality
    axis.plot(
        aif.times_s, aif.concentration, color="#b8331f", marker=".", markersize=4, label=aif.source
    )
    if truth is not None:
        scale = float(aif.concentration.max() / truth.concentration.max())
        axis.plot(
            truth.times_s,
            truth.concentration * scale,
            color="#555555",
            linestyle="--",
            label=f"truth x {scale:.2g}",
        )
    width = f"{quality.fwhm_s:.1f} s" if np.isfinite(quality.fwhm_s) else "not defined"
    label_plot(
        axis,
        f"Arterial input function: peak {quality.peak:.0f} 1/s at {quality.peak_time_s:.1f} s, "
        f"width {width}, tail {quality.tail_fraction:.0%}"
        + (", saturated" if quality.saturated else ""),
        TIME_LABEL,
        "dR2* [1/s]",
    )
    return save(figure, path)


def curves_picture(
    path: Path,
    times_s: np.ndarray,
    curves: Mapping[str, np.ndarray],
    title: str,
    unit: str,
    dashed: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Curves (T,) by name over the times (T,); those of `dashed` are drawn so."""
    figure, axis = new_plot()
    everything = [(name, curve, "-") for name, curve in curves.items()]
    everything += [(name, curve, "--") for name, curve in (dashed or {}).items()]
    for index, (name, curve, style) in enumerate(everything):
        colour = _COLOURS[index % len(_COLOURS)]
        axis.plot(times_s, curve, color=colour, linestyle=style, linewidth=1.3, label=name)
    label_plot(axis, title, TIME_LABEL, unit)
    # Many curves leave no room for their names among them.
    axis.set_position((0.09, 0.17, 0.72, 0.71))
    axis.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.03))
    return save(figure, path)


def new_plot() -> tuple[Figure, Axes]:
    """An empty plot on a white figure."""
    figure = new_figure(7.2, 3.0, "white")
    return figure, figure.add_axes((0.09, 0.17, 0.89, 0.71))


def label_plot(axis: Axes, title: str, x: str, y: str) -> None:
    """Title, names of the axes and legend of a plot, as all of them look."""
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.01)
    axis.legend(fontsize=8, frameon=False)
