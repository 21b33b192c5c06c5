"""Maps, grey volumes and labels as PNG files: mosaics of slices, drawn as a radiologist expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..maps.quantity import Quantity
from ..series.geometry import Geometry
from .figure import new_figure, perfusion_colours, save
from .tiles import FEW_VOXELS, Tiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORIENTATION = "The patient's right is on the left of the picture; anterior is up."

OUTLINE_COLOURS = ("white", "magenta", "cyan", "lime", "yellow", "orange")

_BACKGROUND, _INK = "black", "white"
_TILE_INCHES, _BAR_INCHES, _TOP_INCHES, _BOTTOM_INCHES = 1.75, 1.05, 0.38, 0.28
_WHITE = 1.2
"""White of the grey pictures over the brightest tissue, so that the brain keeps its contrast."""


def window_of(quantity: Quantity, values: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The usual window, or one fitted to the map where the usual one would hide it.

    Flow and volume have a scale of their own in every series (the arterial curve sets it); where
    90 % of the brain, which is all but the vessels of its surface, reaches to between a third and
    1.6 of the usual top, the usual window holds. It always holds for times from 0 s, which read
    alike in every map.
    """
    low, high = quantity.display_range
    if low == 0 and quantity.unit == "s":
        return low, high
    inside = values[mask & (values != 0)]
    if inside.size == 0:
        return low, high
    top = float(np.percentile(inside, 90))
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
    tiles = Tiles(background, mask, geometry, outlines or {})
    figure, axis = _mosaic(tiles, _BAR_INCHES)
    bright = float(np.percentile(background[mask], 99.5)) if mask.any() else 1.0
    axis.imshow(tiles.of(background), cmap="gray", vmin=0, vmax=_WHITE * bright, aspect="auto")
    picture = axis.imshow(
        tiles.of(np.where(mask, values, np.nan)),
        cmap=perfusion_colours(),
        vmin=low,
        vmax=high,
        aspect="auto",
        interpolation="nearest",
    )
    _outline(axis, tiles)
    bar = figure.colorbar(picture, cax=_bar_axes(figure, tiles))
    bar.set_label(quantity.label, color=_INK, fontsize=11)
    bar.ax.tick_params(colors=_INK, labelsize=9)
    bar.outline.set_edgecolor(_INK)
    _caption(figure, title, list(tiles.regions))
    return save(figure, path)


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
    tiles = Tiles(volume, volume > 0.2 * high, geometry, outlines or {})
    figure, axis = _mosaic(tiles)
    axis.imshow(tiles.of(volume), cmap="gray", vmin=low, vmax=high, aspect="auto")
    _outline(axis, tiles)
    _caption(figure, title, list(tiles.regions))
    return save(figure, path)


def label_picture(
    path: Path,
    labels: np.ndarray,
    names: Mapping[int, str],
    geometry: Geometry,
    title: str,
) -> Path:
    """A mosaic of a label map (K, J, I): one colour for each label of `names` that it holds.

    Labels without a name are left black.
    """
    held = [(value, name) for value, name in names.items() if np.any(labels == value)]
    numbered = np.zeros(labels.shape, np.float32)
    for number, (value, _) in enumerate(held, start=1):
        numbered[labels == value] = number
    tiles = Tiles(numbered, numbered > 0, geometry, {})
    beside = 0.35 + 0.07 * max((len(name) for _, name in held), default=0)
    figure, axis = _mosaic(tiles, beside)
    colours = label_colours(len(held))
    picture = np.nan_to_num(tiles.of(numbered)).astype(int)
    axis.imshow(np.array([(0.0, 0.0, 0.0), *colours])[picture], aspect="auto")
    width, height = figure.get_size_inches()
    step = min(0.24, (height - 0.9) / max(len(held), 1))
    for row, ((_, name), colour) in enumerate(zip(held, colours, strict=True)):
        place = (1 - (beside - 0.07) / width, 1 - (0.55 + row * step) / height)
        figure.text(*place, f"\u25a0 {name}", color=colour, fontsize=8)
    _caption(figure, title, [])
    return save(figure, path)


def label_colours(count: int) -> list[tuple[float, float, float]]:
    """Colours that are told apart side by side and read on black: hues by the golden ratio."""
    from colorsys import hsv_to_rgb

    return [
        hsv_to_rgb((0.08 + 0.618 * n) % 1.0, 0.45 + 0.2 * (n % 2), 1.0 if n < 7 else 0.7)
        for n in range(count)
    ]


def _outline(axis: Axes, tiles: Tiles) -> None:
    """The regions as lines; those of a few voxels as a ring around each voxel."""
    for colour, region in zip(OUTLINE_COLOURS, tiles.regions.values(), strict=False):
        picture = np.nan_to_num(tiles.of(region))
        if not picture.any():
            continue
        if region.sum() <= FEW_VOXELS:
            y, x = np.nonzero(picture)
            axis.scatter(x, y, s=42, facecolors="none", edgecolors=colour, linewidths=1.2)
        else:
            axis.contour(picture, [0.5], colors=colour, linewidths=0.9)


def _mosaic(tiles: Tiles, beside: float = 0.0) -> tuple[Figure, Axes]:
    """A figure of the size of the tiles, with room for title, caption and `beside` inches."""
    wide, tall = _inches(tiles)
    width, height = wide + beside, tall + _TOP_INCHES + _BOTTOM_INCHES
    figure = new_figure(width, height, _BACKGROUND)
    axis = figure.add_axes((0, _BOTTOM_INCHES / height, wide / width, tall / height))
    axis.set_axis_off()
    rows = 1 / tiles.down
    for index in range(len(tiles.slices)):
        row, column = divmod(index, tiles.across)
        place = ((column + 0.02) / tiles.across, 1 - (row + 0.5) * rows)
        axis.text(
            *place, "R", color=_INK, fontsize=7, transform=axis.transAxes, va="center", alpha=0.8
        )
    return figure, axis


def _inches(tiles: Tiles) -> tuple[float, float]:
    height_mm, width_mm = tiles.shape_mm
    return _TILE_INCHES * tiles.across, _TILE_INCHES * height_mm / width_mm * tiles.down


def _bar_axes(figure: Figure, tiles: Tiles) -> Axes:
    """Where the colour bar stands, beside the tiles."""
    wide, tall = _inches(tiles)
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (
            (wide + 0.12) / width,
            (_BOTTOM_INCHES + 0.08 * tall) / height,
            0.14 / width,
            0.84 * tall / height,
        )
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
