"""What processes that are spawned to compute owe their parent: its Ctrl-C and its end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred_stop() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block, which starts processes, is at its end.

    A parent broken off there would leave a child that waits for its orders, and says so in a
    traceback. Besides, on POSIX the children inherit that Ctrl-C is blocked: a terminal sends it to
    all of them, even while they are starting. That alone would not do for the parent, since a
    thread of a library that does not block the signal takes it, and Python then interrupts the main
    thread all the same. What else starts a process of its own at its first use (the tracker of
    multiprocessing's semaphores) has to be started before, as it unblocks the signal.
    """
    heard: list[int] = []
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    for stop in _STOPS if threading.current_thread() is threading.main_thread() else ():
        handler = signal.getsignal(stop)
        if callable(handler):
            handlers[stop] = handler
            signal.signal(stop, lambda number, frame: heard.append(number))
    masks = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masks else set()
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, given in handlers.items():
            signal.signal(number, given)
        # Whatever else went wrong: a child that was stopped with its parent is no fault.
        if heard:
            handlers[heard[0]](heard[0], None)


def follow_parent() -> None:
    """To be called first in a child: it is deaf to Ctrl-C, and at an end when its parent is.

    It would otherwise work on beside the next run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
