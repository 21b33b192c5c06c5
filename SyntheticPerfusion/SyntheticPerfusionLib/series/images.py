"""Volumes on the grid of a series: to SimpleITK, to files and back."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .atomic import replacing
from .geometry import Geometry
from .gzip_file import stated_length
from .itk_file import has_suffix, open_image

if TYPE_CHECKING:
    import SimpleITK as sitk

_NIFTI_HEADER = 352


def image_from_array(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    """A SimpleITK image of a (K, J, I) array on `geometry`; truth values become 0 and 1."""
    import SimpleITK as sitk

    if array.shape != geometry.shape:
        raise ValueError(f"The array has shape {array.shape}, its grid {geometry.shape}.")
    stored = array.astype(np.uint8) if array.dtype == bool else array
    return geometry.put_on(sitk.GetImageFromArray(stored))


def write_image(array: np.ndarray, geometry: Geometry, path: Path) -> None:
    """Write a (K, J, I) array to `path` (.nii, .nii.gz or .nrrd); whole or not at all.

    Raises OSError where the folder cannot be written to, ENOSPC where it has no room.
    """
    with replacing(path) as temporary:
        save(image_from_array(array, geometry), temporary)


def save(image: sitk.Image, path: Path) -> None:
    """Write `image` to `path` and see that it got there; OSError where it did not.

    ITK's writers say nothing where a disk is full and leave a truncated file, so what was written
    is measured against what it must be.
    """
    import SimpleITK as sitk

    try:
        sitk.WriteImage(image, str(path), True, 1)
    except RuntimeError as error:
        if path.exists() and not _is_whole(image, path):
            raise _no_room(path) from error
        raise OSError(f"{path} could not be written.") from error
    if not _is_whole(image, path):
        raise _no_room(path)


def _is_whole(image: sitk.Image, path: Path) -> bool:
    """Whether the length of a written file is that of the image; packed files state it."""
    values = image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel()
    data = values * image.GetSizeOfPixelComponent()
    if has_suffix(path, (".nii",)):
        return path.stat().st_size == _NIFTI_HEADER + data
    header = _NIFTI_HEADER if has_suffix(path, (".nii.gz",)) else 0
    return stated_length(path) == (header + data) % (1 << 32)


def _no_room(path: Path) -> OSError:
    return OSError(errno.ENOSPC, "could not be written whole, the disk is full", str(path))


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
            f"The mask {path.name} lies on another grid ({grid_in_words(grid)}) than the series "
            f"({grid_in_words(geometry)}); export it with the series as its reference."
        )
    mask = (array != 0) & ~np.isnan(array)
    if not mask.any():
        raise InputError(f"The mask {path.name} is empty: none of its voxels is set.")
    return mask


def grid_in_words(geometry: Geometry) -> str:
    """Size, spacing and origin of a grid, for a sentence that says which one was found."""
    size = " x ".join(map(str, reversed(geometry.shape)))
    spacing = " x ".join(f"{value:.4g}" for value in geometry.spacing)
    origin = ", ".join(f"{value:.4g}" for value in geometry.origin)
    return f"{size} voxels of {spacing} mm from ({origin})"
