"""Colour legends of maps: a bar with the unit beside the slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .maps import METHOD, quantity_of

if TYPE_CHECKING:
    from slicer import vtkMRMLColorLegendDisplayNode, vtkMRMLScalarVolumeNode


def show_legend(
    volume: vtkMRMLScalarVolumeNode, visible: bool = True
) -> vtkMRMLColorLegendDisplayNode:
    """Show or hide the legend of a map, titled with quantity, unit and method.

    Slicer draws it in the slice views in which the map itself is shown.
    """
    from slicer import vtkSlicerColorLogic

    legend = vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
    quantity = quantity_of(volume)
    legend.SetTitleText(f"{quantity.label}\n{volume.GetAttribute(METHOD)}")
    legend.SetNumberOfLabels(5)
    legend.SetLabelFormat("%.3g")
    # The size of the bar sets that of its texts: larger ones would cover the brain.
    legend.SetSize(0.07, 0.4)
    legend.SetPosition(0.98, 0.5)
    legend.SetVisibility(visible)
    # Views that were made since do not draw a legend before it changes.
    legend.Modified()
    return legend
