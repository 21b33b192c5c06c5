"""The maximum of a sampled residue function, between the samples too.

The highest sample alone depends on where the bolus falls between two frames; a truncated residue
is smooth, so that a polynomial through its neighbours gives back what lies between.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

_REACH = 3
_PARTS = 8


def residue_peak(residue: torch.Tensor, wraps: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and position of the maximum of each residue function.

    residue  (N, L).
    wraps    whether the time axis is circular: the second half are then times before zero.
    Returns (N,) height in the unit of `residue` and (N,) position in frames, within one frame of
    the highest sample and negative in the second half of a circular axis.

    A polynomial of degree six through the seven samples around the highest is read at eighths of
    a frame. Within three frames of the ends of an axis that does not wrap, where the residue of
    causal flow begins with a jump that no polynomial follows, the highest sample itself counts.
    """
    length = residue.shape[1]
    best = residue.max(dim=1)
    steps = torch.arange(-_REACH, _REACH + 1, device=residue.device)
    at = best.indices[:, None] + steps
    fine = residue.gather(1, at % length) @ _refinement(residue.device, residue.dtype)
    finest = fine.max(dim=1)
    position = best.indices + (finest.indices.to(residue.dtype) / _PARTS - 1.0)
    if wraps:
        position = torch.where(position >= length / 2, position - length, position)
        return finest.values, position
    inner = (best.indices >= _REACH) & (best.indices < length - _REACH)
    return (
        torch.where(inner, finest.values, best.values),
        torch.where(inner, position, best.indices.to(residue.dtype)),
    )


@lru_cache(maxsize=8)
def _refinement(device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """(7, 17) Lagrange weights from samples -3..3 to positions -1, -7/8, ..., 1."""
    nodes = np.arange(-_REACH, _REACH + 1, dtype=np.float64)
    positions = np.arange(-_PARTS, _PARTS + 1) / _PARTS
    weights = np.ones((len(nodes), len(positions)))
    for own, node in enumerate(nodes):
        for other, neighbour in enumerate(nodes):
            if other != own:
                weights[own] *= (positions - neighbour) / (node - neighbour)
    return torch.as_tensor(weights, dtype=dtype, device=device)
