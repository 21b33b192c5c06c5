"""Pictures of maps and curves as PNG files, drawn as a radiologist expects them.

Slices are turned so that the patient's right is on the left of the picture and anterior is up,
however the series was acquired. matplotlib (the extra `report`) is loaded only when a picture is
drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..maps.colours import PERFUSION_RAINBOW, PERFUSION_RAINBOW_STOPS
from ..maps.quantity import Quantity
from ..series.aif import Aif
from ..series.atomic import replacing
from ..series.geometry import Geometry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORIENTATION = "The patient's right is on the left of the picture; anterior is up."

OUTLINE_COLOURS = ("white", "magenta", "cyan", "lime")

_BACKGROUND, _INK = "black", "white"
_MOST_SLICES = 12


def radiological(volume: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, tuple[float, ...]]:
    """A volume (K, J, I) turned to slices from the feet up, rows from the front, columns from
    the patient's right, with the spacing (slice, row, column) in mm that goes with it.

    Axes are exchanged and turned, not resampled: an oblique series keeps its tilt.
    """
    directions = np.reshape(geometry.direction, (3, 3))
    axis_of = _nearest_axes(directions)
    turned = np.transpose(volume, [2 - axis_of[patient] for patient in (2, 1, 0)])
    spacing = tuple(float(geometry.spacing[axis_of[patient]]) for patient in (2, 1, 0))
    for position, patient in enumerate((2, 1, 0)):
        if directions[patient, axis_of[patient]] < 0:
            turned = np.flip(turned, position)
    return turned, spacing


def _nearest_axes(directions: np.ndarray) -> list[int]:
    """For each patient axis (x, y, z), the array axis (i, j, k) that runs along it most."""
    from itertools import permutations

    strength = np.abs(directions)
    best = max(permutations(range(3)), key=lambda order: strength[range(3), order].sum())
    return list(best)


def window_of(quantity: Quantity, values: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The usual window, or one fitted to the map where the usual one would hide it.

    Flow and volume have a scale of their own in every series (the arterial curve sets it); where
    95 % of the brain lies below twice and above a third of the usual top, the usual window holds.
    """
    low, high = quantity.display_range
    inside = values[mask & (values != 0)]
    if inside.size == 0:
        return low, high
    top = float(np.percentile(inside, 95))
    if low == 0 and (top > 1.6 * high or top < high / 3):
        return low, _round_up(top)
    if low > 0 and not low < float(np.median(inside)) < high:
        return float(np.floor(np.percentile(inside, 2))), float(np.ceil(top))
    return low, high


def _round_up(value: float) -> float:
    size = 10.0 ** np.floor(np.log10(value))
    return float(size * np.ceil(value / size * 2) / 2)


def overlay_picture(
    path: Path,
    values: np.ndarray,
    quantity: Quantity,
    background: np.ndarray,
    mask: np.ndarray,
    geometry: Geometry,
    title: str,
    outlines: Mapping[str, np.ndarray] | None = None,
    window: tuple[float, float] | None = None,
) -> Path:
    """A mosaic of slices: the map inside the mask over a grey background, with a colour bar.

    outlines   masks by name, drawn as lines and named under the picture.
    window     lowest and highest value shown; `window_of` where it is not given.
    """
    low, high = window or window_of(quantity, values, mask)
    outlines = dict(outlines or {})
    map_, spacing = radiological(np.where(mask, values, np.nan), geometry)
    grey, _ = radiological(background, geometry)
    regions = {name: radiological(region, geometry)[0] for name, region in outlines.items()}
    shown, _ = radiological(mask, geometry)
    slices = _slices(shown, regions)
    rows, columns = _box(grey)

    figure, axes = _mosaic(len(slices), _shape_mm(rows, columns, spacing), colour_bar=True)
    bright = float(np.percentile(background[mask], 99.5)) if mask.any() else 1.0
    aspect = spacing[1] / spacing[2]
    picture: Any = None
    for axis, k in zip(axes, slices, strict=False):
        axis.imshow(grey[k, rows, columns], cmap="gray", vmin=0, vmax=bright, aspect=aspect)
        picture = axis.imshow(
            map_[k, rows, columns],
            cmap=_colour_map(),
            vmin=low,
            vmax=high,
            aspect=aspect,
            interpolation="nearest",
        )
        for colour, region in zip(OUTLINE_COLOURS, regions.values(), strict=False):
            if region[k].any():
                axis.contour(
                    region[k, rows, columns].astype(float), [0.5], colors=colour, linewidths=0.9
                )
        _letter(axis)
    bar = figure.colorbar(picture, cax=figure.axes[-1])
    bar.set_label(quantity.label, color=_INK, fontsize=11)
    bar.ax.tick_params(colors=_INK, labelsize=9)
    bar.outline.set_edgecolor(_INK)
    _caption(figure, title, list(regions))
    return _save(figure, path)


def volume_picture(
    path: Path,
    volume: np.ndarray,
    geometry: Geometry,
    title: str,
    outlines: Mapping[str, np.ndarray] | None = None,
    window: tuple[float, float] | None = None,
) -> Path:
    """A mosaic of a grey volume (the series at baseline, an anatomical picture)."""
    outlines = dict(outlines or {})
    grey, spacing = radiological(volume, geometry)
    regions = {name: radiological(region, geometry)[0] for name, region in outlines.items()}
    low, high = window or (0.0, float(np.percentile(volume, 99.5)))
    slices = _slices(grey > 0.2 * high, regions)
    rows, columns = _box(grey)
    figure, axes = _mosaic(len(slices), _shape_mm(rows, columns, spacing), colour_bar=False)
    for axis, k in zip(axes, slices, strict=False):
        axis.imshow(
            grey[k, rows, columns], cmap="gray", vmin=low, vmax=high, aspect=spacing[1] / spacing[2]
        )
        for colour, region in zip(OUTLINE_COLOURS, regions.values(), strict=False):
            if region[k].any():
                axis.contour(
                    region[k, rows, columns].astype(float), [0.5], colors=colour, linewidths=0.9
                )
        _letter(axis)
    _caption(figure, title, list(regions))
    return _save(figure, path)


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
    figure, axis = _plot()
    axis.axvspan(*baseline, color="#b9d3ee", label="baseline", linewidth=0)
    axis.plot(times_s, signal, color="#14395b", marker=".", markersize=4, linewidth=1.3)
    axis.axvline(arrival_s, color="#2a8c4a", linestyle="--", label=f"arrival {arrival_s:.1f} s")
    axis.axvline(peak_s, color="#b8331f", linestyle=":", label=f"peak {peak_s:.1f} s")
    _label(axis, title, "Time since the first frame [s]", "Signal [a.u.]")
    return _save(figure, path)


def aif_picture(path: Path, aif: Aif, truth: Aif | None = None) -> Path:
    """The arterial curve with its quality; the true one beside it, scaled to the same peak."""
    figure, axis = _plot()
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
    _label(
        axis,
        f"Arterial input function: peak {quality.peak:.0f} 1/s at {quality.peak_time_s:.1f} s, "
        f"width {width}, tail {quality.tail_fraction:.0%}"
        + (", saturated" if quality.saturated else ""),
        "Time since the first frame [s]",
        "dR2* [1/s]",
    )
    return _save(figure, path)


def _slices(shown: np.ndarray, regions: Mapping[str, np.ndarray]) -> Sequence[int]:
    """Up to twelve slices spread over those with something to show, the regions' best among them."""
    area = shown.sum(axis=(1, 2))
    usable = np.flatnonzero(area > 0.25 * max(int(area.max()), 1))
    if usable.size <= _MOST_SLICES:
        return usable.tolist()
    spread = np.linspace(0, usable.size - 1, _MOST_SLICES).round().astype(int)
    chosen = set(usable[spread].tolist())
    for region in regions.values():
        best = int(region.sum(axis=(1, 2)).argmax())
        if best in usable and best not in chosen:
            chosen.remove(min(chosen, key=lambda k: abs(k - best)))
            chosen.add(best)
    return sorted(chosen)


def _box(grey: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold the head, with a margin."""
    head = grey > 0.15 * np.percentile(grey, 99)
    found = []
    for axis in (1, 2):
        share = head.any(axis=tuple({0, 1, 2} - {axis}))
        if not share.any():
            return slice(None), slice(None)
        first, last = np.flatnonzero(share)[[0, -1]]
        found.append(slice(max(0, int(first) - 2), int(last) + 3))
    return found[0], found[1]


def _shape_mm(rows: slice, columns: slice, spacing: tuple[float, ...]) -> tuple[float, float]:
    height = (rows.stop - rows.start) * spacing[1] if rows.stop else 200.0
    width = (columns.stop - columns.start) * spacing[2] if columns.stop else 200.0
    return height, width


def _mosaic(
    count: int, shape_mm: tuple[float, float], colour_bar: bool
) -> tuple[Figure, list[Axes]]:
    across = min(max(count, 1), 6)
    down = -(-max(count, 1) // across)
    cell = 1.75
    tall = cell * shape_mm[0] / shape_mm[1]
    bar, top, bottom = (0.9 if colour_bar else 0.0), 0.38, 0.28
    width, height = across * cell + bar, down * tall + top + bottom
    figure = _figure(width, height, _BACKGROUND)
    axes = []
    for index in range(across * down):
        row, column = divmod(index, across)
        place = (
            column * cell / width,
            (bottom + (down - 1 - row) * tall) / height,
            cell / width,
            tall / height,
        )
        axis = figure.add_axes(place)
        axis.set_axis_off()
        axes.append(axis)
    if colour_bar:
        figure.add_axes(
            (
                (across * cell + 0.12) / width,
                (bottom + 0.08 * down * tall) / height,
                0.14 / width,
                0.84 * down * tall / height,
            )
        )
    return figure, axes


def _letter(axis: Axes) -> None:
    axis.text(
        0.02, 0.5, "R", color=_INK, fontsize=7, transform=axis.transAxes, va="center", alpha=0.8
    )


def _caption(figure: Figure, title: str, outlines: Sequence[str]) -> None:
    height = figure.get_figheight()
    figure.text(0.01, 1 - 0.24 / height, title, color=_INK, fontsize=11)
    x = 0.01
    figure.text(x, 0.09 / height, ORIENTATION, color="#bbbbbb", fontsize=8)
    x += (len(ORIENTATION) * 0.058 + 0.25) / figure.get_figwidth()
    for colour, name in zip(OUTLINE_COLOURS, outlines, strict=False):
        figure.text(x, 0.09 / height, f"— {name}", color=colour, fontsize=8)
        x += (len(name) * 0.07 + 0.35) / figure.get_figwidth()


def _plot() -> tuple[Figure, Axes]:
    figure = _figure(7.2, 3.0, "white")
    return figure, figure.add_axes((0.09, 0.17, 0.89, 0.71))


def _label(axis: Axes, title: str, x: str, y: str) -> None:
    axis.set_title(title, fontsize=10, loc="left")
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.margins(x=0.01)
    axis.legend(fontsize=8, frameon=False)


def require_matplotlib() -> None:
    """Raise InputError where pictures cannot be drawn."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError(
            "Pictures need the package matplotlib, which is not installed; "
            'install it with: pip install "synthetic-perfusion[report]"'
        )


def _figure(width: float, height: float, colour: str) -> Figure:
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, facecolor=colour)
    FigureCanvasAgg(figure)
    return figure


def _colour_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    table = LinearSegmentedColormap.from_list(PERFUSION_RAINBOW, list(PERFUSION_RAINBOW_STOPS))
    table.set_bad(alpha=0.0)
    return table


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=figure.get_facecolor())
    return path
