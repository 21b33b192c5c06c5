"""Patients on disk, drawn or read once and then memory-mapped by every training that wants them.

Each patient is a folder of uncompressed .npy files named by what made it. It is written under a
temporary name and renamed when it is whole, so a patient is there or it is not, whatever was
killed when; several processes can share the folder, and one that finds a patient being made by
another takes the next one first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ..maps.write import unwritable, usable_folder
from ..phantom import SAME_PATIENTS_SINCE
from .patient_content import PatientContent

_FORMAT = 1
"""Part of every key: to be raised whenever the same patient would be cached differently."""

_DESCRIPTION = "patient.json"
_LOCKS = "locks"
_MARGIN_BYTES = 4096


class PatientCache:
    """A folder of cached patients. Raises InputError where it cannot be written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = usable_folder(Path(folder))
        usable_folder(self.folder / _LOCKS)

    def name(self, identifier: str, made_of: Mapping[str, Any]) -> str:
        """What the patient made of these plain JSON values is called here."""
        content = {"format": _FORMAT, "version": SAME_PATIENTS_SINCE, **made_of}
        text = json.dumps(content, sort_keys=True, default=str)
        return f"{identifier}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def read(self, name: str) -> PatientContent | None:
        """The patient called `name`, its volumes memory-mapped; None where it is not whole."""
        folder = self.folder / name
        try:
            described = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
            volumes = {file: _mapped(folder / f"{file}.npy") for file in described["volumes"]}
            return _content(described, volumes)
        except (OSError, ValueError, KeyError, TypeError, EOFError):
            return None

    def write(self, name: str, content: PatientContent) -> None:
        """Keep a patient, whole or not at all. To be called by who holds it (`hold`).

        Raises InputError where the disk is full or the folder cannot be written to.
        """
        temporary = self.folder / f".{name}-{uuid4().hex[:8]}"
        volumes = _volumes(content)
        try:
            for leftover in self.folder.glob(f".{name}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            temporary.mkdir()
            for file, volume in volumes.items():
                np.save(temporary / f"{file}.npy", np.ascontiguousarray(volume))
            described = {**_numbers(content), "volumes": list(volumes)}
            (temporary / _DESCRIPTION).write_text(json.dumps(described, default=float), "utf-8")
            if self.read(name) is None:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            with suppress(FileExistsError):
                os.rename(temporary, self.folder / name)
        except OSError as error:
            if self.read(name) is None:
                raise unwritable(self.folder, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """Whether this process may make the patient; False where another one is making it.

        The system lets go of what a killed process held. Where it knows no such locks, two
        processes may make the same patient, of which one is kept.
        """
        try:
            import fcntl
        except ImportError:
            yield True
            return
        with (self.folder / _LOCKS / name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            except OSError:
                pass
            yield True

    def free_bytes(self) -> int:
        """Room on the disk of the cache."""
        return shutil.disk_usage(self.folder).free


def cached_bytes(shape: tuple[int, int, int, int], volumes: int) -> int:
    """About what a patient of (T, K, J, I) with so many float32 volumes takes."""
    voxels = shape[1] * shape[2] * shape[3]
    return voxels * (2 * shape[0] + 4 * volumes) + _MARGIN_BYTES * (volumes + 1)


def _mapped(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _volumes(content: PatientContent) -> dict[str, np.ndarray]:
    volumes = {"signal": content.signal, "mask": content.mask, "counted": content.counted}
    if content.labels is not None:
        volumes["labels"] = content.labels
    volumes |= {f"target-{name}": target for name, target in content.targets.items()}
    return volumes | {f"roi-{name}": roi for name, roi in content.rois.items()}


def _numbers(content: PatientContent) -> dict[str, Any]:
    def curve(values: np.ndarray | None) -> list[float] | None:
        return None if values is None else [float(value) for value in values]

    return {
        "frame_times_s": curve(content.frame_times_s),
        "echo_time_s": content.echo_time_s,
        "spacing_mm": list(content.spacing_mm),
        "direction": list(content.direction),
        "aif": curve(content.aif),
        "true_aif": curve(content.true_aif),
        "about": dict(content.about),
    }


def _content(described: Mapping[str, Any], volumes: Mapping[str, np.ndarray]) -> PatientContent:
    def curve(name: str) -> np.ndarray | None:
        values = described[name]
        return None if values is None else np.array(values, np.float32)

    def named(beginning: str) -> dict[str, np.ndarray]:
        return {
            file.removeprefix(beginning): volume
            for file, volume in volumes.items()
            if file.startswith(beginning)
        }

    i, j, k = described["spacing_mm"]
    return PatientContent(
        signal=volumes["signal"],
        mask=volumes["mask"],
        counted=volumes["counted"],
        targets=named("target-"),
        frame_times_s=np.array(described["frame_times_s"], np.float64),
        echo_time_s=described["echo_time_s"],
        spacing_mm=(i, j, k),
        aif=curve("aif"),
        true_aif=curve("true_aif"),
        labels=volumes.get("labels"),
        rois=named("roi-"),
        about=described["about"],
        direction=tuple(described.get("direction", PatientContent.direction)),
    )
