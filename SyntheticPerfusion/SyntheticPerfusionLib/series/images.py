"""Volumes on the grid of a series: to SimpleITK, to files and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .atomic import replacing
from .geometry import Geometry
from .itk_file import open_image

if TYPE_CHECKING:
    import SimpleITK as sitk


def image_from_array(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    """A SimpleITK image of a (K, J, I) array on `geometry`; truth values become 0 and 1."""
    import SimpleITK as sitk

    if array.shape != geometry.shape:
        raise ValueError(f"The array has shape {array.shape}, its grid {geometry.shape}.")
    stored = array.astype(np.uint8) if array.dtype == bool else array
    return geometry.put_on(sitk.GetImageFromArray(stored))


def write_image(array: np.ndarray, geometry: Geometry, path: Path) -> None:
    """Write a (K, J, I) array to `path` (.nii, .nii.gz or .nrrd); whole or not at all.

    Raises OSError where the folder cannot be written to.
    """
    save(image_from_array(array, geometry), path)


def save(image: sitk.Image, path: Path) -> None:
    """Write `image` to `path`, whole or not at all; OSError where that is not possible."""
    import SimpleITK as sitk

    with replacing(path) as temporary:
        try:
            sitk.WriteImage(image, str(temporary), True, 1)
        except RuntimeError as error:
            raise OSError(f"{path} could not be written.") from error


def read_image(path: Path) -> tuple[np.ndarray, Geometry]:
    """(K, J, I) array, as stored, of a 3D image file, and its grid. Raises InputError."""
    import SimpleITK as sitk

    image = open_image(path)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path.name} is no single 3D volume (size {' x '.join(map(str, image.GetSize()))}, "
            f"{image.GetNumberOfComponentsPerPixel()} numbers per voxel); give one volume."
        )
    return sitk.GetArrayFromImage(image), Geometry.of_image(image)


def read_mask(path: Path, geometry: Geometry) -> np.ndarray:
    """(K, J, I) bool mask of a file on the grid `geometry`: true where its value is not 0.

    Raises InputError where the mask lies on another grid, is empty, or is no image.
    """
    array, grid = read_image(path)
    if not grid.matches(geometry):
        raise InputError(
            f"The mask {path.name} lies on another grid ({_grid(grid)}) than the series "
            f"({_grid(geometry)}); export it with the series as its reference."
        )
    mask = (array != 0) & ~np.isnan(array)
    if not mask.any():
        raise InputError(f"The mask {path.name} is empty: none of its voxels is set.")
    return mask


def _grid(geometry: Geometry) -> str:
    size = " x ".join(map(str, reversed(geometry.shape)))
    spacing = " x ".join(f"{value:.4g}" for value in geometry.spacing)
    origin = ", ".join(f"{value:.4g}" for value in geometry.origin)
    return f"{size} voxels of {spacing} mm from ({origin})"
