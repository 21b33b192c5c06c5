"""The loss of Hess 2018: Laplace negative log-likelihood with importance weights, equations 1 to 4.

All of it voxel by voxel; whoever trains averages over voxels.
"""

from __future__ import annotations

import torch
from torch import Tensor

IMPORTANT_S = (0.0, 40.0)
"""Values of this range matter fully (equation 2), all others by `UNIMPORTANT`."""
UNIMPORTANT = 0.1


def laplace_nll(target: Tensor, predicted: Tensor, log_b: Tensor) -> Tensor:
    """l' = log b + |p - p_hat| / b (equation 1), of log b, so that b is always positive."""
    return log_b + (target - predicted).abs() * torch.exp(-log_b)


def importance(
    target: Tensor, predicted: Tensor, important: tuple[float, float] = IMPORTANT_S
) -> Tensor:
    """W(p, p_hat): the largest I(z) between p and p_hat (equations 2 and 3), physical units.

    I is 1 in the closed interval `important` and 0.1 elsewhere, so the largest is 1 as soon as the
    way from p to p_hat touches it. A weight: no gradient flows through it.
    """
    low, high = torch.minimum(target, predicted), torch.maximum(target, predicted)
    touches = (high >= important[0]) & (low <= important[1])
    return torch.where(touches, 1.0, UNIMPORTANT).to(target.dtype).detach()


def weighted_loss(target: Tensor, predicted: Tensor, log_b: Tensor, weight: Tensor) -> Tensor:
    """l = l' W (equation 4)."""
    return laplace_nll(target, predicted, log_b) * weight


def squared_loss(target: Tensor, predicted: Tensor) -> Tensor:
    """(p - p_hat)^2, the loss of TTP and RBF (appendix B)."""
    return (target - predicted) ** 2
