"""What processes that are spawned to compute owe their parent: its Ctrl-C and its end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def later_interrupt() -> Iterator[None]:
    """Ctrl-C is kept until the end, by this process; those started here are born deaf to it.

    A terminal sends it to all of them, even while they are starting; and a parent broken off then
    would leave one that waits for its orders in vain. The children inherit the mask, but not the
    handler. The mask alone would not do: a thread of a library that does not block the signal takes
    it, and Python then interrupts the main thread after all.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    heard: list[int] = []
    masks = hasattr(signal, "pthread_sigmask")
    signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    if masks:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masks:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, handler)
    if heard:
        handler(heard[0], None)


def follow_parent() -> None:
    """First thing in a child: deaf to Ctrl-C, and at an end when its parent is.

    It would otherwise work on beside the next run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
