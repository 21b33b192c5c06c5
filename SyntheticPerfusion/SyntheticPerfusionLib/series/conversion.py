"""Running dcm2niix, a separate program, and listing what it made of some DICOM files.

What cannot be read of it is listed with the reason, not raised: a folder holds other series beside
the dynamic one, and only the one that is chosen has to be whole.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import InputError
from .geometry import Geometry
from .images import save
from .itk_file import open_image
from .nifti_file import read_header
from .sidecar import read_sidecar

_NOTHING_FOUND = 2
_COMPLAINTS = (r"^\s*Error: *(.+)", r"^\s*Warning: *(.+)")


@dataclass(frozen=True)
class Converted:
    """One NIfTI that dcm2niix made, with what its sidecar says of it.

    title      series number and description.
    frames     images over time; 0 where its header is not readable.
    order      acquisition number, None where unknown.
    diffusion  whether b-values were found.
    alone      whether it was made of a single DICOM file.
    problem    why it cannot be used, in words; empty where it can.
    """

    path: Path
    title: str
    frames: int
    order: float | None
    diffusion: bool
    alone: bool
    problem: str = ""


@dataclass(frozen=True)
class Conversion:
    """All that dcm2niix made, and its own words where it reported a fault (else empty)."""

    found: list[Converted]
    fault: str = ""


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


def convert(path: Path, folder: Path) -> Conversion:
    """Convert every series in `path` (a folder, or one file) to NIfTI with sidecars in `folder`.

    Raises InputError where dcm2niix is not there or does not start.
    """
    single = ["-s", "y"] if path.is_file() else []
    settings = ["-g", "i", "-b", "y", "-z", "n", "-f", "%s_%d", "-o", str(folder)]
    command = [str(find_dcm2niix()), *settings, *single, str(path)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise InputError(
            f"The program dcm2niix does not start ({error.strerror}: {command[0]}); install it "
            "again with pip install dcm2niix, or convert the series to NIfTI."
        ) from error
    alone = {
        Path(name).name
        for count, name in re.findall(r"Convert (\d+) DICOM as (.+) \(\d", done.stdout)
        if count == "1"
    }
    found = _with_joined([_described(file, alone) for file in sorted(folder.glob("*.nii"))])
    return Conversion(found, _fault(done))


def _fault(done: subprocess.CompletedProcess[str]) -> str:
    """What dcm2niix says went wrong; empty where all went well or it found no DICOM at all."""
    if done.returncode in (0, _NOTHING_FOUND):
        return ""
    for complaint in _COMPLAINTS:
        if said := re.findall(complaint, done.stdout + "\n" + done.stderr, re.MULTILINE):
            return f"dcm2niix, exit status {done.returncode}: {said[0].strip()}"
    return f"dcm2niix, exit status {done.returncode}"


def _described(path: Path, alone: set[str]) -> Converted:
    about: dict[str, Any] = {}
    size: tuple[int, ...] = (0,) * 4
    problem = ""
    try:
        about = read_sidecar(path)
    except InputError:
        problem = "what dcm2niix wrote about its timing is no readable JSON"
    try:
        size = read_header(path).size
    except InputError as error:
        problem = f"its conversion by dcm2niix is unusable: {error}"
    title = about.get("SeriesDescription") or about.get("ProtocolName") or path.stem
    order = about.get("AcquisitionNumber")
    return Converted(
        path=path,
        title=f"{about['SeriesNumber']}: {title}" if "SeriesNumber" in about else str(title),
        frames=size[3] if len(size) > 3 else 1,
        order=order if isinstance(order, int | float) else None,
        diffusion=path.with_suffix(".bval").is_file(),
        alone=path.stem in alone,
        problem=problem.rstrip("."),
    )


def _with_joined(found: list[Converted]) -> list[Converted]:
    """`found`, with frames that came as one multi-frame file each joined to a series."""
    result = []
    for _, group in groupby(sorted(found, key=lambda item: item.title), lambda item: item.title):
        items = list(group)
        orders = {item.order for item in items if item.frames == 1 and item.alone}
        if len(items) > 1 and len(orders) == len(items) and None not in orders:
            items = _joined(sorted(items, key=lambda item: item.order or 0))
        result += items
    return result


def _joined(volumes: Sequence[Converted]) -> list[Converted]:
    import SimpleITK as sitk

    first = volumes[0]
    path = first.path.with_name(f"{first.path.stem}_joined.nii")
    try:
        images = [open_image(volume.path) for volume in volumes]
        grids = [Geometry.of_image(image) for image in images]
        if not all(grid.matches(grids[0]) for grid in grids):
            return list(volumes)
        save(sitk.JoinSeries(images), path)
    except (InputError, RuntimeError, OSError) as error:
        reason = "their pixels differ in kind" if isinstance(error, RuntimeError) else f"{error}"
        problem = f"its volumes cannot be joined to a series: {reason}".rstrip(".")
        return [replace(volume, problem=problem) for volume in volumes]
    sidecar = first.path.with_suffix(".json")
    path.with_suffix(".json").write_bytes(sidecar.read_bytes())
    return [Converted(path, first.title, len(volumes), first.order, first.diffusion, False)]
