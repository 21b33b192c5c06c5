"""How well each of a grid of transit times and delays explains a curve: what phae-delay's encoder
reads.

The decoder draws the curves of a grid of (MTT, delay) once for a patient; the curve of a voxel is
laid against all of them in one matrix product. What is left over by each, in units of the voxel's
own noise, is a picture of the likelihood that no longer depends on the shape of the arterial curve,
on TR or on the number of frames: all that is in the decoder already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from .bolus_window import BolusWindow
from .transit_decoder import TransitDecoder

MEANS = 9
"""Features beside the misfits: mean and spread of ln MTT and delay, warm and cold; strength."""
WARM_TRANSIT, WARM_DELAY = 0, 2
"""Which of them are the means that an estimate starts from."""

PARAMETERS = 4
"""Transit time, delay, volume and level are taken from each curve."""
_SOFT = 3.0
"""Misfits are read as log(1 + z) over this, which keeps them within about -1 and 2."""
_WARM = 0.005
"""What neighbours on the grid leave over, as a share of the whole curve, by order of magnitude."""


@dataclass(frozen=True)
class TransitGrid:
    """Transit times and delays in seconds; A = transits * delays pairs, delay running fastest.

    The ends lie beyond what is looked for, so that the best of a voxel is among its neighbours.
    """

    transits: int = 20
    delays: int = 24
    transit_range_s: tuple[float, float] = (0.7, 34.0)
    delay_range_s: tuple[float, float] = (-4.0, 15.0)

    @property
    def size(self) -> int:
        """A, the number of pairs."""
        return self.transits * self.delays

    def pairs(self, device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
        """MTT and delay (A,) in seconds; transit times are even in their logarithm."""
        low, high = (math.log10(limit) for limit in self.transit_range_s)
        transit = torch.logspace(low, high, self.transits, device=device)
        delay = torch.linspace(*self.delay_range_s, self.delays, device=device)
        found = torch.meshgrid(transit, delay, indexing="ij")
        return found[0].reshape(-1), found[1].reshape(-1)


@dataclass(frozen=True, eq=False)
class Match:
    """The curves of V voxels laid against the grid.

    left    (V, A) sum of squares that each pair leaves over.
    whole   (V, 1) that of the curve.
    count   frames that count, one number or (V, 1).
    """

    left: torch.Tensor
    whole: torch.Tensor
    count: float | torch.Tensor

    def noise(self) -> torch.Tensor:
        """(V, 1) variance of the noise, by what the best pair leaves over."""
        free = torch.as_tensor(self.count - PARAMETERS, dtype=self.left.dtype).clamp(min=1.0)
        return self.left.amin(1, keepdim=True).clamp(min=1e-9) / free.to(self.left.device)


class TransitDictionary:
    """The curves of the grid for one arterial window and one residue family."""

    def __init__(self, window: BolusWindow, family: str, grid: TransitGrid) -> None:
        device = window.arterial.device
        self._measured = window.measured
        self._before = window.before
        self.count = float(window.measured.sum()) + window.before
        self.transit_s, self.delay_s = grid.pairs(device)
        decoder = TransitDecoder(window.arterial)
        curves = decoder.curves(
            family, self.transit_s / window.step_s, self.delay_s / window.step_s
        )
        level, centred = self._level(curves * window.measured)
        norm = (centred.square().sum(1) + window.before * level.square()).sqrt().clamp(min=1e-6)
        self._atoms = (centred / norm[:, None]).T.contiguous()
        self._levels = level / norm

    def match(self, curves: torch.Tensor) -> Match:
        """(V, W) curves of the window, 0 where not measured. Where 0 lies is free in both."""
        level, centred = self._level(curves)
        along = centred @ self._atoms + self._before * level[:, None] * self._levels
        whole = (centred.square().sum(1) + self._before * level.square())[:, None]
        return Match(whole - along.clamp(min=0).square(), whole, self.count)

    def left_by_own(
        self, curves: torch.Tensor, g: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Sum of squares (V,) that each curve's own g (V, W) leaves over, and that of the curve."""
        (level, curve), (g_level, g_curve) = self._level(curves), self._level(g * self._measured)
        whole = curve.square().sum(1) + self._before * level.square()
        norm = (g_curve.square().sum(1) + self._before * g_level.square()).clamp(min=1e-12)
        along = (curve * g_curve).sum(1) + self._before * level * g_level
        return whole - along.clamp(min=0).square() / norm, whole

    def _level(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of each curve, frames before the window counting as 0, and the curve above it."""
        level = curves.sum(1) / self.count
        return level, (curves - level[:, None]) * self._measured


def features(match: Match, dictionary: TransitDictionary) -> torch.Tensor:
    """(V, A + MEANS) what the network reads of a match.

    The misfit z of every pair above the best's, in units of the noise that the best leaves over;
    mean and spread of ln MTT and of delay under exp(-z / 2T) for two temperatures T; the ratio of
    curve to noise. T = 1 is the likelihood; the other grows with that ratio so that some pairs of
    the grid share in the mean however sharp the likelihood is: near its top z is a paraboloid, the
    mean of which does not change with T.
    """
    noise = match.noise()
    z = (match.left - match.left.amin(1, keepdim=True)) / noise
    strength = match.whole / noise
    read = [torch.log1p(z) / _SOFT - 1]
    for temperature in (1 + _WARM * strength, torch.ones_like(strength)):
        read += _moments(torch.softmax(-z / (2 * temperature), dim=1), dictionary)
    read.append((strength / 100).clamp(min=1e-6).log() / 2)
    return torch.cat(read, dim=1)


def _moments(weight: torch.Tensor, dictionary: TransitDictionary) -> list[torch.Tensor]:
    found = []
    for values in (dictionary.transit_s.log(), dictionary.delay_s):
        mean = weight @ values
        spread = (weight @ values.square() - mean.square()).clamp(min=0).sqrt()
        found += [mean[:, None], spread[:, None]]
    return found
