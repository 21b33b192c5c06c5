"""The arterial voxels on the image: a segmentation that the slice views outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry
from .coverage import segment_coverage
from .grid import matrix_from_array, voxel_to_ras
from .maps import place_beside
from .tables import named_node

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLScene,
        vtkMRMLSegmentationNode,
        vtkMRMLSequenceNode,
        vtkMRMLVolumeNode,
    )

AIF_VOXELS = "AIF voxels"
_RED = (0.9, 0.1, 0.1)
_HALF = 0.5


def show_aif_voxels(
    scene: vtkMRMLScene,
    voxels: np.ndarray,
    geometry: Geometry,
    series: vtkMRMLSequenceNode | None = None,
) -> vtkMRMLSegmentationNode:
    """Outline the chosen voxels (K, J, I) bool in the slice views; renews what was there."""
    import vtk
    from slicer import vtkOrientedImageData
    from vtk.util.numpy_support import numpy_to_vtk

    k, j, i = voxels.shape
    image = vtkOrientedImageData()
    image.SetDimensions(i, j, k)
    scalars = numpy_to_vtk(
        np.ascontiguousarray(voxels, np.uint8).ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR
    )
    image.GetPointData().SetScalars(scalars)
    image.SetGeometryFromImageToWorldMatrix(matrix_from_array(voxel_to_ras(geometry)))

    node = named_node(scene, "vtkMRMLSegmentationNode", AIF_VOXELS)
    node.GetSegmentation().RemoveAllSegments()
    node.CreateDefaultDisplayNodes()
    node.AddSegmentFromBinaryLabelmapRepresentation(image, "AIF", _RED)
    place_beside(node, series)
    return node


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
