"""Where the voxels of a volume lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True)
class Geometry:
    """The grid of a volume in patient coordinates (LPS, millimetres, as in SimpleITK).

    shape      (K, J, I): slices, rows, columns, the order of the numpy arrays.
    spacing    (i, j, k) voxel size in mm.
    origin     (x, y, z) centre of the first voxel in mm, LPS.
    direction  nine numbers, row by row: column c is the direction of axis c (i, j, k) in LPS.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    @classmethod
    def of_image(cls, image: sitk.Image | sitk.ImageFileReader) -> Geometry:
        """The grid of the first three axes of a 3D or 4D SimpleITK image, or of a read header."""
        dimension = image.GetDimension()
        direction = np.asarray(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
        size = image.GetSize()
        spacing, origin = image.GetSpacing(), image.GetOrigin()
        return cls(
            shape=(size[2], size[1], size[0]),
            spacing=(spacing[0], spacing[1], spacing[2]),
            origin=(origin[0], origin[1], origin[2]),
            direction=tuple(float(value) for value in direction.ravel()),
        )

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return float(np.prod(self.spacing)) / 1000.0

    @property
    def voxel_to_lps(self) -> np.ndarray:
        """4x4 matrix that takes (i, j, k, 1) to (x, y, z, 1) in LPS millimetres."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.asarray(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    def matches(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """Whether both grids have the same shape and every corner within `tolerance_mm`."""
        if self.shape != other.shape:
            return False
        far = np.array([[0, 0, 0, 1], [*(n - 1 for n in reversed(self.shape)), 1]], float)
        corners = np.array([[i, j, k, 1] for i in far[:, 0] for j in far[:, 1] for k in far[:, 2]])
        apart = corners @ (self.voxel_to_lps - other.voxel_to_lps).T
        return bool(np.abs(apart).max() <= tolerance_mm)

    def put_on(self, image: sitk.Image) -> sitk.Image:
        """Give a 3D image of the same shape this grid; returns the image."""
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
        return image
