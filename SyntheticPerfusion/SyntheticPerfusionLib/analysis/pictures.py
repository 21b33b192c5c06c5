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
_FEW_VOXELS = 40
_TILE_INCHES = 1.75
_WHITE = 1.2
"""White of the grey pictures over the brightest tissue, so that the brain keeps its contrast."""


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
    tiles = _Tiles(background, mask, geometry, outlines or {})
    figure, axis = _mosaic(tiles, colour_bar=True)
    bright = float(np.percentile(background[mask], 99.5)) if mask.any() else 1.0
    axis.imshow(tiles.of(background), cmap="gray", vmin=0, vmax=_WHITE * bright, aspect="auto")
    picture = axis.imshow(
        tiles.of(np.where(mask, values, np.nan)),
        cmap=_colour_map(),
        vmin=low,
        vmax=high,
        aspect="auto",
        interpolation="nearest",
    )
    _outline(axis, tiles)
    bar = figure.colorbar(picture, cax=figure.axes[-1])
    bar.set_label(quantity.label, color=_INK, fontsize=11)
    bar.ax.tick_params(colors=_INK, labelsize=9)
    bar.outline.set_edgecolor(_INK)
    _caption(figure, title, list(tiles.regions))
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
    low, high = window or (0.0, _WHITE * float(np.percentile(volume, 99.5)))
    tiles = _Tiles(volume, volume > 0.2 * high, geometry, outlines or {})
    figure, axis = _mosaic(tiles, colour_bar=False)
    axis.imshow(tiles.of(volume), cmap="gray", vmin=low, vmax=high, aspect="auto")
    _outline(axis, tiles)
    _caption(figure, title, list(tiles.regions))
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


class _Tiles:
    """Which slices a mosaic shows, and volumes laid out as one picture of them."""

    def __init__(
        self,
        background: np.ndarray,
        shown: np.ndarray,
        geometry: Geometry,
        outlines: Mapping[str, np.ndarray],
    ) -> None:
        self._geometry = geometry
        grey, self._spacing = radiological(background, geometry)
        self.regions = {name: region.astype(bool) for name, region in outlines.items()}
        turned = [radiological(region, geometry)[0] for region in self.regions.values()]
        self.slices = _slices(radiological(shown, geometry)[0], turned)
        self._rows, self._columns = _box(grey)
        self.across = min(max(len(self.slices), 1), 6)
        self.down = -(-max(len(self.slices), 1) // self.across)

    @property
    def shape_mm(self) -> tuple[float, float]:
        """Height and width of one tile."""
        rows, columns = self._rows, self._columns
        return (
            (rows.stop - rows.start) * self._spacing[1],
            (columns.stop - columns.start) * self._spacing[2],
        )

    def of(self, volume: np.ndarray) -> np.ndarray:
        """A volume (K, J, I) as the 2D picture; tiles without a slice hold NaN."""
        turned, _ = radiological(volume, self._geometry)
        part = turned[self.slices, self._rows, self._columns].astype(np.float32)
        missing = self.across * self.down - len(part)
        part = np.pad(part, ((0, missing), (0, 0), (0, 0)), constant_values=np.nan)
        _, rows, columns = part.shape
        grid = part.reshape(self.down, self.across, rows, columns)
        return grid.transpose(0, 2, 1, 3).reshape(self.down * rows, self.across * columns)


def _slices(shown: np.ndarray, regions: Sequence[np.ndarray]) -> list[int]:
    """Up to twelve slices spread over those with something to show.

    The best slice of each region is among them, and every slice of one of a few voxels.
    """
    area = shown.sum(axis=(1, 2))
    usable = np.flatnonzero(area > 0.25 * max(int(area.max()), 1))
    wanted: set[int] = set()
    for region in regions:
        per_slice = region.sum(axis=(1, 2))
        few = 0 < int(per_slice.sum()) <= _FEW_VOXELS
        wanted |= set(np.flatnonzero(per_slice).tolist()) if few else {int(per_slice.argmax())}
    wanted = set(sorted(wanted)[:_MOST_SLICES])
    if usable.size <= _MOST_SLICES:
        return sorted(set(usable.tolist()) | wanted)
    spread = np.linspace(0, usable.size - 1, _MOST_SLICES).round().astype(int)
    chosen = set(usable[spread].tolist())
    for best in sorted(wanted - chosen):
        chosen.remove(min(chosen - wanted, key=lambda k: abs(k - best)))
        chosen.add(best)
    return sorted(chosen)


def _outline(axis: Axes, tiles: _Tiles) -> None:
    """The regions as lines; those of a few voxels as a ring around each voxel."""
    for colour, region in zip(OUTLINE_COLOURS, tiles.regions.values(), strict=False):
        picture = np.nan_to_num(tiles.of(region))
        if not picture.any():
            continue
        if region.sum() <= _FEW_VOXELS:
            y, x = np.nonzero(picture)
            axis.scatter(x, y, s=42, facecolors="none", edgecolors=colour, linewidths=1.2)
        else:
            axis.contour(picture, [0.5], colors=colour, linewidths=0.9)


def _box(grey: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold the head, with a margin."""
    head = grey > 0.15 * np.percentile(grey, 99)
    found = []
    for axis in (1, 2):
        share = head.any(axis=tuple({0, 1, 2} - {axis}))
        first, last = np.flatnonzero(share)[[0, -1]] if share.any() else (0, share.size - 1)
        found.append(slice(max(0, int(first) - 2), min(share.size, int(last) + 3)))
    return found[0], found[1]


def _mosaic(tiles: _Tiles, colour_bar: bool) -> tuple[Figure, Axes]:
    """A figure of the size of the tiles, with room for title, caption and colour bar."""
    height_mm, width_mm = tiles.shape_mm
    tall = _TILE_INCHES * height_mm / width_mm * tiles.down
    wide = _TILE_INCHES * tiles.across
    bar, top, bottom = (1.05 if colour_bar else 0.0), 0.38, 0.28
    width, height = wide + bar, tall + top + bottom
    figure = _figure(width, height, _BACKGROUND)
    axis = figure.add_axes((0, bottom / height, wide / width, tall / height))
    axis.set_axis_off()
    rows = 1 / tiles.down
    for index in range(len(tiles.slices)):
        row, column = divmod(index, tiles.across)
        place = ((column + 0.02) / tiles.across, 1 - (row + 0.5) * rows)
        axis.text(
            *place, "R", color=_INK, fontsize=7, transform=axis.transAxes, va="center", alpha=0.8
        )
    if colour_bar:
        figure.add_axes(
            (
                (wide + 0.12) / width,
                (bottom + 0.08 * tall) / height,
                0.14 / width,
                0.84 * tall / height,
            )
        )
    return figure, axis


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

    figure = Figure(figsize=(width, height), dpi=100, facecolor=colour)
    FigureCanvasAgg(figure)
    return figure


def _colour_map() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    table = LinearSegmentedColormap.from_list(PERFUSION_RAINBOW, list(PERFUSION_RAINBOW_STOPS))
    return table.with_extremes(bad=(0.0, 0.0, 0.0, 0.0))


def _save(figure: Figure, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=figure.get_facecolor())
    return path
