"""Between the library's grid (LPS, as in SimpleITK) and the scene's (RAS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..series.geometry import Geometry

if TYPE_CHECKING:
    import vtk
    from slicer import vtkMRMLVolumeNode

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def matrix_from_array(array: np.ndarray) -> vtk.vtkMatrix4x4:
    """A VTK matrix of a (4, 4) array."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(array, float).ravel())
    return matrix


def array_from_matrix(matrix: vtk.vtkMatrix4x4) -> np.ndarray:
    """(4, 4) float64 of a VTK matrix."""
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def voxel_to_ras(geometry: Geometry) -> np.ndarray:
    """4x4 matrix that takes (i, j, k, 1) to RAS millimetres."""
    return _LPS_TO_RAS @ geometry.voxel_to_lps


def geometry_of(volume: vtkMRMLVolumeNode) -> Geometry:
    """The grid of a volume node, without its parent transform."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    voxel_to_lps = _LPS_TO_RAS @ array_from_matrix(matrix)
    spacing = np.linalg.norm(voxel_to_lps[:3, :3], axis=0)
    i, j, k = volume.GetImageData().GetDimensions()
    return Geometry(
        shape=(k, j, i),
        spacing=(float(spacing[0]), float(spacing[1]), float(spacing[2])),
        origin=(
            float(voxel_to_lps[0, 3]),
            float(voxel_to_lps[1, 3]),
            float(voxel_to_lps[2, 3]),
        ),
        direction=tuple(float(value) for value in (voxel_to_lps[:3, :3] / spacing).ravel()),
    )


def put_array(volume: vtkMRMLVolumeNode, array: np.ndarray, geometry: Geometry) -> None:
    """Give a volume node the voxels (K, J, I) and the grid; the voxels are copied."""
    from slicer.util import updateVolumeFromArray

    volume.SetIJKToRASMatrix(matrix_from_array(voxel_to_ras(geometry)))
    updateVolumeFromArray(volume, array)
