"""One process among several that train one network together.

Every process of a run is started with the same command: by Lightning's launcher, torchrun or
SLURM. These functions work with one process as well, where there is nothing to exchange.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed


def process_rank() -> int:
    """Rank of this process, before the processes have found each other: 0 for the leading one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank()
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    if int(os.environ.get("NODE_RANK", "0")) > 0:
        return 1
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_PROCID", "0")))


def together() -> bool:
    """Whether several processes train together and have found each other."""
    return distributed.is_available() and distributed.is_initialized() and world_size() > 1


def world_size() -> int:
    """Number of processes that train together."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def mean_over_ranks(values: Sequence[torch.Tensor], device: torch.device) -> list[float]:
    """The mean over all ranks of each of these scalars, in float64; the ranks have as many each."""
    if not values:
        return []
    stacked = torch.stack([value.detach().float() for value in values])
    if not together():
        return [float(value) for value in stacked.tolist()]
    stacked = stacked.to(device, torch.float64)
    distributed.all_reduce(stacked)
    return [float(value) for value in (stacked / world_size()).tolist()]


def any_of_ranks(flags: Sequence[bool], device: torch.device) -> list[bool]:
    """Of each flag, whether any rank has it set."""
    if not together():
        return list(flags)
    gathered = torch.tensor([int(flag) for flag in flags], device=device)
    distributed.all_reduce(gathered, distributed.ReduceOp.MAX)
    return [bool(flag) for flag in gathered.tolist()]


def of_all_ranks(value: Any) -> list[Any]:
    """The plain values of all ranks, in their order."""
    if not together():
        return [value]
    gathered: list[Any] = [None] * world_size()
    distributed.all_gather_object(gathered, value)
    return gathered


def wait_for_all() -> None:
    """Go on once every rank is here."""
    if together():
        distributed.barrier()
