"""4D NIfTI: signal as stored, position by SimpleITK, timing from the BIDS sidecar or the header.

Where a header holds two positions that differ, SimpleITK's choice stands (the sform if its code
is 1, else the qform): it is also Slicer's, so the maps lie where Slicer shows the series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .assemble import assemble_series
from .dsc_series import DscSeries
from .geometry import Geometry
from .itk_file import NIFTI_SUFFIXES, read_geometry, stem
from .nifti_file import NiftiHeader, read_header, read_signal
from .sidecar import read_sidecar, sidecar_echo_time, sidecar_times
from .timing import FrameTimes, chosen_echo_time, chosen_times, header_times
from .validate import check_frame_count

_SAME_POSITION_MM = 0.1


def read_nifti(
    path: Path,
    echo_time_s: float | None = None,
    repetition_time_s: float | None = None,
    arrange: Callable[[np.ndarray, Geometry], np.ndarray] | None = None,
) -> DscSeries:
    """The series in a 4D NIfTI file (.nii or .nii.gz) with the sidecar JSON beside it.

    TE and TR in seconds, where given, override what the files say.
    arrange  puts the (T, K, J, I) signal in order before it is checked.
    Raises InputError.
    """
    header = read_header(path)
    check_frame_count(header.size, path.name)
    if header.pixels is None:
        raise InputError(
            f"The voxels of {path.name} hold no single real number (complex or colour); "
            "export the magnitude."
        )
    sidecar = read_sidecar(path)
    times = chosen_times(
        repetition_time_s,
        header.size[3],
        lambda: stored_times(header, sidecar),
        path.name,
    )
    echo_time = chosen_echo_time(echo_time_s, lambda: sidecar_echo_time(sidecar))
    geometry = read_geometry(path)
    signal = read_signal(path, header)
    return assemble_series(
        signal if arrange is None else arrange(signal, geometry),
        geometry,
        times,
        echo_time,
        name=stem(path, NIFTI_SUFFIXES),
        warnings=_position_warning(header, geometry),
    )


def stored_times(header: NiftiHeader, sidecar: Mapping[str, Any]) -> FrameTimes | None:
    """Frame times by the sidecar, else by the header; None where neither has any.

    Raises InputError where what they say is impossible.
    """
    frame_count = header.size[3]
    in_header, problem = None, None
    try:
        in_header = header_times(
            frame_count, header.interval, header.time_unit, "NIfTI header pixdim[4]"
        )
    except InputError as error:
        problem = error
    times = sidecar_times(sidecar, frame_count, in_header)
    if times is None and problem is not None:
        raise problem
    return times or in_header


def _position_warning(header: NiftiHeader, geometry: Geometry) -> tuple[str, ...]:
    if header.sform is None:
        return ()
    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.voxel_to_lps
    extent = np.array([*reversed(geometry.shape), 1], float)
    if np.max(np.abs(header.sform - ras) @ extent) <= _SAME_POSITION_MM:
        return ()
    return (
        "The header holds two positions (sform and qform) that differ; the qform was used, "
        "as Slicer does.",
    )
