"""Parts of a volume worked on side by side.

torch splits every single operation over the cores, which for the small ones of a search costs
more than it saves, the more so where other programs use the cores too. Here each core takes whole
parts and computes them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Part = TypeVar("Part")


def in_parallel(
    work: Callable[[Part], None], parts: Sequence[Part], device: str
) -> Iterator[float]:
    """Do `work` on each part; yields the fraction done after each.

    On the CPU as many parts at a time as torch has threads, on other devices one by one. An error
    in a part, or the caller's own, leaves the parts not yet begun undone.
    """
    if device != "cpu":
        for done, part in enumerate(parts, start=1):
            work(part)
            yield done / len(parts)
        return

    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        running = [pool.submit(work, part) for part in parts]
        for done, future in enumerate(as_completed(running), start=1):
            future.result()
            yield done / len(parts)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
