"""The order of frames and slices that dcm2niix makes of one multi-frame DICOM file, checked.

For some makers (seen with "SIEMENS" and "GE MEDICAL SYSTEMS" in dcm2niix v1.0.20260724) it sorts
the images of a single enhanced file by slice position alone and so mixes time with space, without
a word. Within a file the images of one slice come in the order of time, and the file runs through
either all slices of a frame or all frames of a slice. A conversion against that is put right.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

_UNKNOWN = -1


def in_acquired_order(signal: np.ndarray, files: Iterable[Path]) -> np.ndarray:
    """The (T, K, J, I) signal converted from one of `files`, with time and slices told apart.

    It comes back as it is where its order agrees with the file's, or where the two cannot be
    compared (values rescaled by dcm2niix, a file that runs through its images in another way).
    """
    compared = (_places(signal, file) for file in files)
    places = next((found for found in compared if found is not None), None)
    if places is None or _runs_through(places):
        return signal
    frames, slices = places.shape
    if not _runs_through(places.reshape(slices, frames).T):
        return signal
    mixed = signal.reshape(slices, frames, *signal.shape[2:])
    return np.ascontiguousarray(mixed.swapaxes(0, 1))


def _places(signal: np.ndarray, file: Path) -> np.ndarray | None:
    """(T, K) index in the file of each converted image, -1 where several look the same."""
    import SimpleITK as sitk

    try:
        stored = sitk.GetArrayFromImage(sitk.ReadImage(str(file))).astype(np.float32)
    except RuntimeError:
        return None
    frames, slices = signal.shape[:2]
    if stored.shape != (frames * slices, *signal.shape[2:]):
        return None
    index: dict[bytes, int] = {}
    for place, image in enumerate(stored):
        key = image[::-1].tobytes()
        index[key] = _UNKNOWN if key in index else place
    found = [index.get(image.tobytes()) for image in signal.reshape(-1, *signal.shape[2:])]
    if None in found:
        return None
    return np.array(found, dtype=int).reshape(frames, slices)


def _runs_through(places: np.ndarray) -> bool:
    """Whether each slice's images follow each other in the file at the step of one frame."""
    frames, slices = places.shape
    known = places != _UNKNOWN
    for step in (slices, 1):
        start = np.where(known, places - np.arange(frames)[:, None] * step, 0)
        same = [len(np.unique(start[known[:, k], k])) <= 1 for k in range(slices)]
        if all(same):
            return True
    return False
