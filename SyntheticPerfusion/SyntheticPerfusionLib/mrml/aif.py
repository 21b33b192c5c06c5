"""The arterial voxels on the image: a segmentation that the slice views outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..series.geometry import Geometry
from .maps import place_beside
from .segments import add_segment
from .tables import named_node

if TYPE_CHECKING:
    from slicer import vtkMRMLScene, vtkMRMLSegmentationNode, vtkMRMLSequenceNode

AIF_VOXELS = "AIF voxels"
_RED = (0.9, 0.1, 0.1)


def typical_voxel(voxels: np.ndarray) -> tuple[int, int, int]:
    """(k, j, i) of the voxel nearest to the middle of the chosen ones (K, J, I)."""
    chosen = np.argwhere(voxels)
    distance = np.linalg.norm(chosen - chosen.mean(axis=0), axis=1)
    k, j, i = chosen[distance.argmin()]
    return int(k), int(j), int(i)


def show_aif_voxels(
    scene: vtkMRMLScene,
    voxels: np.ndarray,
    geometry: Geometry,
    series: vtkMRMLSequenceNode | None = None,
) -> vtkMRMLSegmentationNode:
    """Outline the chosen voxels (K, J, I) bool in the slice views; renews what was there."""
    node = named_node(scene, "vtkMRMLSegmentationNode", AIF_VOXELS)
    node.GetSegmentation().RemoveAllSegments()
    node.CreateDefaultDisplayNodes()
    add_segment(node, voxels, geometry, "AIF", _RED)
    place_beside(node, series)
    return node
