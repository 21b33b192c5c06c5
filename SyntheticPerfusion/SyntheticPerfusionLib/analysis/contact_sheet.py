"""One slice of each of several patients, one row a patient: the whole of a gallery at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..maps.quantity import Quantity
from ..series.geometry import Geometry
from .figure import new_figure, perfusion_colours, save
from .tiles import head_box, radiological

_INCHES, _LEFT, _TOP, _GAP = 1.7, 1.15, 0.4, 0.04
_INK = "white"


@dataclass(frozen=True, eq=False)
class Panel:
    """A volume (K, J, I) and how it is shown; grey where it is of no quantity.

    mask  (K, J, I) bool: what lies outside is left black; None for everything.
    """

    title: str
    volume: np.ndarray
    window: tuple[float, float]
    quantity: Quantity | None = None
    mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """The panels of one patient, on one grid, of which the slice `index` is shown."""

    title: str
    geometry: Geometry
    index: int
    panels: Sequence[Panel]


def contact_sheet(path: Path, rows: Sequence[Row]) -> Path:
    """A PNG of all rows; every row holds the same panels in the same order and windows."""
    across, down = len(rows[0].panels), len(rows)
    bar = 0.5
    width, height = _LEFT + across * _INCHES, _TOP + down * _INCHES + bar
    figure = new_figure(width, height, "black")
    for number, row in enumerate(rows):
        bottom = bar + (down - 1 - number) * _INCHES
        figure.text(
            0.08 / width,
            (bottom + _INCHES / 2) / height,
            row.title,
            color=_INK,
            fontsize=10,
            va="center",
        )
        for column, panel in enumerate(row.panels):
            place = (_LEFT + column * _INCHES, bottom, _INCHES - _GAP, _INCHES - _GAP)
            axis = figure.add_axes(
                (place[0] / width, place[1] / height, place[2] / width, place[3] / height)
            )
            axis.set_facecolor("black")
            axis.set_xticks([])
            axis.set_yticks([])
            picture, aspect = _slice(row, panel)
            shown = axis.imshow(
                picture,
                cmap=perfusion_colours() if panel.quantity else "gray",
                vmin=panel.window[0],
                vmax=panel.window[1],
                aspect=aspect,
                interpolation="nearest",
            )
            axis.spines[:].set_visible(False)
            if number == 0:
                axis.set_title(panel.title, color=_INK, fontsize=10)
            if number == down - 1 and panel.quantity:
                colours = figure.add_axes(
                    (
                        (place[0] + 0.15) / width,
                        0.3 / height,
                        (_INCHES - 0.35) / width,
                        0.09 / height,
                    )
                )
                figure.colorbar(shown, cax=colours, orientation="horizontal")
                colours.tick_params(colors=_INK, labelsize=7)
                colours.set_xlabel(panel.quantity.unit, color=_INK, fontsize=7, labelpad=0)
    return save(figure, path)


def _slice(row: Row, panel: Panel) -> tuple[np.ndarray, float]:
    """The slice as a picture cut to the head, and height over width of its pixels."""
    values = panel.volume.astype(np.float32)
    if panel.mask is not None:
        values = np.where(panel.mask, values, np.nan)
    turned, spacing = radiological(values, row.geometry)
    rows, columns = head_box(radiological(row.panels[0].volume, row.geometry)[0])
    return turned[row.index, rows, columns], spacing[1] / spacing[2]
