"""Collateral phases as PNG files: the two curves that divide time, and the maps side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import COLLATERALS
from ..series.phases import PhaseDivision
from .collateral_phases import ReferenceCurves
from .curve_pictures import TIME_LABEL, label_plot, new_plot
from .figure import new_figure, perfusion_colours, save
from .pictures import ORIENTATION
from .tiles import head_box, radiological

_BANDS = ("#f4b9ae", "#f7dfa5", "#c9e3c0", "#b5d3e8", "#d5c9e6")
_INK = "white"
_MOST_ROWS = 6
_MARGIN_S = 6.0
_TILE_INCHES = 1.6


def division_picture(path: Path, references: ReferenceCurves) -> Path:
    """The arterial and the venous curve over time, with the five phases as coloured bands."""
    figure, axis = new_plot()
    for name, colour, found in (
        ("MCA", "#b8331f", references.arterial),
        ("SSS", "#14395b", references.venous),
    ):
        label = f"{name}, {int(found.voxels.sum())} voxels"
        axis.plot(references.times_s, found.curve, color=colour, marker=".", label=label)
    division = references.division
    for colour, (name, (start, end)) in zip(_BANDS, division.intervals_s.items(), strict=True):
        label = f"{name.replace('_', ' ')}, {start:.1f} to {end:.1f} s"
        axis.axvspan(start, end, color=colour, linewidth=0, zorder=0, label=label)
    label_plot(axis, "Phases of the passage", TIME_LABEL, "dR2* [1/s]")
    # The right of the plot stays free for the legend.
    start, end = division.bounds_s[0] - _MARGIN_S, division.bounds_s[-1]
    axis.set_xlim(start, end + 0.6 * (end - start))
    return save(figure, path)


def phases_picture(
    path: Path,
    maps: PerfusionMaps,
    division: PhaseDivision,
    title: str = "Collateral maps",
) -> Path:
    """The five maps in columns and slices in rows, from the head down, all in one window."""
    low, high = COLLATERALS[0].display_range
    volumes = [np.where(maps.mask, maps[item.name], np.nan) for item in COLLATERALS]
    turned = [radiological(volume, maps.geometry)[0] for volume in volumes]
    mask, spacing = radiological(maps.mask, maps.geometry)
    rows, columns = head_box(mask.astype(np.float32))
    chosen = _slices(mask)
    height_mm = (rows.stop - rows.start) * spacing[1]
    width_mm = (columns.stop - columns.start) * spacing[2]
    tall, wide = _TILE_INCHES * height_mm / width_mm * len(chosen), _TILE_INCHES * len(volumes)
    width, height, bottom = wide + 1.0, tall + 1.15, 0.28
    figure = new_figure(width, height, "black")
    axis = figure.add_axes((0, bottom / height, wide / width, tall / height))
    axis.set_axis_off()
    picture = axis.imshow(
        np.block([[volume[k, rows, columns] for volume in turned] for k in chosen]),
        cmap=perfusion_colours(),
        vmin=low,
        vmax=high,
        aspect="auto",
        interpolation="nearest",
    )
    for index, (name, (start, end)) in enumerate(division.intervals_s.items()):
        axis.text(
            (index + 0.5) / len(volumes),
            1.01,
            f"{name.replace('_', ' ')}\n{start:.1f} to {end:.1f} s",
            transform=axis.transAxes,
            ha="center",
            va="bottom",
            color=_INK,
            fontsize=9,
        )
    bar = figure.colorbar(
        picture,
        cax=figure.add_axes(
            (
                (wide + 0.12) / width,
                (bottom + 0.08 * tall) / height,
                0.14 / width,
                0.84 * tall / height,
            )
        ),
    )
    bar.set_label("tracer over that of the brain", color=_INK, fontsize=10)
    bar.ax.tick_params(colors=_INK, labelsize=9)
    bar.outline.set_edgecolor(_INK)
    figure.text(0.01, 1 - 0.24 / height, title, color=_INK, fontsize=11)
    figure.text(0.01, 0.09 / height, ORIENTATION, color="#bbbbbb", fontsize=8)
    return save(figure, path)


def _slices(mask: np.ndarray) -> list[int]:
    """Slices (feet first) from the top down, spread over those that hold enough brain."""
    area = mask.sum(axis=(1, 2))
    usable = np.flatnonzero(area > 0.3 * area.max())
    count = min(_MOST_ROWS, usable.size)
    return usable[np.linspace(0, usable.size - 1, count).round().astype(int)][::-1].tolist()
