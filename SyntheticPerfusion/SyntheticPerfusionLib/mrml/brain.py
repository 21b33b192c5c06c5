"""The brain mask in the scene, where a person can correct it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry
from .maps import place_beside
from .segments import add_segment, voxels_of_segment

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLScene,
        vtkMRMLSegmentationNode,
        vtkMRMLSequenceNode,
        vtkMRMLVolumeNode,
    )

BRAIN_MASK = "Brain mask"
_YELLOW = (0.9, 0.8, 0.2)


def add_brain_mask(
    scene: vtkMRMLScene,
    mask: np.ndarray,
    geometry: Geometry,
    series: vtkMRMLSequenceNode | None = None,
) -> vtkMRMLSegmentationNode:
    """A segmentation with the mask (K, J, I) bool as its only segment, outlined, not filled."""
    name = scene.GenerateUniqueName(BRAIN_MASK)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetVisibility2DFill(False)
    add_segment(node, mask, geometry, "Brain", _YELLOW)
    place_beside(node, series)
    return node


def brain_mask_of(segmentation: vtkMRMLSegmentationNode, volume: vtkMRMLVolumeNode) -> np.ndarray:
    """(K, J, I) bool: the first segment on the grid of `volume`.

    Raises InputError where the segmentation has no segment or covers nothing of the volume.
    """
    if segmentation.GetSegmentation().GetNumberOfSegments() == 0:
        raise InputError(
            f"{segmentation.GetName()} has no segment; draw the brain or choose the automatic mask."
        )
    segment_id = segmentation.GetSegmentation().GetNthSegmentID(0)
    return voxels_of_segment(segmentation, segment_id, volume)
