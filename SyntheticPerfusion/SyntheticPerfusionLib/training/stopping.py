"""Whether somebody asked a training to stop: its caller, Ctrl-C or a polite kill.

A signal in the middle of a step would leave weights and optimiser apart, so it only sets a flag,
which the loop reads between steps.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..progress import CancelCheck


class Stop:
    """True once stopping was asked for; as a CancelCheck it can be handed on."""

    def __init__(self, cancelled: CancelCheck) -> None:
        self._cancelled = cancelled
        self._signalled = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._signalled or self._cancelled()

    def listen(self) -> None:
        """Take SIGTERM and SIGINT; nothing in a thread, as signals reach the main one alone."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                signal.signal(number, self._take)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals within the block; afterwards they go where they went before."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        self.listen()
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, handler in before.items():
                    # None: one that was not set from Python, and cannot be from here.
                    if handler is not None:
                        signal.signal(number, handler)

    def _take(self, number: int, frame: Any) -> None:
        if self._signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._signalled = True


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
