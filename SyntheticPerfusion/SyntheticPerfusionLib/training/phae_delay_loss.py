"""What phae-delay learns by: to be right for each truth, and not only on average over all of them.

A network that is shown truths and learns to come close to them draws uncertain estimates towards
the middle of what it was shown: where blood comes late or noise is high, flow would be levelled
out. Each truth therefore comes with many draws of noise, and the mean error of those of one truth,
its bias, is made small as well (Diskin, Eldar and Wiesel, Learning to estimate without bias, IEEE
Trans Signal Process 2023). The square of a mean over two halves of the draws is estimated without
its own noise by the product of the two means.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class LossWeights:
    """`task.loss` of a configuration.

    error           of the absolute errors of ln MTT and ln CBF and the squared error of CBF over
                    the true one; a second of delay counts a tenth.
    bias            of the squared biases, that of ln CBF twice.
    reconstruction  of the likelihood of the measured curve, which needs no truth.
    """

    error: float = 1.0
    bias: float = 10.0
    reconstruction: float = 0.1


_ERROR_PER_S = 0.1
_LARGEST = 1.6
"""Error of ln CBF beyond which its square grows no more: a fivefold flow."""
_BIAS_PER_S2 = 0.05
_BIAS_OF_FLOW = 2.0
_WIDE, _WIDE_S = 0.5, 2.0
"""Errors are drawn together beyond this, which makes the mean of a skewed many near its median."""


def estimation_loss(
    transit: torch.Tensor,
    delay: torch.Tensor,
    flow: torch.Tensor,
    left: torch.Tensor,
    frames: torch.Tensor,
    repeats: int,
    weights: LossWeights,
) -> torch.Tensor:
    """Scalar.

    transit, flow   (V,) errors of ln MTT and ln CBF; `delay` (V,) in s. Draws of one truth side by
                    side, `repeats` of them, an even number.
    left            (V,) weighted mean square that the reconstruction leaves; `frames` (V,) of how
                    many.
    """
    beyond = torch.exp(flow.clamp(max=_LARGEST)) - 1
    error = transit.abs() + _ERROR_PER_S * delay.abs() + flow.abs() + beyond.square()
    bias = (
        squared_bias(transit, _WIDE, repeats)
        + _BIAS_PER_S2 * squared_bias(delay, _WIDE_S, repeats)
        + _BIAS_OF_FLOW * squared_bias(flow, _WIDE, repeats)
    )
    unlikely = 0.5 * torch.log(left.clamp(min=1e-9)) * frames / frames.mean()
    return (
        weights.error * error.mean()
        + weights.bias * bias
        + weights.reconstruction * unlikely.mean()
    )


def squared_bias(errors: torch.Tensor, wide: float, repeats: int) -> torch.Tensor:
    """Mean over truths of the squared mean of wide * tanh(error / wide), estimated without bias."""
    drawn = (wide * torch.tanh(errors / wide)).reshape(-1, 2, repeats // 2).mean(2)
    return (drawn[:, 0] * drawn[:, 1]).mean()
