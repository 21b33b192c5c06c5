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

_SOFT = 3.0
"""Misfits are read as log(1 + z) over this, which keeps them within about -1 and 2."""


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
    count   frames that count.
    """

    left: torch.Tensor
    whole: torch.Tensor
    count: float

    def evidence(self) -> torch.Tensor:
        """(V,) logarithm of the likelihood averaged over the grid, the noise unknown.

        Up to a constant that is the same for all residue families.
        """
        shares = (self.left / self.whole.clamp(min=1e-12)).clamp(min=1e-9)
        return torch.logsumexp(-0.5 * (self.count - 2) * shares.log(), dim=1)


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

    def _level(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of each curve, frames before the window counting as 0, and the curve above it."""
        level = curves.sum(1) / self.count
        return level, (curves - level[:, None]) * self._measured


def features(match: Match, dictionary: TransitDictionary) -> torch.Tensor:
    """(V, A + 5) what the network reads of a match.

    The misfit z of every pair above the best's, in units of the noise that the best leaves over;
    mean and spread of ln MTT and of delay under exp(-z/2); the ratio of curve to noise.
    """
    best = match.left.amin(1, keepdim=True).clamp(min=1e-9)
    noise = best / max(match.count - 4, 1.0)
    z = (match.left - best) / noise
    weight = torch.softmax(-z / 2, dim=1)
    log_transit, delay = dictionary.transit_s.log(), dictionary.delay_s
    mean_transit = (weight @ log_transit)[:, None]
    mean_delay = (weight @ delay)[:, None]
    spread_transit = (weight * (log_transit - mean_transit).square()).sum(1, keepdim=True).sqrt()
    spread_delay = (weight * (delay - mean_delay).square()).sum(1, keepdim=True).sqrt()
    strength = (match.whole / noise / 100).clamp(min=1e-6).log() / 2
    return torch.cat(
        [
            torch.log1p(z) / _SOFT - 1,
            mean_transit,
            mean_delay,
            spread_transit,
            spread_delay,
            strength,
        ],
        dim=1,
    )
