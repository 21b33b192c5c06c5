"""DICOM, in any of the ways scanners write a dynamic series, through the dcm2niix program.

dcm2niix sorts single frames, Siemens mosaics and enhanced multi-frame files into 4D NIfTI with a
sidecar; what it makes is read like any other NIfTI. It runs as a separate program, found in the
Python package `dcm2niix` or on the search path.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InputError
from .dsc_series import DscSeries
from .itk_file import has_suffix
from .nifti import read_nifti
from .timing import GIVEN
from .validate import MINIMUM_FRAMES

_SUFFIXES = (".dcm", ".ima")
_PREAMBLE = 128
_MAGIC = b"DICM"


@dataclass(frozen=True)
class _Converted:
    """One NIfTI that dcm2niix made, with what its sidecar calls it."""

    path: Path
    frames: int
    title: str
    diffusion: bool

    @property
    def label(self) -> str:
        return f"{self.title} ({self.frames} frame{'s' if self.frames > 1 else ''})"


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
    program = find_dcm2niix()
    if path.is_dir() and not any(path.iterdir()):
        raise InputError(f"The folder {path} is empty; expected the DICOM files of a DSC series.")
    with TemporaryDirectory(prefix="dicom-") as folder:
        _convert(program, path, Path(folder))
        chosen = _dynamic(_found(Path(folder)), path)
        series = read_nifti(chosen.path, echo_time_s, repetition_time_s)
    return replace(
        series,
        name=chosen.title,
        frame_times_source=_from_dicom(series.frame_times_source),
        echo_time_source=_from_dicom(series.echo_time_source),
    )


def find_dcm2niix() -> Path:
    """The dcm2niix program; InputError with what to install where there is none."""
    if find_spec("dcm2niix") is not None:
        import dcm2niix

        for candidate in (Path(dcm2niix.bin), Path(dcm2niix.bin).with_suffix(".exe")):
            if candidate.is_file():
                return candidate
    found = shutil.which("dcm2niix")
    if found is None:
        raise InputError(
            "Reading DICOM needs the program dcm2niix, which is not installed; install it with "
            "pip install dcm2niix, or convert the series to NIfTI."
        )
    return Path(found)


def _convert(program: Path, path: Path, folder: Path) -> None:
    """Convert all series in `path` to uncompressed NIfTI with sidecars in `folder`."""
    single = ["-s", "y"] if path.is_file() else []
    settings = ["-g", "i", "-b", "y", "-z", "n", "-f", "%s_%d", "-o", str(folder)]
    subprocess.run(
        [str(program), *settings, *single, str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def _found(folder: Path) -> list[_Converted]:
    import SimpleITK as sitk

    found = []
    for path in sorted(folder.glob("*.nii")):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size = reader.GetSize()
        sidecar = path.with_suffix(".json")
        about = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
        title = about.get("SeriesDescription") or about.get("ProtocolName") or path.stem
        if "SeriesNumber" in about:
            title = f"{about['SeriesNumber']}: {title}"
        frames = size[3] if len(size) > 3 else 1
        found.append(_Converted(path, frames, title, path.with_suffix(".bval").is_file()))
    return found


def _dynamic(found: list[_Converted], path: Path) -> _Converted:
    """The one series over time among those found; InputError where there is not just one."""
    if not found:
        raise InputError(
            f"There is no readable DICOM image in {path}; expected the files of a DSC series."
        )
    dynamic = [item for item in found if item.frames >= MINIMUM_FRAMES and not item.diffusion]
    if len(dynamic) == 1:
        return dynamic[0]
    if dynamic:
        listed = "; ".join(item.label for item in dynamic)
        raise InputError(
            f"{path} holds {len(dynamic)} dynamic series: {listed}; put the DSC series into a "
            "folder of its own."
        )
    listed = "; ".join(item.label for item in found)
    raise InputError(
        f"{path} holds no dynamic series of at least {MINIMUM_FRAMES} frames; found {listed}."
    )


def _from_dicom(source: str) -> str:
    return source if source in ("", GIVEN) else f"DICOM, {source}"
