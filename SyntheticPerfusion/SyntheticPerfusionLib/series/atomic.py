"""Writing files so that a reader never meets half of one.

The file is written under a temporary name in its own folder and renamed when it is whole, so an
interrupted or failed write leaves what was there before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` when the block ends well.

    The temporary name keeps the suffixes of `path`, by which writers choose the format, in lower
    case, as some want them. Where the block raises, nothing is left of it.
    """
    temporary = path.with_name(f".{uuid4().hex[:8]}-{path.name.lower()}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
