"""Running dcm2niix, a separate program, and listing what it made of some DICOM files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from ..errors import InputError
from .geometry import Geometry


@dataclass(frozen=True)
class Converted:
    """One NIfTI that dcm2niix made, with what its sidecar says of it.

    title      series number and description.
    frames     images over time.
    order      acquisition number, None where unknown.
    diffusion  whether b-values were found.
    alone      whether it was made of a single DICOM file.
    """

    path: Path
    title: str
    frames: int
    order: float | None
    diffusion: bool
    alone: bool


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


def convert(path: Path, folder: Path) -> list[Converted]:
    """Convert every series in `path` (a folder, or one file) to NIfTI with sidecars in `folder`.

    Raises InputError where dcm2niix is not there.
    """
    single = ["-s", "y"] if path.is_file() else []
    settings = ["-g", "i", "-b", "y", "-z", "n", "-f", "%s_%d", "-o", str(folder)]
    done = subprocess.run(
        [str(find_dcm2niix()), *settings, *single, str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        encoding="utf-8",
        errors="replace",
    )
    alone = {
        Path(name).name
        for count, name in re.findall(r"Convert (\d+) DICOM as (.+) \(\d", done.stdout)
        if count == "1"
    }
    return _with_joined([_described(file, alone) for file in sorted(folder.glob("*.nii"))])


def _described(path: Path, alone: set[str]) -> Converted:
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()
    sidecar = path.with_suffix(".json")
    about = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
    title = about.get("SeriesDescription") or about.get("ProtocolName") or path.stem
    return Converted(
        path=path,
        title=f"{about['SeriesNumber']}: {title}" if "SeriesNumber" in about else title,
        frames=size[3] if len(size) > 3 else 1,
        order=about.get("AcquisitionNumber"),
        diffusion=path.with_suffix(".bval").is_file(),
        alone=path.stem in alone,
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

    images = [sitk.ReadImage(str(volume.path)) for volume in volumes]
    grids = [Geometry.of_image(image) for image in images]
    if not all(grid.matches(grids[0]) for grid in grids):
        return list(volumes)
    first = volumes[0]
    path = first.path.with_name(f"{first.path.stem}_joined.nii")
    sitk.WriteImage(sitk.JoinSeries(images), str(path))
    sidecar = first.path.with_suffix(".json")
    path.with_suffix(".json").write_bytes(sidecar.read_bytes())
    return [Converted(path, first.title, len(volumes), first.order, first.diffusion, False)]
