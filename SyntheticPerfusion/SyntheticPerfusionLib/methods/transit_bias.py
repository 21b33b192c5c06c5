"""By how much an estimate of transit time and delay is off for one patient, and without it.

An estimator that learned from some residue functions and arterial curves is off for others, and any
is off where noise hides what it looks for. How far shows when it is given curves of known transit
time and delay: the patient's arterial curve, residue function and frames, with noise. The medians
of what it says too much, b(MTT, S), are taken off its estimates (in the manner of indirect
inference: Gourieroux, Monfort and Renault 1993), with S the ratio of a curve to its noise, both
squared and summed over frames:

    ln MTT + b(MTT, S) = ln estimate

solved for MTT by repeating ln MTT = ln estimate - b, and the delay alike. Medians come right; the
noise of single voxels grows a little by it. No truth of any patient or test is needed, or used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from .bolus_window import BolusWindow
from .parallel import in_parallel
from .residue_choice import Estimate
from .transit_decoder import TransitDecoder
from .transit_match import Match, TransitDictionary, features

_TRANSITS = 16
"""Transit times, even in their logarithm between the limits of the network."""
_DELAYS_S = (-0.5, 1.5, 3.5, 6.0)
"""Delays over which medians are taken: b hardly hangs on them."""
_STRENGTHS = (20.0, 60.0, 200.0, 630.0, 2000.0, 6300.0, 20000.0)
"""S without the level that is fitted too: of a core at a signal to noise of 10, to many voxels of
grey matter together at 50."""
_REPEATS = 16
_STEPS = 2


@dataclass(frozen=True, eq=False)
class TransitBias:
    """Medians of estimate less truth for M transit times and S strengths.

    log_transit    (M,) ln of MTT in s, rising; log_strength (S,) rising.
    of_transit     (M, S) of ln MTT; of_delay (M, S) in s.
    """

    log_transit: torch.Tensor
    log_strength: torch.Tensor
    of_transit: torch.Tensor
    of_delay: torch.Tensor

    def without(
        self, mtt_s: torch.Tensor, delay_s: torch.Tensor, match: Match
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """MTT and delay (V,) in seconds of estimates (V,) from a match, their bias taken off."""
        strength = _log_strength(match)
        estimated = found = mtt_s.log()
        low, high = float(self.log_transit[0]), float(self.log_transit[-1])
        for _ in range(_STEPS):
            found = (estimated - self._read(self.of_transit, found, strength)).clamp(low, high)
        return found.exp(), delay_s - self._read(self.of_delay, found, strength)

    def _read(
        self, table: torch.Tensor, log_transit: torch.Tensor, strength: torch.Tensor
    ) -> torch.Tensor:
        """(V,) of a table (M, S), by straight lines; beyond its ends as at them."""
        row, down = _place(self.log_transit, log_transit)
        column, right = _place(self.log_strength, strength)
        left = torch.lerp(table[row, column], table[row + 1, column], down)
        return torch.lerp(
            left, torch.lerp(table[row, column + 1], table[row + 1, column + 1], down), right
        )


def simulated_bias(
    window: BolusWindow,
    family: str,
    dictionary: TransitDictionary,
    estimate: Estimate,
    transit_limits_s: tuple[float, float],
    seed: int = 0,
) -> TransitBias:
    """What `estimate` is off by for curves of a residue family in a window.

    transit_limits_s   between which it looks for transit times. The same seed gives the same noise.
    """
    device = window.arterial.device
    shortest_s, longest_s = transit_limits_s
    log_transit = torch.linspace(math.log(shortest_s), math.log(longest_s), _TRANSITS)
    transit, delay = (
        one.reshape(-1).to(device)
        for one in torch.meshgrid(log_transit.exp(), torch.tensor(_DELAYS_S), indexing="ij")
    )
    decoder = TransitDecoder(window.arterial)
    clean = decoder.curves(family, transit / window.step_s, delay / window.step_s) * window.measured
    whole = dictionary.match(clean).whole
    shape = (_TRANSITS, len(_DELAYS_S) * _REPEATS)
    found: dict[int, tuple[torch.Tensor, ...]] = {}

    def look(n: int) -> None:
        """At one strength."""
        draw = torch.Generator().manual_seed(seed + n)
        noise = torch.randn((_REPEATS, *clean.shape), generator=draw).to(device)
        curves = clean + noise * (whole / _STRENGTHS[n]).sqrt() * window.measured
        with torch.inference_mode():
            match = dictionary.match(curves.flatten(0, 1))
            mtt_s, delay_s = estimate(features(match, dictionary))
        off = mtt_s.log() - transit.log().repeat(_REPEATS), delay_s - delay.repeat(_REPEATS)
        by_transit = [
            one.unflatten(0, (_REPEATS, *shape[:1], -1)).transpose(0, 1).reshape(shape)
            for one in off
        ]
        found[n] = (
            _log_strength(match).median(),
            *(one.median(dim=1).values for one in by_transit),
        )

    for _ in in_parallel(look, range(len(_STRENGTHS)), str(device)):
        pass
    strength, of_transit, of_delay = zip(*(found[n] for n in sorted(found)), strict=True)
    return TransitBias(
        log_transit.to(device),
        torch.stack(strength),
        torch.stack(of_transit, dim=1),
        torch.stack(of_delay, dim=1),
    )


def _log_strength(match: Match) -> torch.Tensor:
    return (match.whole / match.noise())[:, 0].clamp(min=1.0).log()


def _place(rising: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The entry of `rising` at or before each value, and how far it is to the next, 0 to 1."""
    entry = (torch.searchsorted(rising, values.contiguous()) - 1).clamp(0, len(rising) - 2)
    further = (values - rising[entry]) / (rising[entry + 1] - rising[entry])
    return entry, further.clamp(0, 1)
