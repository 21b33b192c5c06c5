"""The batches of an epoch from any step on, some of them made ahead while the network learns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

Batch = dict[str, Tensor]


class BatchStream:
    """What Lightning iterates over, once for each epoch.

    make      the batch of a step.
    steps     the steps that are left of the epoch now beginning, asked when its iteration begins.
    prefetch  batches made ahead, in order, by one thread; 0: each when it is wanted.
    """

    def __init__(
        self, make: Callable[[int], Batch], steps: Callable[[], range], prefetch: int
    ) -> None:
        self._make = make
        self._steps = steps
        self._prefetch = prefetch

    def __iter__(self) -> Iterator[Batch]:
        return self._ahead() if self._prefetch else map(self._make, self._steps())

    def _ahead(self) -> Iterator[Batch]:
        # One thread of torch for it: the others belong to the network.
        pool = ThreadPoolExecutor(1, "batches", torch.set_num_threads, (1,))
        try:
            waiting: deque[Future[Batch]] = deque()
            for step in self._steps():
                waiting.append(pool.submit(self._make, step))
                if len(waiting) > self._prefetch:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
