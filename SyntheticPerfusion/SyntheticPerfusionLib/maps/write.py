"""Maps on disk: one NIfTI file with a sidecar for each quantity, and what made them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..series.aif import Aif
from ..series.aif_file import write_aif_csv
from ..series.atomic import replacing
from ..series.images import write_image
from .perfusion_maps import PerfusionMaps
from .quantity import QUANTITIES, Quantity

_LABELS = ("mask", "flags", "aif_voxels")
_CURVES = ("aif.csv", "reference_curves.csv")
_PHASES = "phases.json"
_REPORT = "report.json"

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
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InputError(
            f"The disk is full: {path} has no room for the results; free some space or choose "
            "another folder."
        )
    if isinstance(error, FileExistsError | NotADirectoryError):
        return InputError(f"{path} is, or lies below, a file; choose another output folder.")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError(
        f"The folder {path} cannot be written to ({reason}); choose another output folder."
    )


def check_inputs_survive(folder: Path, inputs: Iterable[Path | None]) -> None:
    """InputError where a file that is to be read lies where results are written."""
    own = {(folder / name).resolve() for name in _own_names()}
    for path in inputs:
        if path is not None and path.resolve() in own:
            raise InputError(
                f"{path} lies in the output folder under the name of a result and would be "
                "overwritten; choose another output folder."
            )


def _own_names() -> list[str]:
    """Names of every file that a run may write."""
    maps = [f"{name}{suffix}" for name in QUANTITIES for suffix in (".nii.gz", ".json")]
    return [*maps, *(f"{name}.nii.gz" for name in _LABELS), *_CURVES, _PHASES, _REPORT]


def _remove_earlier_results(folder: Path, written: Mapping[str, Any]) -> None:
    """Take away what an earlier run left and this one did not write: it has other settings."""
    kept = {Path(path).name for path in written["maps"].values()}
    kept |= {name.replace(".nii.gz", ".json") for name in kept}
    kept |= {Path(path).name for name, path in written.items() if name not in ("maps", "output")}
    for name in _own_names():
        if name not in kept and name != _REPORT:
            (folder / name).unlink(missing_ok=True)


def write_maps(maps: PerfusionMaps, folder: Path, aif: Aif | None = None) -> dict[str, Any]:
    """Write the maps, their mask, flags and AIF into `folder`.

    Where `folder` holds the report of an earlier run, what that run wrote and this one does not is
    taken away: maps of two methods side by side would pass for one result.

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
            write_json(map_sidecar(quantity, maps), folder / f"{quantity.name}.json")
            written["maps"][quantity.name] = str(path)
        labels = (maps.mask, maps.flags, None if aif is None else aif.voxels)
        for name, label in zip(_LABELS, labels, strict=True):
            if label is not None:
                path = folder / f"{name}.nii.gz"
                write_image(label.astype(np.uint8), maps.geometry, path)
                written[name] = str(path)
        if aif is not None:
            write_aif_csv(aif, folder / "aif.csv")
            written["aif"] = str(folder / "aif.csv")
        if (folder / _REPORT).is_file():
            _remove_earlier_results(folder, written)
    except OSError as error:
        raise unwritable(folder, error) from error
    return written


def write_report(report: Mapping[str, Any], folder: Path) -> str:
    """Write `report` as report.json into `folder`; returns its path. Raises as `write_maps`."""
    path = folder / _REPORT
    try:
        write_json(report, path)
    except OSError as error:
        raise unwritable(folder, error) from error
    return str(path)


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write `content` as JSON to `path`, whole or not at all. Raises OSError."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, default=float) + "\n", encoding="utf-8")


def map_sidecar(quantity: Quantity, maps: PerfusionMaps) -> dict[str, Any]:
    """What stands beside the map of a quantity: definition, unit, and what made it."""
    sidecar: dict[str, Any] = {
        "Quantity": quantity.name,
        "Title": quantity.title,
        "Definition": maps.definitions.get(quantity.name, quantity.definition),
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
