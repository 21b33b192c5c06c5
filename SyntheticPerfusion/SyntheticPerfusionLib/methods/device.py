"""Where a method computes."""

from __future__ import annotations

import re

from ..errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(wanted: str) -> str:
    """The torch device string for `wanted`: auto, cpu, cuda, cuda:N or mps.

    auto takes CUDA, then MPS, then the CPU. Raises InputError where the device is not there.
    """
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if wanted == "cpu" or (wanted == "mps" and torch.backends.mps.is_available()):
        return wanted
    number = re.fullmatch(r"cuda(?::(\d+))?", wanted)
    if number is None and wanted != "mps":
        raise InputError(
            f"The device {wanted!r} is not known; choose auto, cpu, cuda, cuda:N or mps."
        )
    count = torch.cuda.device_count() if number and torch.cuda.is_available() else 0
    if number is None or int(number[1] or 0) >= count:
        raise InputError(
            f"The device {wanted} is not available here ({count} CUDA devices found); "
            "choose auto or cpu."
        )
    return wanted
