"""More processes that make patients for the cache, while the one that wants them does so too.

Each is on its own: it makes what nobody has made yet and says nothing, since the process that
wants the patients looks at each itself and finds what is wrong. They begin at the end of the list,
so that all meet in the middle.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..child_processes import deferred_stop, follow_parent
from ..errors import Cancelled, InputError

if TYPE_CHECKING:
    from .patients import PatientSource


@contextmanager
def helping(sources: Sequence[PatientSource], cache: Path, helpers: int) -> Iterator[None]:
    """So many processes that fill `cache` while the block runs; they end with it.

    Each process, this one included, computes with one thread meanwhile, which serves the cores
    better than many threads on one patient.
    """
    if helpers < 1:
        yield
        return
    import torch

    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    processes = [
        context.Process(target=_help, args=(list(sources), cache, n, helpers, stop), daemon=True)
        for n in range(helpers)
    ]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with deferred_stop():
            for process in processes:
                process.start()
        yield
    finally:
        torch.set_num_threads(threads)
        stop.set()
        for process in processes:
            if process.pid is not None:
                process.join()


def _help(sources: Sequence[PatientSource], cache: Path, first: int, step: int, stop: Any) -> None:
    follow_parent()
    import torch

    from .patient_cache import PatientCache
    from .patients import fill

    torch.set_num_threads(1)
    store = PatientCache(cache)
    try:
        for source in sources[::-1][first::step]:
            with suppress(InputError):
                fill(source, store, stop.is_set)
            if stop.is_set():
                return
    except Cancelled:
        return
