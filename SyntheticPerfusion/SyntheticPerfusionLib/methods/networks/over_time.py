"""A convolution over time for many voxels, as products of matrices without copies.

Time points lie in memory one after the other, each with its channels and in these the voxels: the
four points that a result hangs on are then one matrix as they lie. torch's own convolutions lay out
every window anew, which on a CPU takes longer than the products.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

KERNEL = 4


def over_time(hidden: Tensor, weight: Tensor) -> Tensor:
    """(T // 2, C', V) of (T, C, V): convolution of length 4, stride 2, a zero at either end.

    weight  (C', C, 4).
    """
    if torch.is_autocast_enabled(hidden.device.type):
        hidden = hidden.to(torch.get_autocast_dtype(hidden.device.type))
    result: Tensor = _OverTime.apply(hidden, weight)
    return result


def _windows(points: int) -> list[tuple[int, int, int]]:
    """First point, one past the last, and first tap, of each result's window."""
    found = []
    for result in range(points // 2):
        first = 2 * result - 1
        found.append((max(first, 0), min(first + KERNEL, points), max(-first, 0)))
    return found


class _OverTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor) -> Tensor:
        points, channels, voxels = hidden.shape
        taps = weight.permute(0, 2, 1).flatten(1).to(hidden.dtype)
        found = hidden.new_empty(points // 2, len(weight), voxels)
        for n, (start, stop, tap) in enumerate(_windows(points)):
            rows = hidden[start:stop].view((stop - start) * channels, voxels)
            own = taps[:, tap * channels : (tap + stop - start) * channels]
            torch.mm(own, rows, out=found[n])
        ctx.save_for_backward(hidden, taps)
        ctx.weight_dtype = weight.dtype
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        hidden, taps = ctx.saved_tensors
        points, channels, voxels = hidden.shape
        gradient = gradients[0].contiguous()
        of_taps = torch.zeros(taps.shape, dtype=ctx.weight_dtype, device=taps.device)
        of_hidden = torch.zeros_like(hidden) if ctx.needs_input_grad[0] else None
        for n, (start, stop, tap) in enumerate(_windows(points)):
            count = (stop - start) * channels
            own = slice(tap * channels, tap * channels + count)
            of_taps[:, own] += gradient[n] @ hidden[start:stop].view(count, voxels).T
            if of_hidden is not None:
                of_hidden[start:stop].view(count, voxels).addmm_(taps[:, own].T, gradient[n])
        of_weight = of_taps.view(len(taps), KERNEL, channels).permute(0, 2, 1)
        return of_hidden, of_weight
