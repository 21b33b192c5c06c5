"""A program that runs beside the panel: started, listened to, killed with everything it started.

The panel knows the Protocol alone, so that tests can put a child of their own in its place.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Protocol

OUTPUT, ERRORS = "output", "errors"
Line = tuple[str, str]
"""Which stream (OUTPUT or ERRORS) and the line without its end."""


class ChildProcess(Protocol):
    """What the panel asks of a program in the background."""

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the program; raises OSError where that is not possible."""

    def read_lines(self) -> list[Line]:
        """The lines that came since the last call; never waits."""

    def exit_code(self) -> int | None:
        """The exit code once the program has ended and all its lines were read, else None."""

    def kill(self) -> None:
        """End the program and everything it started, at once."""


class PopenChild:
    """A `ChildProcess` in a process group of its own, read by two threads."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._readers: list[threading.Thread] = []

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the program in a session of its own, so that its tree can be ended with it."""
        own_group: dict[str, object] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
            own_group = {"creationflags": flags}
        self._process = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            **own_group,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, name), daemon=True)
            for stream, name in ((self._process.stdout, OUTPUT), (self._process.stderr, ERRORS))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], name: str) -> None:
        with stream:
            for line in stream:
                self._lines.put((name, line.rstrip("\r\n")))

    def read_lines(self) -> list[Line]:
        """The lines that came since the last call."""
        lines = []
        while True:
            try:
                lines.append(self._lines.get_nowait())
            except queue.Empty:
                return lines

    def exit_code(self) -> int | None:
        """The exit code once nothing more can come."""
        if self._process is None or self._process.poll() is None:
            return None
        if any(reader.is_alive() for reader in self._readers) or not self._lines.empty():
            return None
        return self._process.returncode

    def kill(self) -> None:
        """End the whole process group."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        if sys.platform == "win32":
            subprocess.run(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                capture_output=True,
                check=False,
                creationflags=subprocess.CREATE_NO_WINDOW,
            )
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
