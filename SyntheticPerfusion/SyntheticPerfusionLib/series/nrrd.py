"""4D NRRD and Slicer's .seq.nrrd: the time axis may be any of the four.

SimpleITK moves an axis of kind "list" or "vector" to the components of each voxel and gives the
key-value pairs of the header; an image whose axes are all alike keeps time as its last axis.
Slicer 5.12 writes the index of a sequence as ``axis 3 index values``, older versions as
``axis 0 index values``, with its unit as that of the axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from .assemble import assemble_series
from .dsc_series import DscSeries
from .geometry import Geometry
from .itk_file import NRRD_SUFFIXES, open_image, stem
from .multivolume import attribute_echo_time, attribute_times
from .timing import FrameTimes, chosen_echo_time, chosen_times, header_times
from .validate import check_frame_count

if TYPE_CHECKING:
    import SimpleITK as sitk

_SUFFIXES = (*NRRD_SUFFIXES, *(f".seq{suffix}" for suffix in NRRD_SUFFIXES))


def read_nrrd(
    path: Path, echo_time_s: float | None = None, repetition_time_s: float | None = None
) -> DscSeries:
    """The series in a 4D NRRD file (.nrrd, .seq.nrrd, .nhdr).

    TE and TR in seconds, where given, override what the file says. Raises InputError.
    """
    image = open_image(path)
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    components = image.GetNumberOfComponentsPerPixel()
    size = image.GetSize() + ((components,) if components > 1 else ())
    check_frame_count(size, path.name)
    times = chosen_times(
        repetition_time_s, size[3], lambda: _stored_times(image, header, size[3]), path.name
    )
    echo_time = chosen_echo_time(echo_time_s, lambda: attribute_echo_time(header))
    geometry = Geometry.of_image(image)
    return assemble_series(_signal(image), geometry, times, echo_time, stem(path, _SUFFIXES))


def _signal(image: sitk.Image) -> np.ndarray:
    """(T, K, J, I) float32 copy of the pixels."""
    import SimpleITK as sitk

    stored = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() == 1:
        return stored.astype(np.float32)
    signal = np.empty((stored.shape[3], *stored.shape[:3]), np.float32)
    for k, slice_over_time in enumerate(stored):
        signal[:, k] = np.moveaxis(slice_over_time, -1, 0)
    return signal


def _stored_times(
    image: sitk.Image, header: Mapping[str, str], frame_count: int
) -> FrameTimes | None:
    time_axis = "pixel" if image.GetNumberOfComponentsPerPixel() > 1 else "3"
    unit = header.get(f"NRRD_units[{time_axis}]", "")
    index = header.get("axis 3 index values") or header.get("axis 0 index values") or ""
    times = attribute_times(header, frame_count, [unquote(item) for item in index.split()], unit)
    if times is not None or image.GetDimension() < 4:
        return times
    return header_times(frame_count, image.GetSpacing()[3], unit, "NRRD header, spacing of axis 3")
