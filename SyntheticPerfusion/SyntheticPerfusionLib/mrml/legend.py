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
    legend.SetSize(0.15, 0.5)
    legend.SetVisibility(visible)
    return legend
