"""Errors of a handler, told to the person: a sentence alone where the input is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer

from ..errors import InputError


@contextmanager
def errors_shown(message: str, wait_cursor: bool = False) -> Iterator[None]:
    """Show what goes wrong inside in a message box that begins with `message`.

    Unusable input is a thing between the panel and the person: its sentence is shown and that is
    all. Anything else is a fault: shown with its details by Slicer, written to the log and raised.
    """
    sentence = ""
    with slicer.util.tryWithErrorDisplay(message, waitCursor=wait_cursor):
        try:
            yield
        except InputError as error:
            sentence = str(error)
    if sentence:
        slicer.util.errorDisplay(f"{message}\n\n{sentence}")
