"""A layout with one slice view per map, all at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from .legend import draw_legends_in
from .maps import quantity_of
from .overlay import show_overlay, slice_composites
from .phases import SHORT_NAMES, step_of

if TYPE_CHECKING:
    from slicer import vtkMRMLLayoutNode, vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLVolumeNode

# Slicer's documentation asks modules to take numbers above 500, so that they do not collide.
FIRST_LAYOUT = 7340
MOST_VIEWS = 9


def view_names(count: int) -> list[str]:
    """Names of the slice views of a side-by-side layout of `count` maps."""
    return [f"Perfusion{number + 1}" for number in range(count)]


def other_views(scene: vtkMRMLScene) -> list[str]:
    """Names of the slice views that belong to no side-by-side layout."""
    ours = set(view_names(MOST_VIEWS))
    names = [composite.GetLayoutName() for composite in slice_composites(scene)]
    return [name for name in names if name not in ours]


def is_side_by_side(layout: vtkMRMLLayoutNode) -> bool:
    """Whether a side-by-side layout is shown now."""
    return FIRST_LAYOUT < layout.GetViewArrangement() <= FIRST_LAYOUT + MOST_VIEWS


def layout_description(labels: Sequence[str]) -> str:
    """Slicer's XML for a grid of axial slice views, as square as it gets, wider than high."""
    names = view_names(len(labels))
    rows = max(1, round(len(labels) ** 0.5))
    columns = ceil(len(labels) / rows)
    cells = [
        f'<item><view class="vtkMRMLSliceNode" singletontag="{name}">'
        '<property name="orientation" action="default">Axial</property>'
        f'<property name="viewlabel" action="default">{escape(label)}</property>'
        '<property name="viewcolor" action="default">#8C8C8C</property>'
        '<property name="viewgroup" action="default">1</property>'
        "</view></item>"
        for name, label in zip(names, labels, strict=True)
    ]
    grid = [cells[first : first + columns] for first in range(0, len(cells), columns)]
    lines = "".join(
        f'<item><layout type="horizontal">{"".join(row)}</layout></item>' for row in grid
    )
    return f'<layout type="vertical">{lines}</layout>'


def show_side_by_side(
    layout: vtkMRMLLayoutNode,
    maps: Sequence[vtkMRMLScalarVolumeNode],
    background: vtkMRMLVolumeNode | None,
    opacity: float = 1.0,
) -> int:
    """Switch to one linked slice view per map (at most nine); returns the layout's number.

    The layout manager makes the views when the arrangement is set; where there is none (no
    application), the views that exist are filled.
    """
    shown = list(maps)[:MOST_VIEWS]
    number = FIRST_LAYOUT + len(shown)
    description = layout_description([_label(volume) for volume in shown])
    if layout.IsLayoutDescription(number):
        layout.SetLayoutDescription(number, description)
    else:
        layout.AddLayoutDescription(number, description)
    layout.SetViewArrangement(number)
    # The description's labels are those of new views alone: views that are there keep their own.
    for name, volume in zip(view_names(len(shown)), shown, strict=True):
        view = layout.GetScene().GetSingletonNode(name, "vtkMRMLSliceNode")
        if view is not None:
            view.SetLayoutLabel(_label(volume))
    fill_side_by_side(layout.GetScene(), shown, background, opacity)
    return number


def _label(volume: vtkMRMLScalarVolumeNode) -> str:
    """As short as the bar over a view shows it."""
    number = step_of(volume)
    return quantity_of(volume).name if number is None else SHORT_NAMES[number]


def fill_side_by_side(
    scene: vtkMRMLScene,
    maps: Sequence[vtkMRMLScalarVolumeNode | None],
    background: vtkMRMLVolumeNode | None,
    opacity: float,
) -> None:
    """Show each map with its legend in its view and link the views; None shows no map there."""
    names = view_names(len(maps))
    for name, volume in zip(names, maps, strict=True):
        show_overlay(scene, volume, background, opacity, [name])
    for composite in slice_composites(scene, names):
        composite.SetLinkedControl(True)
        draw_legends_in(composite)
