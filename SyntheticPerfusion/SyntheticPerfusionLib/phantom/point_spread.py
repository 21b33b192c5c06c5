"""How far a point spreads in an EPI slice: blur of the picture, and noise that neighbours share.

Signal decays while a slice is read out, readouts are filtered and matrices interpolated: a point
becomes a spot, longer along the phase-encoding axis (rows: front to back), where the whole readout
passes between one sample and the next. The spot is taken as a Gaussian sampled at the voxels.
"""

from __future__ import annotations

import math

import torch

PHASE_OVER_READOUT = 1.25
"""Spot along the phase axis over that along the readout: full widths of 1.5 and 1.2 voxels."""

_FARTHEST_SIGMAS = 3.0
_NARROWEST = 0.05
"""Of a neighbour nothing is left below this."""


def blur(slices: torch.Tensor, sigma_voxels: float) -> torch.Tensor:
    """Slices (..., J, I) with every point spread, along rows by a Gaussian of that sigma.

    Along columns it is PHASE_OVER_READOUT times as wide. 0 returns them as they are.
    """
    if sigma_voxels < _NARROWEST:
        return slices
    along_rows = _spread(slices, gaussian(sigma_voxels), dim=-1)
    return _spread(along_rows, gaussian(PHASE_OVER_READOUT * sigma_voxels), dim=-2)


def share_noise(slices: torch.Tensor, correlation: float) -> torch.Tensor:
    """White noise (..., J, I) so mixed that neighbours correlate; every voxel keeps its variance.

    correlation   of neighbours in a row and in a column, from 0 to 0.7.
    """
    if correlation == 0:
        return slices
    # Weights (a, 1, a) make neighbours correlate by 2 a / (1 + 2 a^2).
    beside = (1 - math.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    whole = math.sqrt(1 + 2 * beside**2)
    weights = [1 / whole, beside / whole]
    return _spread(_spread(slices, weights, dim=-1), weights, dim=-2)


def gaussian(sigma: float) -> list[float]:
    """Weights of a Gaussian at 0, 1, 2 ... to one side; with those of the other they sum to 1."""
    weights = [
        math.exp(-0.5 * (place / sigma) ** 2)
        for place in range(math.ceil(_FARTHEST_SIGMAS * sigma) + 1)
    ]
    whole = 2 * sum(weights) - 1
    return [weight / whole for weight in weights]


def _spread(slices: torch.Tensor, weights: list[float], dim: int) -> torch.Tensor:
    """Each value plus its neighbours at 1, 2 ... to either side by their weights.

    The end is the neighbour of the beginning, as in pictures made by a Fourier transform.
    """
    spread = slices * weights[0]
    size = slices.shape[dim]
    for away, weight in enumerate(weights[1:], start=1):
        for to, since, count in (
            (away, 0, size - away),
            (0, away, size - away),
            (0, size - away, away),
            (size - away, 0, away),
        ):
            spread.narrow(dim, to, count).add_(slices.narrow(dim, since, count), alpha=weight)
    return spread
