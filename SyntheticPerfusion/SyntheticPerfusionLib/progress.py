"""How long work reports where it is and learns that it should stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import Cancelled

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done, in the person's words."""

CancelCheck = Callable[[], bool]
"""Returns True once the person has asked to stop."""


def silent(fraction: float, message: str) -> None:
    """Report to nobody."""


def never() -> bool:
    """Nobody will ask to stop."""
    return False


def stop_if(cancelled: CancelCheck) -> None:
    """Raise `Cancelled` if the person asked to stop."""
    if cancelled():
        raise Cancelled


def part(progress: Progress, start: float, stop: float) -> Progress:
    """The stretch from `start` to `stop` of `progress`, as a progress of its own from 0 to 1."""

    def scaled(fraction: float, message: str) -> None:
        progress(start + (stop - start) * fraction, message)

    return scaled


def at_most_every(seconds: float, progress: Progress) -> Progress:
    """Reports handed on to `progress` no more often than that, the last one (1) always."""
    last = -seconds

    def sparse(fraction: float, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if fraction >= 1 or now - last >= seconds:
            last = now
            progress(fraction, message)

    return sparse
