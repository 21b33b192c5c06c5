"""The order of frames and slices that dcm2niix makes of one multi-frame DICOM file, checked.

For some makers (seen with "SIEMENS" and "GE MEDICAL SYSTEMS" in dcm2niix v1.0.20260724) it sorts
the images of a single enhanced file by slice position alone and so mixes time with space, without
a word. The file says of each image where it lies (0020,0032) and mostly which frame it belongs to
(0020,9128); by these a conversion that mixed them is put right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .geometry import Geometry

_POSITION = re.compile(rb"\x20\x00\x32\x00(?:DS(..)|(..)\x00\x00)", re.DOTALL)
_FRAME = re.compile(rb"\x20\x00\x28\x91(?:UL\x04\x00|\x04\x00\x00\x00)(....)", re.DOTALL)
_PIXEL_DATA = b"\xe0\x7f\x10\x00"
_SAME_SLICE = 0.1


def in_acquired_order(signal: np.ndarray, geometry: Geometry, files: Iterable[Path]) -> np.ndarray:
    """The (T, K, J, I) signal converted from one of `files`, with time and slices told apart.

    It comes back as it is where its order agrees with the file's, or where the two cannot be
    compared: values rescaled by dcm2niix, compressed or differently nested files.
    """
    for file in files:
        images = _images(file, signal.shape)
        places = _places(file, signal.shape, geometry)
        if images is None or places is None or not _same_images(signal, images):
            continue
        ordered = np.empty_like(signal)
        for image, (t, k) in zip(images, places, strict=True):
            ordered[t, k] = image
        return signal if np.array_equal(ordered, signal) else ordered
    return signal


def _images(file: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """(T * K, J, I) float32 images in the order of the file, rows as dcm2niix turns them."""
    import SimpleITK as sitk

    try:
        stored = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    except RuntimeError:
        return None
    if stored.shape != (shape[0] * shape[1], *shape[2:]):
        return None
    return stored[:, ::-1].astype(np.float32)


def _same_images(signal: np.ndarray, images: np.ndarray) -> bool:
    converted = sorted(hash(image.tobytes()) for image in signal.reshape(images.shape))
    return converted == sorted(hash(image.tobytes()) for image in images)


def _places(file: Path, shape: tuple[int, ...], geometry: Geometry) -> list[tuple[int, int]] | None:
    """Frame and slice of each image of the file; None where the file does not say."""
    frames, slices = shape[:2]
    header = file.read_bytes()
    header = header[: header.rfind(_PIXEL_DATA)]
    positions = [p for match in _POSITION.finditer(header) if (p := _decimals(header, match))]
    if len(positions) != frames * slices:
        return None
    voxels = np.array([[*p, 1.0] for p in positions]) @ np.linalg.inv(geometry.voxel_to_lps).T
    slice_of = np.rint(voxels[:, 2]).astype(int)
    if np.abs(voxels[:, 2] - slice_of).max() > _SAME_SLICE:
        return None
    indices = [int.from_bytes(m.group(1), "little") for m in _FRAME.finditer(header)]
    moment = np.array(indices if len(indices) == len(positions) else range(len(positions)))
    places = [(-1, -1)] * len(positions)
    for k in range(slices):
        members = np.flatnonzero(slice_of == k)
        if len(members) != frames or len(set(moment[members])) != frames:
            return None
        for t, image in enumerate(members[np.argsort(moment[members])]):
            places[image] = (t, k)
    return places


def _decimals(header: bytes, match: re.Match[bytes]) -> tuple[float, ...] | None:
    length = int.from_bytes(match.group(1) or match.group(2), "little")
    text = header[match.end() : match.end() + length].decode("ascii", "replace")
    try:
        values = tuple(float(part) for part in text.rstrip("\0 ").split("\\"))
    except ValueError:
        return None
    return values if len(values) == 3 else None
