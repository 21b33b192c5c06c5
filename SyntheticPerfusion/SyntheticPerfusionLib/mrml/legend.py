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
    from slicer import vtkSlicerColorLogic

    legend = vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
    quantity = quantity_of(volume)
    legend.SetTitleText(f"{quantity.label}\n{volume.GetAttribute(METHOD)}")
    legend.SetNumberOfLabels(5)
    # Labels of one width, as the longest sets the size of the letters; never with powers of ten.
    legend.SetLabelFormat("%5.3g" if usual_window(volume)[1] < 1000 else "%5.0f")
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
