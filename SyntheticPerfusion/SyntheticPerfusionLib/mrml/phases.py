"""Collateral maps in the scene as a sequence of five steps, to be scrolled through in one window.

The five are single maps too (maps.py), which ratios and side by side views take. The sequence has
voxels of its own, and the browser's proxy volume shows one step of them: the proxy is no map of the
lists, so that nothing that renews or measures maps ever writes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..maps.quantity import COLLATERALS
from . import legend, maps
from .grid import geometry_of, put_array
from .sequence import PHASES, browse, browser_of, holds_phases, proxy_volume
from .units import set_codes

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLScalarVolumeNode,
        vtkMRMLScene,
        vtkMRMLSequenceBrowserNode,
        vtkMRMLSequenceNode,
    )

INDEX_NAME = "phase"

SHORT_NAMES = ("Art", "Cap", "EV", "LV", "Del")
"""Of the phases, for places that hold a few letters."""

_NAMES = tuple(item.name for item in COLLATERALS)
_BETWEEN = "; "


def phase_name(number: int) -> str:
    """The phase of a step in words: ``early venous``."""
    return _NAMES[number].removeprefix("Collateral_").replace("_", " ")


def dark_where_empty(array: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A collateral map (K, J, I) for the screen, on which tissue without tracer is dark.

    There noise scatters about 0, which in other maps means that there is no value and is
    see-through: the territory that no collateral reaches would be full of holes. What lies at 0 or
    below is raised to the least value that is seen; the files keep it.

    known  (K, J, I) bool: the brain, without voxels whose signal cannot be read.
    """
    least = np.float32(2.0 * maps.ZERO_IS_NO_VALUE_BELOW)
    return np.where(known, np.maximum(array, least), array)


def put_phases(
    scene: vtkMRMLScene,
    volumes: Sequence[vtkMRMLScalarVolumeNode],
    method: str,
    series: vtkMRMLSequenceNode | None = None,
    intervals_s: Mapping[str, Sequence[float]] | None = None,
) -> vtkMRMLSequenceNode | None:
    """The sequence of the five collateral maps among `volumes`; None where not all are there.

    It is renewed where the scene has one of this method and series, and keeps then what the person
    set of its window, threshold and colours, as maps do.

    intervals_s  start and end of each phase in seconds, by its name in series.phases; not known of
                 maps that a network made.
    """
    by_name = {volume.GetAttribute(maps.QUANTITY): volume for volume in volumes}
    if not set(_NAMES) <= set(by_name):
        return None
    steps = [by_name[name] for name in _NAMES]
    node = find_phases(scene, method, series)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"Collateral maps ({method})")
        node.SetIndexName(INDEX_NAME)
        node.SetIndexUnit("")
        node.SetIndexTypeFromString("text")
        node.SetAttribute(maps.METHOD, method)
        if series is not None:
            node.SetNodeReferenceID(maps.SERIES_ROLE, series.GetID())
    node.SetAttribute(PHASES, _times(intervals_s))
    for number, volume in enumerate(steps):
        _put_step(node, number, volume)
    _browser(node)
    return node


def find_phases(
    scene: vtkMRMLScene, method: str, series: vtkMRMLSequenceNode | None
) -> vtkMRMLSequenceNode | None:
    """The sequence of this method made from this series."""
    wanted = series.GetID() if series is not None else None
    for node in phases_in(scene):
        made_from = node.GetNodeReferenceID(maps.SERIES_ROLE)
        if node.GetAttribute(maps.METHOD) == method and made_from == wanted:
            return node
    return None


def phases_in(scene: vtkMRMLScene) -> Iterator[vtkMRMLSequenceNode]:
    """All sequences of collateral maps of the scene."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode")):
        node = scene.GetNthNodeByClass(number, "vtkMRMLSequenceNode")
        if holds_phases(node):
            yield node


def phases_of(volume: vtkMRMLScalarVolumeNode | None) -> vtkMRMLSequenceNode | None:
    """The sequence that a map is a step of; None where it is no collateral map."""
    if volume is None or step_of(volume) is None:
        return None
    series = volume.GetNodeReference(maps.SERIES_ROLE)
    return find_phases(volume.GetScene(), volume.GetAttribute(maps.METHOD), series)


def step_of(volume: vtkMRMLScalarVolumeNode) -> int | None:
    """Number of the phase that a map shows; None where it is no collateral map."""
    name = volume.GetAttribute(maps.QUANTITY)
    return _NAMES.index(name) if name in _NAMES else None


def map_of_step(node: vtkMRMLSequenceNode, number: int) -> vtkMRMLScalarVolumeNode | None:
    """The single map of a step; None where the person removed it."""
    series = node.GetNodeReference(maps.SERIES_ROLE)
    return maps.find_map(node.GetScene(), _NAMES[number], node.GetAttribute(maps.METHOD), series)


def show_step(node: vtkMRMLSequenceNode, number: int) -> None:
    """Have the browser show this phase."""
    _browser(node).SetSelectedItemNumber(number)


def shown_step(node: vtkMRMLSequenceNode) -> int:
    """Number of the phase that the browser shows."""
    return max(0, int(_browser(node).GetSelectedItemNumber()))


def time_of_step(node: vtkMRMLSequenceNode, number: int) -> tuple[float, float] | None:
    """Start and end of a phase in seconds since the first frame; None where it is not known."""
    times = node.GetAttribute(PHASES)
    if not times:
        return None
    start, end = map(float, times.split(_BETWEEN)[number].split())
    return start, end


def shown_volume(volume: vtkMRMLScalarVolumeNode) -> vtkMRMLScalarVolumeNode:
    """What the slice views show of a map: the sequence of a collateral map, else the map itself."""
    node = phases_of(volume)
    return (proxy_volume(node) if node is not None else None) or volume


def show_phase_of(volume: vtkMRMLScalarVolumeNode) -> vtkMRMLScalarVolumeNode:
    """As `shown_volume`, with the sequence set to the phase of the map."""
    node, number = phases_of(volume), step_of(volume)
    if node is not None and number is not None:
        show_step(node, number)
    return shown_volume(volume)


def show_legends(scene: vtkMRMLScene, visible: bool) -> None:
    """Show or hide the legends of all sequences of collateral maps."""
    for node in phases_in(scene):
        proxy = proxy_volume(node)
        if proxy is not None:
            legend.show_phases_legend(proxy, node.GetAttribute(maps.METHOD), visible)


def shown_alike(volume: vtkMRMLScalarVolumeNode) -> list[vtkMRMLScalarVolumeNode]:
    """Volumes that share window and colours with a map: of one quantity, or all collateral maps."""
    if step_of(volume) is None:
        return list(maps.same_quantity(volume))
    scene = volume.GetScene()
    found = [other for other in maps.maps_in(scene) if step_of(other) is not None]
    return found + [proxy for node in phases_in(scene) if (proxy := proxy_volume(node)) is not None]


def shown_together(volume: vtkMRMLScalarVolumeNode) -> list[vtkMRMLScalarVolumeNode]:
    """A map and, where it is a step, all steps and what shows them: they share a threshold."""
    node = phases_of(volume)
    if node is None:
        return [volume]
    steps = [map_of_step(node, number) for number in range(len(_NAMES))]
    return [other for other in (*steps, proxy_volume(node)) if other is not None]


def show_as_usual(volume: vtkMRMLScalarVolumeNode) -> None:
    """Colours, window and threshold of the quantity, for all that is shown alike."""
    for other in shown_alike(volume):
        # What shows a sequence is no map, and looks as the single maps do, which come before it.
        if other.GetAttribute(maps.QUANTITY):
            maps.show_as_usual(other)
        else:
            maps.show_like(other, volume)


def _put_step(node: vtkMRMLSequenceNode, number: int, volume: vtkMRMLScalarVolumeNode) -> None:
    """Store a copy of a map's voxels, without what would make it a map of the lists."""
    from slicer.util import arrayFromVolume

    scene = volume.GetScene()
    step = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
    step.UnRegister(None)
    put_array(step, arrayFromVolume(volume), geometry_of(volume))
    step.SetName(f"{node.GetName()}, {phase_name(number)}")
    step.SetDescription(volume.GetDescription())
    node.SetDataNodeAtValue(step, phase_name(number))


def _browser(node: vtkMRMLSequenceNode) -> vtkMRMLSequenceBrowserNode:
    """The browser of a sequence; made where there is none, with a proxy that looks as the maps do.

    The proxy's name tells the phase that it shows, so that the corners of the slice views do.
    """
    browser = browser_of(node)
    if browser is not None:
        return browser
    browser = browse(node)
    browser.SetOverwriteProxyName(node, True)
    browser.SetSelectedItemNumber(0)
    proxy, series = browser.GetProxyNode(node), node.GetNodeReference(maps.SERIES_ROLE)
    first = map_of_step(node, 0)
    if first is not None:
        maps.show_like(proxy, first)
    set_codes(proxy, COLLATERALS[0])
    maps.lie_with(proxy, series)
    maps.place_beside(proxy, series)
    legend.show_phases_legend(proxy, node.GetAttribute(maps.METHOD))
    return browser


def _times(intervals_s: Mapping[str, Sequence[float]] | None) -> str:
    if not intervals_s:
        return ""
    names = [name.removeprefix("Collateral_") for name in _NAMES]
    return _BETWEEN.join("{:.3f} {:.3f}".format(*intervals_s[name]) for name in names)
