"""Opening image files with SimpleITK, with a sentence for each way in which that fails.

ITK reads a truncated NIfTI without a word and fills what is missing with zeros, so the length of
the data is checked here; for NRRD its reader does so itself.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .geometry import Geometry

if TYPE_CHECKING:
    import SimpleITK as sitk

NIFTI_SUFFIXES = (".nii", ".nii.gz")
NRRD_SUFFIXES = (".nrrd", ".nhdr")

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 22


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether the file name ends in one of `suffixes`, in any case."""
    return path.name.lower().endswith(suffixes)


def open_image(path: Path) -> sitk.Image:
    """The image in a NIfTI or NRRD file, pixels as stored (rescaled where the header says so).

    Raises InputError where the file is missing, of another kind, truncated or unreadable.
    """
    with _reading(path) as reader:
        if has_suffix(path, NIFTI_SUFFIXES):
            _check_length(path, reader)
        return reader.Execute()


def read_geometry(path: Path) -> Geometry:
    """The grid of the image in a file, from its header alone. Raises InputError."""
    with _reading(path) as reader:
        return Geometry.of_image(reader)


@contextmanager
def _reading(path: Path) -> Iterator[sitk.ImageFileReader]:
    """A reader that knows the header, with errors put into words and nothing on stderr."""
    import SimpleITK as sitk

    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    if not has_suffix(path, NIFTI_SUFFIXES + NRRD_SUFFIXES):
        raise InputError(
            f"{path.name} is of no known kind; expected .nii, .nii.gz, .nrrd or .nhdr."
        )
    chatty = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        yield reader
    except RuntimeError as error:
        raise InputError(_sentence(path, str(error))) from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(chatty)


def _sentence(path: Path, error: str) -> str:
    if "orthonormal" in error:
        return (
            f"{path.name} has a sheared affine (sform) and no qform to use instead; resample it "
            "onto a grid with right angles, or store its scanner position as qform."
        )
    if "expected" in error or "fread got only" in error:
        return f"{path.name} is truncated: it ends before its data do; copy or export it again."
    if "domain axes" in error:
        return (
            f"The axes of {path.name} are not told apart: mark the time axis with the kind "
            '"list" in its header, or save it as .seq.nrrd.'
        )
    return f"{path.name} cannot be read as an image; it is damaged or of another kind."


def _check_length(path: Path, reader: sitk.ImageFileReader) -> None:
    """Raise InputError where a NIfTI file ends before its data do."""
    header = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    axes = int(header["dim[0]"])
    voxels = int(np.prod([max(int(header[f"dim[{axis + 1}]"]), 1) for axis in range(axes)]))
    expected = int(float(header["vox_offset"])) + voxels * int(header["bitpix"]) // 8
    found = _length(path, expected)
    if found < expected:
        raise InputError(
            f"{path.name} is truncated: {found} of {expected} bytes are there; "
            "copy or export it again."
        )


def _length(path: Path, expected: int) -> int:
    """Bytes of a file, of its content where it is compressed.

    The last four bytes of a gzip file hold the length modulo 2^32, which settles the usual case
    at once; where they disagree (cut off, or made of several members) the content is counted.
    """
    with path.open("rb") as stream:
        if stream.read(2) != _GZIP_MAGIC:
            return path.stat().st_size
        stream.seek(-4, 2)
        if int.from_bytes(stream.read(4), "little") == expected % (1 << 32):
            return expected
    length = 0
    try:
        with gzip.open(path) as content:
            while chunk := content.read(_CHUNK):
                length += len(chunk)
    except (EOFError, OSError, zlib.error):
        return min(length, expected - 1)
    return length
