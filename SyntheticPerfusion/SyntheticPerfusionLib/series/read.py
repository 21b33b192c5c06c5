"""One way in for every kind of file that a DSC series comes in."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .dicom import is_dicom, read_dicom
from .dsc_series import DscSeries
from .itk_file import NIFTI_SUFFIXES, NRRD_SUFFIXES, has_suffix
from .nifti import read_nifti
from .nrrd import read_nrrd


def read_series(
    path: str | Path,
    echo_time_s: float | None = None,
    repetition_time_s: float | None = None,
) -> DscSeries:
    """The DSC series at `path`: 4D NIfTI, 4D NRRD or .seq.nrrd, or a folder of DICOM files.

    echo_time_s        TE in seconds; None takes the stored one, and leaves it unknown where none
                       is stored (`DscSeries.require_echo_time` asks for it where it is needed).
    repetition_time_s  time between frames in seconds; None takes the stored times.
    What is given overrides what is stored, and the source in the series says which it was.
    Raises InputError where there is no usable series.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise InputError(f"There is no file or folder {path}; check the path.")
    if path.is_dir() or is_dicom(path):
        return read_dicom(path, echo_time_s, repetition_time_s)
    if has_suffix(path, NIFTI_SUFFIXES):
        return read_nifti(path, echo_time_s, repetition_time_s)
    if has_suffix(path, NRRD_SUFFIXES):
        return read_nrrd(path, echo_time_s, repetition_time_s)
    raise InputError(
        f"{path.name} is of no known kind; expected a 4D NIfTI (.nii, .nii.gz), a NRRD "
        "(.seq.nrrd, .nrrd, .nhdr) or a folder of DICOM files."
    )
