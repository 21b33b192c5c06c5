"""Keeps the libraries' own messages off the screen and puts them into the run's log.

Slicer takes every line on standard error for an error of the module, and a terminal has the
program's own progress to show.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_LOGGERS = ("lightning", "lightning.pytorch", "lightning.fabric", "py.warnings")


@contextmanager
def messages_to(file: Path | None) -> Iterator[None]:
    """Within the block, warnings and Lightning's messages go to `file`, or nowhere for None."""
    # Lightning gives its loggers handlers of their own when it is loaded.
    import lightning.pytorch  # noqa: F401

    if file is None:
        handler: logging.Handler = logging.NullHandler()
    else:
        handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    with ExitStack() as stack:
        stack.callback(handler.close)
        stack.enter_context(warnings.catch_warnings())
        for name in _LOGGERS:
            stack.enter_context(_sent_to(handler, logging.getLogger(name)))
        logging.captureWarnings(True)
        stack.callback(logging.captureWarnings, False)
        yield


@contextmanager
def _sent_to(handler: logging.Handler, logger: logging.Logger) -> Iterator[None]:
    handlers, propagate, level = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)
