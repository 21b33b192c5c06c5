"""Segments from arrays of voxels, and arrays of voxels from segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry
from .coverage import segment_coverage
from .grid import matrix_from_array, voxel_to_ras

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode, vtkMRMLVolumeNode

_HALF = 0.5


def add_segment(
    segmentation: vtkMRMLSegmentationNode,
    voxels: np.ndarray,
    geometry: Geometry,
    name: str,
    color: tuple[float, float, float],
) -> str:
    """Add a segment that covers the voxels (K, J, I) that are not 0; returns its ID."""
    import vtk
    from slicer import vtkOrientedImageData
    from vtk.util.numpy_support import numpy_to_vtk

    k, j, i = voxels.shape
    image = vtkOrientedImageData()
    image.SetDimensions(i, j, k)
    scalars = numpy_to_vtk(
        np.ascontiguousarray(voxels != 0, np.uint8).ravel(),
        deep=True,
        array_type=vtk.VTK_UNSIGNED_CHAR,
    )
    image.GetPointData().SetScalars(scalars)
    image.SetGeometryFromImageToWorldMatrix(matrix_from_array(voxel_to_ras(geometry)))
    return segmentation.AddSegmentFromBinaryLabelmapRepresentation(image, name, color)


def ensure_segment(
    segmentation: vtkMRMLSegmentationNode,
    segment_id: str,
    name: str,
    color: tuple[float, float, float],
) -> str:
    """ID of a segment to draw in: `segment_id` where there is one, else that of a new empty one."""
    found = segmentation.GetSegmentation()
    if found.GetSegment(segment_id) is not None:
        return segment_id
    return found.AddEmptySegment("", name, color)


def voxels_of_segment(
    segmentation: vtkMRMLSegmentationNode, segment_id: str, volume: vtkMRMLVolumeNode
) -> np.ndarray:
    """(K, J, I) bool: voxels of `volume` at least half inside the segment.

    Raises InputError where the segment fills no voxel that far.
    """
    voxels = segment_coverage(segmentation, segment_id, volume) >= _HALF
    if not voxels.any():
        name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
        raise InputError(f"Segment {name!r} fills no voxel of the series by half; draw it larger.")
    return voxels
