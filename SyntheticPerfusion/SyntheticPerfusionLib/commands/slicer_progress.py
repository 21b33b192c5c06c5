"""Progress as Slicer's execution model reads it from the standard output of a module.

Slicer searches everything written so far again at each piece of output, and shows the last tag it
finds (vtkSlicerCLIModuleLogic), so little is written and it is flushed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.sax.saxutils import escape

from ..progress import at_most_every

_EVERY_S = 1.0


class SlicerReporter:
    """A `Reporter` for a module's process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.progress = at_most_every(_EVERY_S, self._progress)

    def start(self) -> None:
        """Say that the work begins."""
        _say(f"<filter-start><filter-name>{escape(self._name)}</filter-name></filter-start>")

    def end(self, seconds: float) -> None:
        """Say that it has ended well."""
        _say(
            f"<filter-end><filter-name>{escape(self._name)}</filter-name>"
            f"<filter-time>{seconds:.1f}</filter-time></filter-end>"
        )

    def warn(self, sentence: str) -> None:
        """A sentence for the person, in the module's output."""
        _say(f"Warning: {sentence}")

    def result(self, files: dict[str, Any], lines: list[str]) -> None:
        """What was made, in the module's output."""
        _say("\n".join(lines))

    def _progress(self, fraction: float, message: str) -> None:
        _say(
            f"<filter-comment>{escape(message)}</filter-comment>"
            f"<filter-progress>{fraction:.4f}</filter-progress>"
        )


@contextmanager
def slicer_reporter(name: str) -> Iterator[SlicerReporter]:
    """A reporter that tells Slicer of the beginning and of a good end of the block."""
    reporter = SlicerReporter(name)
    started = time.monotonic()
    reporter.start()
    yield reporter
    reporter.end(time.monotonic() - started)


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)
