"""Files that may be packed with gzip: opening them, and how many bytes they hold unpacked.

Length comes from the trailer of the file (its last four bytes, the length modulo 2^32, RFC 1952),
so that a whole file is told from a truncated one without unpacking it.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

_MAGIC = b"\x1f\x8b"
_TRAILER = 4
_LARGEST_RATIO = 1032
"""No byte of deflate stands for more than this many (zlib, technical details)."""
_CHUNK = 1 << 22


def open_unpacked(path: Path) -> BinaryIO:
    """The content of a file, unpacked where it is packed, whatever its name says."""
    return cast(BinaryIO, gzip.open(path)) if _is_packed(path) else path.open("rb")


def stated_length(path: Path) -> int:
    """What the last four bytes of a file say, as the trailer of gzip: its length modulo 2^32."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _TRAILER, 0))
        return int.from_bytes(stream.read(_TRAILER), "little")


def content_length(path: Path, expected: int) -> int:
    """Bytes that a file holds unpacked; `expected` where there are at least as many.

    Where the trailer disagrees (cut off, or made of several members) the content is counted, as
    far as `expected` and no further.
    """
    size = path.stat().st_size
    if not _is_packed(path):
        return min(size, expected)
    if stated_length(path) == expected % (1 << 32) and expected <= _LARGEST_RATIO * size:
        return expected
    length = 0
    try:
        with gzip.open(path) as content:
            while length < expected and (chunk := content.read(_CHUNK)):
                length += len(chunk)
    except (EOFError, OSError, zlib.error):
        return min(length, expected - 1)
    return min(length, expected)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC
