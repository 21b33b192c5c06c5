"""The encoder of PHAE: a pair of curves in, one mean transit time out (Fayolle 2025, figure 2).

Four blocks of Conv1d (kernel 3, stride 1, padding 1), BatchNorm and LeakyReLU 0.02 with 32, 64, 128
and 256 features, the average over time, one linear layer.

The paper does not bound the MTT. Here the linear layer gives the logarithm of the MTT in frames,
which is all that curves without a clock can tell; times the time between frames it is the MTT in
seconds, which is then held within a physiological range. So one network serves every TR.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...errors import InputError
from ..phae_decoder import RESIDUES

_SLOPE = 0.02
_INPUTS = 2
_SHARPNESS = 4.0
"""Of the bounds: within a factor of exp(1/4) of one the MTT begins to yield to it."""
_FIRST_GUESS_FRAMES = 3.0


@dataclass(frozen=True)
class PhaeArchitecture:
    """What a card or a configuration may say about the network; the defaults are the paper's.

    features     of each block.
    mtt_range_s  bounds of the MTT in seconds.
    residue      of phae_decoder.RESIDUES, by which the encoder learns.
    """

    features: tuple[int, ...] = (32, 64, 128, 256)
    mtt_range_s: tuple[float, float] = (0.5, 30.0)
    residue: str = "lorentzian"

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> PhaeArchitecture:
        """Of plain values; InputError says which key is wrong."""
        if unknown := sorted(set(given) - set(cls.__dataclass_fields__)):
            raise InputError(
                f"architecture has the key {unknown[0]}, which this family does not know; it "
                f"takes {', '.join(cls.__dataclass_fields__)}."
            )
        chosen = {**asdict(cls()), **given}
        features, bounds = _numbers(chosen["features"]), _numbers(chosen["mtt_range_s"])
        if not features or any(number < 1 or number != int(number) for number in features):
            raise InputError(
                f"architecture.features is {chosen['features']}; give a list of whole numbers."
            )
        if len(bounds) != 2 or not 0 < bounds[0] < bounds[1] < math.inf:
            raise InputError(
                f"architecture.mtt_range_s is {chosen['mtt_range_s']}; give the shortest and the "
                "longest transit time in seconds, as [0.5, 30]."
            )
        if chosen["residue"] not in RESIDUES:
            raise InputError(
                f"architecture.residue is {chosen['residue']!r}; choose one of "
                f"{', '.join(RESIDUES)}."
            )
        return cls(
            tuple(int(number) for number in features), (bounds[0], bounds[1]), chosen["residue"]
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return {
            "features": list(self.features),
            "mtt_range_s": list(self.mtt_range_s),
            "residue": self.residue,
        }

    def encoder(self) -> PhaeEncoder:
        """The network, its weights yet to be learned or loaded."""
        return PhaeEncoder(self.features, self.mtt_range_s)


def _numbers(values: Any) -> list[float]:
    """Empty where they are no list of numbers."""
    if not isinstance(values, list | tuple):
        return []
    return [float(value) for value in values if isinstance(value, int | float)]


class Block(nn.Module):
    """Convolution over time, batch normalisation, leaky rectifier."""

    def __init__(self, inputs: int, features: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, features, kernel_size=3, stride=1, padding=1)
        self.norm: nn.Module = nn.BatchNorm1d(features)

    def forward(self, curves: Tensor, measured: Tensor | None = None) -> Tensor:
        """(N, inputs, T) to (N, features, T).

        measured  (N, T) bool, frames there are; the others are 0 on the way in and out and do not
                  count in the statistics, as if each curve had been worked on at its own length.
        """
        raw = self.convolution(curves)
        if measured is None:
            return functional.leaky_relu(self.norm(raw), _SLOPE, inplace=True)
        rows = self.norm(raw.transpose(1, 2)[measured])
        active = functional.leaky_relu(rows, _SLOPE, inplace=True)
        whole = active.new_zeros(raw.shape[0], raw.shape[2], raw.shape[1])
        whole[measured] = active
        return whole.transpose(1, 2)


class PhaeEncoder(nn.Module):
    """Figure 2, with the MTT bounded to `mtt_range_s`."""

    def __init__(self, features: Sequence[int], mtt_range_s: tuple[float, float]) -> None:
        super().__init__()
        inputs = (_INPUTS, *features)
        self.blocks = nn.ModuleList(Block(before, after) for before, after in pairwise(inputs))
        self.to_mtt = nn.Linear(inputs[-1], 1)
        nn.init.constant_(self.to_mtt.bias, math.log(_FIRST_GUESS_FRAMES))
        self.mtt_range_s = mtt_range_s

    def forward(
        self, curves: Tensor, step_s: Tensor | float, measured: Tensor | None = None
    ) -> Tensor:
        """(N,) MTT in seconds.

        curves    (N, 2, T): C and Ca over the subject's maximum, at even steps.
        step_s    time between frames in seconds, a number or (N,).
        measured  (N, T) bool where curves of several lengths stand together, 0 after their end;
                  None where all are T long.
        """
        values = curves
        for block in self.blocks:
            values = block(values, measured)
        if measured is None:
            mean = values.mean(dim=2, dtype=torch.float32)
        else:
            mean = values.sum(dim=2, dtype=torch.float32) / measured.sum(dim=1, keepdim=True)
        log_frames = self.to_mtt(mean)[:, 0].float()
        return bounded_mtt_s(log_frames, step_s, self.mtt_range_s)


def bounded_mtt_s(
    log_frames: Tensor, step_s: Tensor | float, range_s: tuple[float, float]
) -> Tensor:
    """MTT in seconds within `range_s`, of the logarithm of an MTT in frames.

    Well within the range it is exp(log_frames) step_s; towards either end it yields smoothly, the
    integral of a sigmoid that opens at one end and closes at the other:
    x -> x + (softplus(b (low - x)) - softplus(b (x - high))) / b, all in logarithms of seconds.
    """
    low, high = math.log(range_s[0]), math.log(range_s[1])
    step = torch.as_tensor(step_s, dtype=log_frames.dtype, device=log_frames.device)
    x = log_frames + torch.log(step)
    raised = functional.softplus(_SHARPNESS * (low - x))
    lowered = functional.softplus(_SHARPNESS * (x - high))
    return torch.exp(x + (raised - lowered) / _SHARPNESS).clamp(*range_s)


def folded(encoder: PhaeEncoder, dtype: torch.dtype = torch.float32) -> PhaeEncoder:
    """The same function as `encoder` in evaluation mode, for use alone.

    Each batch normalisation is folded into its convolution, and all but the first compute in
    `dtype`: the first is 1 in 700 of the work, and its weights, rounded to bfloat16, would move
    every transit time by half a percent. The average over time and what follows stay float32.
    """
    lean = copy.deepcopy(encoder).eval().requires_grad_(False)
    for block in lean.blocks:
        assert isinstance(block, Block)
        assert isinstance(block.norm, nn.BatchNorm1d)
        block.convolution = fuse_conv_bn_eval(block.convolution, block.norm)
        block.norm = nn.Identity()
    lean.blocks[1:].to(dtype)
    first = lean.blocks[0]
    assert isinstance(first, Block)
    first.norm = _Rounded(dtype)
    return lean


class _Rounded(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def forward(self, values: Tensor) -> Tensor:
        return values.to(self._dtype)
