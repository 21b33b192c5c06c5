"""Spacing-increasing discretisation of map values for the ordinal head (Le 2021, section 2.3).

    t_i = exp(log a' + log(b' / a') i / K),  a' = alpha + epsilon,  b' = beta + epsilon

The intervals grow with the value, so that weak collaterals are told apart more finely.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def thresholds(
    classes: int, alpha: float = 0.0, beta: float = 1.0, epsilon: float = 0.001
) -> tuple[float, ...]:
    """t_0 to t_K of [alpha, beta] in K = `classes` intervals."""
    lowest, highest = alpha + epsilon, beta + epsilon
    return tuple(
        math.exp(math.log(lowest) + math.log(highest / lowest) * i / classes)
        for i in range(classes + 1)
    )


def ordinal_labels(shares: Tensor, bounds: tuple[float, ...]) -> Tensor:
    """int64 labels, 0 to K - 1, of values from alpha to beta; `bounds` are t_0 to t_K.

    Values below t_0, of which [0, 1] has those to 0.001, are of the first interval.
    """
    inner = torch.tensor(bounds[1:-1], dtype=shares.dtype, device=shares.device)
    return torch.bucketize(shares, inner, right=True)
