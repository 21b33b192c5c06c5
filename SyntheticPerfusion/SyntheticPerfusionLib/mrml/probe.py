"""Which voxel of a volume lies at a place in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLVolumeNode


def voxel_at(volume: vtkMRMLVolumeNode, ras: Sequence[float]) -> tuple[int, int, int] | None:
    """(k, j, i) of the voxel at `ras` (mm, world), through the volume's transform; None outside."""
    import vtk
    from slicer import vtkMRMLTransformNode

    world_to_volume = vtk.vtkGeneralTransform()
    vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, volume.GetParentTransformNode(), world_to_volume
    )
    ras_to_voxel = vtk.vtkMatrix4x4()
    volume.GetRASToIJKMatrix(ras_to_voxel)
    point = ras_to_voxel.MultiplyPoint((*world_to_volume.TransformPoint(ras), 1.0))
    i, j, k = (round(value) for value in point[:3])
    size = volume.GetImageData().GetDimensions()
    if all(0 <= index < count for index, count in zip((i, j, k), size, strict=True)):
        return k, j, i
    return None
