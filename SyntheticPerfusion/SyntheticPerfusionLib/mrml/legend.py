"""Colour legends of maps: a bar with the unit beside the slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .maps import METHOD, quantity_of, usual_window

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLColorLegendDisplayNode,
        vtkMRMLScalarVolumeNode,
        vtkMRMLSliceCompositeNode,
    )


def show_legend(
    volume: vtkMRMLScalarVolumeNode, visible: bool = True
) -> vtkMRMLColorLegendDisplayNode:
    """Show or hide the legend of a map, titled with quantity, unit and method.

    Slicer draws it in the slice views in which the map itself is shown.
    """
    # Labels of one width, as the longest sets the size of the letters; never with powers of ten.
    labels = "%5.3g" if usual_window(volume)[1] < 1000 else "%5.0f"
    title = f"{quantity_of(volume).label}\n{volume.GetAttribute(METHOD)}"
    return _legend(volume, title, labels, visible)


def show_phases_legend(
    proxy: vtkMRMLScalarVolumeNode, method: str, visible: bool = True
) -> vtkMRMLColorLegendDisplayNode:
    """As `show_legend`, for the volume that shows the steps of a sequence of collateral maps.

    Its title does not name the phase: Slicer's own controls change that without notice.
    """
    return _legend(proxy, f"Collateral maps\n{method}", "%5.3g", visible)


def _legend(
    volume: vtkMRMLScalarVolumeNode, title: str, labels: str, visible: bool
) -> vtkMRMLColorLegendDisplayNode:
    from slicer import vtkSlicerColorLogic

    legend = vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
    legend.SetTitleText(title)
    legend.SetNumberOfLabels(5)
    legend.SetLabelFormat(labels)
    # The size of the bar sets that of its texts: larger ones would cover the brain.
    legend.SetSize(0.07, 0.4)
    legend.SetPosition(0.98, 0.5)
    legend.SetVisibility(visible)
    return legend


def draw_legends_in(composite: vtkMRMLSliceCompositeNode) -> None:
    """Have the legends drawn in a slice view that was made after them.

    Slicer's legend manager takes notice of older legends only when a person changes the layers of
    the view; this tells it that somebody did.
    """
    before = composite.GetInteractionFlags()
    composite.SetInteractionFlags(composite.ForegroundVolumeFlag)
    composite.Modified()
    composite.SetInteractionFlags(before)
