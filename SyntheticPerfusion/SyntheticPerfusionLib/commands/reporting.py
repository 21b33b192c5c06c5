"""How a command tells what it is doing: to a person at a terminal, to a program, or to a log."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Reporter(Protocol):
    """Where progress, warnings and the result go."""

    def progress(self, fraction: float, message: str) -> None:
        """Say how far the work is (0 to 1) and what is being done."""
        ...

    def warn(self, sentence: str) -> None:
        """Say what the person should know about the result."""
        ...

    def result(self, files: dict[str, Any], lines: list[str]) -> None:
        """Say what was made: as data, and in lines for a person."""
        ...


class JsonReporter:
    """One JSON object a line on standard output, flushed."""

    def progress(self, fraction: float, message: str) -> None:
        """See `Reporter.progress`."""
        self._say({"progress": round(fraction, 4), "message": message})

    def warn(self, sentence: str) -> None:
        """See `Reporter.warn`."""
        self._say({"warning": sentence})

    def result(self, files: dict[str, Any], lines: list[str]) -> None:
        """See `Reporter.result`."""
        self._say({"result": files})

    def _say(self, content: dict[str, Any]) -> None:
        print(json.dumps(content), flush=True)


class PlainReporter:
    """The result alone, for logs and pipes."""

    def progress(self, fraction: float, message: str) -> None:
        """Say nothing: a log is no place for a moving bar."""

    def warn(self, sentence: str) -> None:
        """See `Reporter.warn`."""
        print(f"Warning: {sentence}", file=sys.stderr)

    def result(self, files: dict[str, Any], lines: list[str]) -> None:
        """See `Reporter.result`."""
        print("\n".join(lines))


class StepReporter(PlainReporter):
    """A line for each step, where steps are long enough to be worth one."""

    def progress(self, fraction: float, message: str) -> None:
        """See `Reporter.progress`."""
        print(message, flush=True)


class TerminalReporter(PlainReporter):
    """A progress bar on a terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=1.0)

    def progress(self, fraction: float, message: str) -> None:
        """See `Reporter.progress`."""
        self._bar.update(self._task, completed=fraction, description=message)

    def warn(self, sentence: str) -> None:
        """See `Reporter.warn`."""
        self._bar.console.print(f"Warning: {sentence}", highlight=False, markup=False)

    def result(self, files: dict[str, Any], lines: list[str]) -> None:
        """See `Reporter.result`."""
        for line in lines:
            self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def choose_reporter(json_lines: bool, every_step: bool = False) -> Iterator[Reporter]:
    """The reporter for whoever listens: a program, a person at a terminal, or a log.

    every_step  whether a log gets a line for each step as well.
    """
    if json_lines:
        yield JsonReporter()
    elif sys.stdout.isatty():
        from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), *Progress.get_default_columns()[:3], TimeElapsedColumn())
        with Progress(*columns, transient=True) as bar:
            yield TerminalReporter(bar)
    else:
        yield StepReporter() if every_step else PlainReporter()
