"""Opening image files with SimpleITK, with a sentence for each way in which that fails.

ITK reads a truncated NIfTI without a word and fills what is missing with zeros, so the length of
the data is checked first; for NRRD its reader does so itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .geometry import Geometry
from .nifti_file import check_length, read_header

if TYPE_CHECKING:
    import SimpleITK as sitk

NIFTI_SUFFIXES = (".nii", ".nii.gz")
NRRD_SUFFIXES = (".nrrd", ".nhdr")


def has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether the file name ends in one of `suffixes`, in any case."""
    return path.name.lower().endswith(suffixes)


def stem(path: Path, suffixes: tuple[str, ...]) -> str:
    """The file name without the longest of `suffixes` that it ends in, in any case."""
    ends = [suffix for suffix in suffixes if has_suffix(path, (suffix,))]
    return path.name[: -max(map(len, ends))] if ends else path.name


def open_image(path: Path) -> sitk.Image:
    """The image in a NIfTI or NRRD file, pixels as stored (rescaled where the header says so).

    Raises InputError where the file is missing, of another kind, truncated or unreadable.
    """
    _check_kind(path)
    if has_suffix(path, NIFTI_SUFFIXES):
        check_length(path, read_header(path))
    with _reading(path) as reader:
        return reader.Execute()


def read_geometry(path: Path) -> Geometry:
    """The grid of the image in a file, from its header alone. Raises InputError."""
    _check_kind(path)
    with _reading(path) as reader:
        return Geometry.of_image(reader)


def _check_kind(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    if not has_suffix(path, NIFTI_SUFFIXES + NRRD_SUFFIXES):
        raise InputError(
            f"{path.name} is of no known kind; expected .nii, .nii.gz, .nrrd or .nhdr."
        )


@contextmanager
def _reading(path: Path) -> Iterator[sitk.ImageFileReader]:
    """A reader that knows the header, with errors put into words and nothing on stderr."""
    import SimpleITK as sitk

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
