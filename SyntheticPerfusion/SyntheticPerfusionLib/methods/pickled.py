"""Telling files of plain numbers from pickled ones, which can run code when they are loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

_SUFFIXES = {".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".bin"}
_PROTOCOL_OPCODE = 0x80
_PROTOCOLS = range(2, 6)


def pickled_files(folder: Path) -> list[Path]:
    """Files in `folder` and below it that are pickled by their name or their first bytes."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_pickled(path))


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do, with the length of a JSON header that it holds."""
    with path.open("rb") as file:
        head = file.read(9)
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and 8 + length <= path.stat().st_size


def _is_pickled(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    # The length that safetensors begin with can look like the start of a pickle.
    return not is_safetensors(path) and (_starts_as_pickle(path) or _is_torch_archive(path))


def _starts_as_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(2)
    return len(head) == 2 and head[0] == _PROTOCOL_OPCODE and head[1] in _PROTOCOLS


def _is_torch_archive(path: Path) -> bool:
    """Whether it is a zip archive with a pickle in it, as torch.save writes."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).suffix.lower() in _SUFFIXES for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        # Damaged: nobody can load it.
        return False
