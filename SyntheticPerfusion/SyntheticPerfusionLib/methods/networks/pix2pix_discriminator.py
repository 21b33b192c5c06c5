"""The discriminator of Kossen et al. 2022: PatchGAN, which judges a map together with its source.

It is trained beside the generator and never shipped. Its first convolution is linear, so that the
share of the source is computed once for all the maps that are judged by it: the same sum as of the
concatenated pair. The source has many channels and the map one: started alike, the map is a small
part of what that sum varies by. Its weights therefore start larger, by the root of the number of
time points, this project's choice: judging finished maps it then left chance within 90 steps, where
it had not before. In a training whose absolute error weighs 100 times as much, true and made maps
stay hard to tell apart all the same.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .over_time import KERNEL
from .pix2pix import start_as_pix2pix

_SLOPE = 0.2
_MULTIPLIERS = (1, 2, 4)


class PatchDiscriminator(nn.Module):
    """Three convolutions with batch normalisation and LeakyReLU, and one that judges each patch."""

    def __init__(self, points: int, width: int) -> None:
        super().__init__()
        widths = tuple(width * times for times in _MULTIPLIERS)
        self.first = nn.Conv2d(points + 1, widths[0], KERNEL, stride=2, padding=1, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, KERNEL, stride=2, padding=1, bias=False)
            for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(features) for features in widths)
        self.judge = nn.Conv2d(widths[-1], 1, KERNEL, stride=2, padding=1)
        self.apply(start_as_pix2pix)
        with torch.no_grad():
            self.first.weight[:, -1:] *= math.sqrt(points)

    def of_source(self, source: Tensor) -> Tensor:
        """(B, width, M / 2, M / 2): what source (B, points, M, M) gives to the first layer."""
        return functional.conv2d(source, self.first.weight[:, :-1], stride=2, padding=1)

    def forward(self, from_source: Tensor, map_: Tensor) -> Tensor:
        """(B, 1, M / 16, M / 16) logits of `of_source` and maps (B, 1, M, M); above 0: true."""
        hidden = functional.conv2d(map_, self.first.weight[:, -1:], stride=2, padding=1)
        hidden = functional.leaky_relu(self.norms[0](hidden + from_source), _SLOPE)
        for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
            hidden = functional.leaky_relu(norm(convolution(hidden)), _SLOPE)
        logits: Tensor = self.judge(hidden)
        return logits.float()
