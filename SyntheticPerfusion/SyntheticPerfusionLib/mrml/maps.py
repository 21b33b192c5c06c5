"""Maps in the scene: one scalar volume per quantity, coloured, with unit, beside its series.

Applying the same method to the same series again renews the volumes, so that overlays, tables and
window settings that point at them stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..maps.quantity import QUANTITIES, Quantity
from ..series.geometry import Geometry
from .colors import color_table
from .grid import put_array
from .sequence import proxy_volume
from .units import set_codes

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSequenceNode

QUANTITY = "SyntheticPerfusion.Quantity"
METHOD = "SyntheticPerfusion.Method"
SERIES_ROLE = "SyntheticPerfusion.Series"

ZERO_IS_NO_VALUE_BELOW = 1e-6
"""Voxels below it are see-through: 0 means outside the mask, or no trustworthy value.

K2 has both signs; of collateral maps see phases.dark_where_empty.
"""

# The usual windows of flow and volume reach 2 to 2.5 times as far as a brain's median.
_WINDOW_OVER_MEDIAN = 2.2


def map_name(quantity: Quantity, method: str) -> str:
    """Name of a map in the scene: ``Tmax (oSVD) [s]``."""
    name = f"{quantity.name} ({method})"
    return f"{name} [{quantity.unit}]" if quantity.unit else name


def put_map(
    scene: vtkMRMLScene,
    quantity: Quantity,
    method: str,
    array: np.ndarray,
    geometry: Geometry,
    series: vtkMRMLSequenceNode | None = None,
) -> vtkMRMLScalarVolumeNode:
    """The volume of a map (K, J, I); renewed where the scene has this quantity, method and series.

    A new volume gets the quantity's colour table, window and threshold; a renewed one keeps what
    the person set.
    """
    volume = find_map(scene, quantity.name, method, series)
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", map_name(quantity, method))
        volume.SetAttribute(QUANTITY, quantity.name)
        volume.SetAttribute(METHOD, method)
        if series is not None:
            volume.SetNodeReferenceID(SERIES_ROLE, series.GetID())
        set_codes(volume, quantity)
        volume.SetDescription(f"{quantity.title}. {quantity.definition}")
        put_array(volume, array, geometry)
        show_as_usual(volume)
        lie_with(volume, series)
        place_beside(volume, series)
    else:
        put_array(volume, array, geometry)
    return volume


def find_map(
    scene: vtkMRMLScene, quantity: str, method: str, series: vtkMRMLSequenceNode | None
) -> vtkMRMLScalarVolumeNode | None:
    """The map of this quantity and method made from this series."""
    for volume in maps_in(scene, series):
        if volume.GetAttribute(QUANTITY) == quantity and volume.GetAttribute(METHOD) == method:
            return volume
    return None


def maps_in(
    scene: vtkMRMLScene, series: vtkMRMLSequenceNode | None = None
) -> Iterator[vtkMRMLScalarVolumeNode]:
    """All maps of the scene, or those made from `series`."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")):
        volume = scene.GetNthNodeByClass(number, "vtkMRMLScalarVolumeNode")
        if volume.GetAttribute(QUANTITY) and (
            series is None or volume.GetNodeReferenceID(SERIES_ROLE) == series.GetID()
        ):
            yield volume


def quantity_of(volume: vtkMRMLScalarVolumeNode) -> Quantity:
    """The quantity that a map shows; KeyError where the volume is no map of a known quantity."""
    return QUANTITIES[volume.GetAttribute(QUANTITY)]


def same_quantity(volume: vtkMRMLScalarVolumeNode) -> Iterator[vtkMRMLScalarVolumeNode]:
    """All maps of the scene that show the same quantity as `volume`, itself included."""
    for other in maps_in(volume.GetScene()):
        if other.GetAttribute(QUANTITY) == volume.GetAttribute(QUANTITY):
            yield other


def show_as_usual(volume: vtkMRMLScalarVolumeNode) -> None:
    """Colour table, window and threshold of the quantity; voxels without a value stay clear.

    Of K2 only positive values show at first: a range cannot leave out the 0 outside the mask.
    """
    quantity = quantity_of(volume)
    volume.CreateDefaultDisplayNodes()
    display = volume.GetScalarVolumeDisplayNode()
    table = color_table(volume.GetScene(), quantity.colour_table)
    display.SetAndObserveColorNodeID(table.GetID())
    # Perfusion maps are read voxel by voxel: smoothing would draw values that nobody measured.
    display.SetInterpolate(0)
    set_window(volume, *usual_window(volume))
    set_threshold(volume, ZERO_IS_NO_VALUE_BELOW, None)


def show_like(volume: vtkMRMLScalarVolumeNode, other: vtkMRMLScalarVolumeNode) -> None:
    """Colour table, window and threshold of another volume."""
    volume.CreateDefaultDisplayNodes()
    display, theirs = volume.GetScalarVolumeDisplayNode(), other.GetScalarVolumeDisplayNode()
    display.SetAndObserveColorNodeID(theirs.GetColorNodeID())
    display.SetInterpolate(theirs.GetInterpolate())
    set_window(volume, theirs.GetWindowLevelMin(), theirs.GetWindowLevelMax())
    display.SetAutoThreshold(0)
    display.SetThreshold(theirs.GetLowerThreshold(), theirs.GetUpperThreshold())
    display.SetApplyThreshold(theirs.GetApplyThreshold())


def usual_window(volume: vtkMRMLScalarVolumeNode) -> tuple[float, float]:
    """The quantity's own window; a wider one where most of a flow or volume map lies above it.

    Flow and volume are on the scale of the arterial curve, whose height is often too low by a
    factor (partial volume), while their pattern holds. The window is then fitted to the median,
    which is tissue: one that held the vessels of the surface would leave tissue dark. Times keep
    their window, so that colours mean the same in every patient.
    """
    from slicer.util import arrayFromVolume

    quantity = quantity_of(volume)
    low, high = quantity.display_range
    values = arrayFromVolume(volume)
    values = values[values > 0]
    median = float(np.median(values)) if values.size else 0.0
    if not quantity.unit.startswith("ml") or median <= high:
        return low, high
    top = _WINDOW_OVER_MEDIAN * median
    step = 10.0 ** (math.floor(math.log10(top)) - 1)
    return low, math.ceil(top / step) * step


def lowest_value(quantity: Quantity) -> float | None:
    """Below it a voxel has no value; None for quantities that take both signs."""
    return ZERO_IS_NO_VALUE_BELOW if quantity.display_range[0] >= 0.0 else None


def set_window(volume: vtkMRMLScalarVolumeNode, lowest: float, highest: float) -> None:
    """Show values from `lowest` to `highest` over the whole colour table."""
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(0)
    display.SetWindowLevelMinMax(lowest, highest)


def set_threshold(
    volume: vtkMRMLScalarVolumeNode, lowest: float | None, highest: float | None
) -> None:
    """Make voxels below `lowest` or above `highest` see-through; None leaves that end open."""
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoThreshold(0)
    if lowest is None and highest is None:
        display.SetApplyThreshold(0)
        return
    # The pipeline converts the bounds to the voxel type: infinity would overflow there.
    widest = float(np.finfo(np.float32).max) / 2.0
    display.SetThreshold(
        -widest if lowest is None else lowest, widest if highest is None else highest
    )
    display.SetApplyThreshold(1)


def lie_with(volume: vtkMRMLScalarVolumeNode, series: vtkMRMLSequenceNode | None) -> None:
    """Put a volume under the transform that the series is shown with."""
    proxy = proxy_volume(series) if series is not None else None
    if proxy is not None and proxy.GetTransformNodeID():
        volume.SetAndObserveTransformNodeID(proxy.GetTransformNodeID())


def place_beside(node: vtkMRMLNode, series: vtkMRMLSequenceNode | None) -> None:
    """Give the node the same parent in the subject hierarchy as the series."""
    from slicer import vtkMRMLSubjectHierarchyNode

    hierarchy = vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    if hierarchy is None:
        return
    parent = hierarchy.GetSceneItemID()
    for neighbour in (series and proxy_volume(series), series):
        item = hierarchy.GetItemByDataNode(neighbour) if neighbour is not None else 0
        if item:
            parent = hierarchy.GetItemParent(item)
            break
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)
