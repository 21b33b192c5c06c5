"""DICOM, in any of the ways scanners write a dynamic series, through the dcm2niix program.

dcm2niix sorts single frames, Siemens mosaics and enhanced multi-frame files into 4D NIfTI with a
sidecar; what it makes is read like any other NIfTI.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..errors import InputError
from .bolus import MINIMUM_FRAMES
from .conversion import Conversion, Converted, convert
from .dsc_series import DscSeries
from .geometry import Geometry
from .itk_file import has_suffix
from .multiframe import in_acquired_order
from .nifti import read_nifti
from .timing import GIVEN

_SUFFIXES = (".dcm", ".ima")
_PREAMBLE = 128
_MAGIC = b"DICM"


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its suffix or its magic word."""
    if not path.is_file():
        return False
    if has_suffix(path, _SUFFIXES):
        return True
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC


def read_dicom(
    path: Path, echo_time_s: float | None = None, repetition_time_s: float | None = None
) -> DscSeries:
    """The dynamic series in a folder of DICOM files, or in one multi-frame file.

    TE and TR in seconds, where given, override what the files say. Raises InputError where there
    is no dynamic series, or more than one to choose from.
    """
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"The folder {path} is empty; expected the DICOM files of a DSC series.")
    with TemporaryDirectory(prefix="dicom-") as folder:
        conversion = convert(path, Path(folder))
        chosen = _dynamic(conversion, path)

        def arrange(signal: np.ndarray, geometry: Geometry) -> np.ndarray:
            images = signal.shape[0] * signal.shape[1]
            files = _multiframe_files(path, images) if chosen.alone else ()
            return in_acquired_order(signal, geometry, files)

        series = read_nifti(chosen.path, echo_time_s, repetition_time_s, arrange)
    return replace(
        series,
        name=chosen.title,
        frame_times_source=_from_dicom(series.frame_times_source),
        echo_time_source=_from_dicom(series.echo_time_source),
        warnings=series.warnings + _passed_over(conversion),
    )


def _dynamic(conversion: Conversion, path: Path) -> Converted:
    """The one series over time among those found; InputError where there is not just one."""
    found = conversion.found
    fault = f" ({conversion.fault})" if conversion.fault else ""
    if not found:
        raise InputError(
            f"There is no readable DICOM image in {path}{fault}; expected all files of a DSC "
            "series, each of them whole."
        )
    dynamic = [item for item in found if item.frames >= MINIMUM_FRAMES and not item.diffusion]
    if len(dynamic) > 1:
        raise InputError(
            f"{path} holds {len(dynamic)} dynamic series: {_listed(dynamic)}; "
            "put the DSC series into a folder of its own."
        )
    if dynamic and not dynamic[0].problem:
        return dynamic[0]
    if dynamic:
        raise InputError(
            f"The dynamic series {dynamic[0].title} cannot be read, {dynamic[0].problem}; "
            "export it again, or convert it to NIfTI with another program."
        )
    raise InputError(
        f"{path} holds no dynamic series of at least {MINIMUM_FRAMES} frames; "
        f"found {_listed(found)}{fault}."
    )


def _passed_over(conversion: Conversion) -> tuple[str, ...]:
    """What went wrong beside the series that was read, a sentence each."""
    unread = tuple(
        f"The series {item.title} beside it cannot be read, {item.problem}; it was passed over."
        for item in conversion.found
        if item.problem
    )
    if not conversion.fault:
        return unread
    return (
        *unread,
        f"The conversion from DICOM reported a fault ({conversion.fault}): check that this is the "
        "DSC series and that none of its frames is missing.",
    )


def _listed(found: list[Converted]) -> str:
    counts = Counter(f"{item.title} ({_size(item)})" for item in found)
    return "; ".join(name if n == 1 else f"{n} times {name}" for name, n in counts.items())


def _size(item: Converted) -> str:
    frames = f"{item.frames} frame{'s' if item.frames != 1 else ''}"
    return f"{frames if item.frames else 'unreadable'}, {item.problem}" if item.problem else frames


def _multiframe_files(path: Path, images: int) -> Iterator[Path]:
    """The files that hold as many images as the series all by themselves."""
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if is_dicom(file) and _image_count(file) == images:
            yield file


def _image_count(file: Path) -> int:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return 0
    return int(reader.GetSize()[2]) if reader.GetDimension() > 2 else 1


def _from_dicom(source: str) -> str:
    return source if source in ("", GIVEN) else f"DICOM, {source}"
