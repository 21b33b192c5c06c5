"""In which precision networks compute.

bfloat16 halves the bytes that are moved and, where the processor multiplies matrices in it, gives
several times the rate; where it does not, it is emulated and slower than float32.
"""

from __future__ import annotations

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
    """Whether `device` (a torch device string) multiplies matrices in bfloat16 itself."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= _FIRST_WITH_BFLOAT16
    return kind == "cpu" and _processor_has_bfloat16()


def _processor_has_bfloat16() -> bool:
    import torch

    # torch tells it in private functions only, which some builds and platforms lack.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)
