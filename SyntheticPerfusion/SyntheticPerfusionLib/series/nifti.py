"""4D NIfTI: signal and position by SimpleITK, timing from the BIDS sidecar or the header.

Where a header holds two positions that differ, SimpleITK's choice stands (the sform if its code
is 1, else the qform): it is also Slicer's, so the maps lie where Slicer shows the series.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .assemble import assemble_series
from .dsc_series import DscSeries
from .geometry import Geometry
from .itk_file import open_image
from .sidecar import read_sidecar, sidecar_echo_time, sidecar_times
from .timing import FrameTimes, chosen_echo_time, chosen_times, header_times
from .validate import check_frame_count

_TIME_UNIT_BITS = 0x38
_TIME_UNITS = {0: "", 8: "sec", 16: "msec", 24: "usec", 32: "Hz", 40: "ppm", 48: "rad/s"}
_SAME_POSITION_MM = 0.1


def read_nifti(
    path: Path, echo_time_s: float | None = None, repetition_time_s: float | None = None
) -> DscSeries:
    """The series in a 4D NIfTI file (.nii or .nii.gz) with the sidecar JSON beside it.

    TE and TR in seconds, where given, override what the files say. Raises InputError.
    """
    sidecar = read_sidecar(path)
    image = open_image(path)
    check_frame_count(image.GetSize(), path.name)
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise InputError(
            f"{path.name} holds {image.GetPixelIDTypeAsString()} voxels; expected one number each: "
            "export the magnitude."
        )
    header = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    times = chosen_times(
        repetition_time_s,
        image.GetSize()[3],
        lambda: _stored_times(header, sidecar, image.GetSize()[3]),
        path.name,
    )
    echo_time = chosen_echo_time(echo_time_s, lambda: sidecar_echo_time(sidecar))
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    warnings = _position_warning(header, Geometry.of_image(image))
    return assemble_series(image, times, echo_time, name, warnings)


def _stored_times(
    header: Mapping[str, str], sidecar: Mapping[str, Any], frame_count: int
) -> FrameTimes | None:
    unit = _TIME_UNITS.get(int(header["xyzt_units"]) & _TIME_UNIT_BITS, "unknown")
    interval = float(header["pixdim[4]"])
    in_header, problem = None, None
    try:
        in_header = header_times(frame_count, interval, unit, "NIfTI header pixdim[4]")
    except InputError as error:
        problem = error
    times = sidecar_times(sidecar, frame_count, in_header)
    if times is None and problem is not None:
        raise problem
    return times or in_header


def _position_warning(header: Mapping[str, str], geometry: Geometry) -> tuple[str, ...]:
    if int(header["sform_code"]) == 0:
        return ()
    sform = np.eye(4)
    sform[:3] = [header[f"srow_{axis}"].split() for axis in "xyz"]
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.voxel_to_lps
    extent = np.array([*reversed(geometry.shape), 1], float)
    if np.max(np.abs(sform - ras) @ extent) <= _SAME_POSITION_MM:
        return ()
    return (
        "The header holds two positions (sform and qform) that differ; the qform was used, "
        "as Slicer does.",
    )
