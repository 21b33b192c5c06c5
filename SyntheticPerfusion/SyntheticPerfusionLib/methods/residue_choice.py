"""Which residue function a brain has: the one by which its curves are likeliest all together.

Where transit times are short beside the width of the bolus, one curve does not tell an early start
and a slow fall from a later start and a steep end; thousands of curves that share one residue
function do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from .bolus_window import BolusWindow
from .transit_decoder import TransitDecoder
from .transit_match import TransitDictionary, TransitGrid, features

_STEPS = 2
"""Of Gauss and Newton, from the estimate of the network to the top of the likelihood."""
_SMALL, _SMALL_S = 0.02, 0.05
"""Differences of ln MTT and of delay by which derivatives are taken."""
_FAR, _FAR_S = 0.3, 0.7
"""The longest step in each."""

Estimate = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""MTT and delay (V,) in seconds of features (V, A + MEANS)."""


@dataclass(frozen=True, eq=False)
class ResidueChoice:
    """The family taken, its dictionary, and the mean log-likelihood of a voxel for each family."""

    family: str
    dictionary: TransitDictionary
    evidence: dict[str, float]


def choose_residue(
    curves: torch.Tensor,
    window: BolusWindow,
    families: Sequence[str],
    grid: TransitGrid,
    estimate: Estimate,
    asked: Callable[[], None] = lambda: None,
) -> ResidueChoice:
    """The family of curves (V, W) in a window, V some thousand voxels of good quality.

    Each curve is explained as well as the family can: by the estimate of the network, improved, or
    by the best pair of the grid. With no curve it is the first family, without evidence. `asked` is
    called between families and may raise.
    """
    decoder = TransitDecoder(window.arterial)
    likely: dict[str, float] = {}
    dictionaries = {}
    for family in families:
        asked()
        dictionaries[family] = TransitDictionary(window, family, grid)
        if not len(curves):
            return ResidueChoice(family, dictionaries[family], {})
        found = _log_likelihood(curves, window, family, dictionaries[family], decoder, estimate)
        likely[family] = round(float(found.mean()), 4)
    best = max(likely, key=lambda family: likely[family])
    return ResidueChoice(best, dictionaries[best], likely)


def _log_likelihood(
    curves: torch.Tensor,
    window: BolusWindow,
    family: str,
    dictionary: TransitDictionary,
    decoder: TransitDecoder,
    estimate: Estimate,
) -> torch.Tensor:
    """(V,) of each curve, its noise unknown, up to a constant."""
    match = dictionary.match(curves)
    mtt_s, delay_s = estimate(features(match, dictionary))
    log_transit = mtt_s.log()

    def decoded(log_transit: torch.Tensor, delay_s: torch.Tensor) -> torch.Tensor:
        return decoder.curves(family, log_transit.exp() / window.step_s, delay_s / window.step_s)

    least = match.left.amin(1)
    for step in range(_STEPS + 1):
        g = decoded(log_transit, delay_s)
        left, whole = dictionary.left_by_own(curves, g)
        least = torch.minimum(least, left)
        if step == _STEPS:
            break
        by_transit = (decoded(log_transit + _SMALL, delay_s) - g) / _SMALL
        by_delay = (decoded(log_transit, delay_s + _SMALL_S) - g) / _SMALL_S
        more = _gauss_newton(curves, torch.stack([g, by_transit, by_delay], dim=2), window)
        log_transit = log_transit + more[:, 0].clamp(-_FAR, _FAR)
        delay_s = delay_s + more[:, 1].clamp(-_FAR_S, _FAR_S)
    return -0.5 * dictionary.count * (least / whole.clamp(min=1e-12)).clamp(min=1e-9).log()


def _gauss_newton(curves: torch.Tensor, columns: torch.Tensor, window: BolusWindow) -> torch.Tensor:
    """(V, 2) what to add to ln MTT and delay, of g and its derivatives (V, W, 3)."""
    level = torch.ones_like(columns[:, :, :1])
    design = torch.cat([columns, level], dim=2) * window.measured[:, None]
    normal = design.transpose(1, 2) @ design
    normal[:, 3, 3] += window.before
    # A ridge far below any information there is, so that a flat curve does not stop the others.
    diagonal = normal.diagonal(dim1=1, dim2=2)
    diagonal += 1e-6 * diagonal + 1e-9
    found = torch.linalg.solve(normal, (design.transpose(1, 2) @ curves[:, :, None]))[:, :, 0]
    amplitude = found[:, :1]
    safe = torch.where(amplitude.abs() > 1e-6, amplitude, 1.0)
    return torch.where(amplitude > 1e-6, found[:, 1:3] / safe, 0.0)
