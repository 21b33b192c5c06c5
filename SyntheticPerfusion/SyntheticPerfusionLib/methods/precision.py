"""In which precision networks compute.

bfloat16 halves the bytes that are moved and, on most processors that multiply matrices in it, gives
several times the rate; elsewhere it is emulated and slower than float32. That a processor has it
is not enough: a Xeon with AVX512-BF16 whose matrix unit (AMX) is switched off multiplies in it
at half the rate of float32. So it is tried.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

_FIRST_WITH_BFLOAT16 = 8
"""Compute capability of the first CUDA devices that multiply in bfloat16 (Ampere)."""


def autocast(device: str) -> AbstractContextManager[Any]:
    """Within it, torch computes matrix products and convolutions on `device` in bfloat16.

    In float32, where `device` has no bfloat16 of its own.
    """
    import torch

    if not has_bfloat16(device):
        return nullcontext()
    return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)


@lru_cache
def has_bfloat16(device: str) -> bool:
    """Whether `device` (a torch device string) itself multiplies matrices in bfloat16, and faster.

    Faster than in float32, which on a CPU is measured once, in some 10 ms.
    """
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= _FIRST_WITH_BFLOAT16
    return kind == "cpu" and _processor_has_bfloat16() and _processor_gains_by_bfloat16()


def _processor_has_bfloat16() -> bool:
    import torch

    # torch tells it in private functions only, which some builds and platforms lack.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


def _processor_gains_by_bfloat16() -> bool:
    import torch

    # Short products, so that one of many is not interrupted by what else the machine does.
    precisions = (torch.float32, torch.bfloat16)
    matrices = {precision: torch.ones(256, 256, dtype=precision) for precision in precisions}
    seconds = dict.fromkeys(precisions, float("inf"))
    for _ in range(10):
        for precision, matrix in matrices.items():
            begun = time.perf_counter()
            torch.mm(matrix, matrix)
            seconds[precision] = min(seconds[precision], time.perf_counter() - begun)
    return seconds[torch.bfloat16] < seconds[torch.float32]
