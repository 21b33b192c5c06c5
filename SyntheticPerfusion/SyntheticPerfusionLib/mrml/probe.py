"""Which voxel of a volume lies at a place in the patient, and where in the patient a voxel lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLVolumeNode


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


def jump_to(scene: vtkMRMLScene, volume: vtkMRMLVolumeNode, voxel: tuple[int, int, int]) -> None:
    """Bring all slice views to the voxel (k, j, i) of `volume`."""
    import vtk
    from slicer import vtkMRMLSliceNode, vtkMRMLTransformNode

    voxel_to_ras = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(voxel_to_ras)
    volume_to_world = vtk.vtkGeneralTransform()
    vtkMRMLTransformNode.GetTransformBetweenNodes(
        volume.GetParentTransformNode(), None, volume_to_world
    )
    k, j, i = voxel
    ras = volume_to_world.TransformPoint(voxel_to_ras.MultiplyPoint((i, j, k, 1.0))[:3])
    vtkMRMLSliceNode.JumpAllSlices(scene, *ras, vtkMRMLSliceNode.DefaultJumpSlice)
