"""A map laid over the series or over an anatomical volume in the slice views."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSliceCompositeNode, vtkMRMLVolumeNode


def slice_composites(
    scene: vtkMRMLScene, views: Collection[str] | None = None
) -> Iterator[vtkMRMLSliceCompositeNode]:
    """The composite nodes of the slice views called `views`; all of them where None."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceCompositeNode")):
        composite = scene.GetNthNodeByClass(number, "vtkMRMLSliceCompositeNode")
        if views is None or composite.GetLayoutName() in views:
            yield composite


def show_overlay(
    scene: vtkMRMLScene,
    overlay: vtkMRMLVolumeNode | None,
    background: vtkMRMLVolumeNode | None,
    opacity: float,
    views: Collection[str] | None = None,
) -> None:
    """Lay `overlay` over `background` in the slice views.

    opacity  0 (only the background) to 1 (only the map where it has a value).
    """
    for composite in slice_composites(scene, views):
        composite.SetBackgroundVolumeID(background.GetID() if background is not None else None)
        composite.SetForegroundVolumeID(overlay.GetID() if overlay is not None else None)
        composite.SetForegroundOpacity(opacity)


def is_shown(scene: vtkMRMLScene, volume: vtkMRMLVolumeNode) -> bool:
    """Whether any slice view shows the volume, below or above."""
    return any(
        volume.GetID() in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        for composite in slice_composites(scene)
    )


def set_opacity(scene: vtkMRMLScene, opacity: float, views: Collection[str] | None = None) -> None:
    """Opacity of whatever is laid over in the slice views, 0 to 1."""
    for composite in slice_composites(scene, views):
        composite.SetForegroundOpacity(opacity)
