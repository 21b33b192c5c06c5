"""Maps on disk: one NIfTI file with a sidecar for each quantity, and what made them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..series.aif import Aif
from ..series.aif_file import write_aif_csv
from ..series.atomic import replacing
from ..series.images import write_image
from .perfusion_maps import PerfusionMaps
from .quantity import Quantity

RESEARCH_USE = "For research only; not for clinical decisions."


def usable_folder(path: Path) -> Path:
    """`path` as a folder that can be written to, made where it is not there.

    Raises InputError where it cannot be made or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with replacing(path / ".writable") as probe:
            probe.write_bytes(b"")
        (path / ".writable").unlink()
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def unwritable(path: Path, error: OSError) -> InputError:
    """The sentence for a folder that does not take the results."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InputError(
            f"The disk is full: {path} has no room for the results; free some space or choose "
            "another folder."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError(
        f"The folder {path} cannot be written to ({reason}); choose another output folder."
    )


def write_maps(maps: PerfusionMaps, folder: Path, aif: Aif | None = None) -> dict[str, Any]:
    """Write the maps, their mask, flags and AIF into `folder`.

    Files: <Quantity>.nii.gz with <Quantity>.json, mask.nii.gz, flags.nii.gz (values of
    series.concentration.Flag), aif.csv and aif_voxels.nii.gz where there is an AIF.
    Returns the paths as strings: {"output", "maps": {name: path}, "mask", "flags", "aif",
    "aif_voxels"}. Raises InputError where the folder does not take them.
    """
    written: dict[str, Any] = {"output": str(folder), "maps": {}}
    try:
        for quantity, array in maps.arrays.items():
            path = folder / f"{quantity.name}.nii.gz"
            write_image(np.asarray(array, np.float32), maps.geometry, path)
            _write_json(_sidecar(quantity, maps), folder / f"{quantity.name}.json")
            written["maps"][quantity.name] = str(path)
        labels = {
            "mask": maps.mask,
            "flags": maps.flags,
            "aif_voxels": None if aif is None else aif.voxels,
        }
        for name, label in labels.items():
            if label is not None:
                path = folder / f"{name}.nii.gz"
                write_image(label.astype(np.uint8), maps.geometry, path)
                written[name] = str(path)
        if aif is not None:
            write_aif_csv(aif, folder / "aif.csv")
            written["aif"] = str(folder / "aif.csv")
    except OSError as error:
        raise unwritable(folder, error) from error
    return written


def write_report(report: Mapping[str, Any], folder: Path) -> str:
    """Write `report` as report.json into `folder`; returns its path. Raises as `write_maps`."""
    path = folder / "report.json"
    try:
        _write_json(report, path)
    except OSError as error:
        raise unwritable(folder, error) from error
    return str(path)


def _write_json(content: Mapping[str, Any], path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, default=float) + "\n", encoding="utf-8")


def _sidecar(quantity: Quantity, maps: PerfusionMaps) -> dict[str, Any]:
    sidecar: dict[str, Any] = {
        "Quantity": quantity.name,
        "Title": quantity.title,
        "Definition": quantity.definition,
        "Units": quantity.unit,
        "Method": maps.method,
        "Settings": dict(maps.settings),
        "Use": RESEARCH_USE,
    }
    if quantity.dicom_code is not None:
        sidecar["QuantityCode"] = dict(
            zip(("CodeValue", "CodingScheme", "CodeMeaning"), quantity.dicom_code, strict=True)
        )
    return sidecar
