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
from .transit_match import TransitDictionary, TransitGrid, features, left_by_own

_CLEAR = 3.0
"""Standard errors by which a family must be likelier than an earlier one in the list."""

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

    Each curve is explained by what the network makes of it, or by the best pair of the grid where
    that leaves less over. With no curve it is the first family, without evidence. `asked` is called between families
    and may raise.
    """
    best, found = 0, []
    dictionaries = []
    decoder = TransitDecoder(window.arterial)
    for family in families:
        asked()
        dictionary = TransitDictionary(window, family, grid)
        if not len(curves):
            return ResidueChoice(family, dictionary, {})
        dictionaries.append(dictionary)
        found.append(_log_likelihood(curves, window, family, dictionary, decoder, estimate))
    for n in range(1, len(families)):
        if len(curves) > 1:
            gain = found[n] - found[best]
            error = float(gain.std()) / len(curves) ** 0.5
            if float(gain.mean()) > _CLEAR * error:
                best = n
    return ResidueChoice(
        families[best],
        dictionaries[best],
        {family: round(float(one.mean()), 4) for family, one in zip(families, found, strict=True)},
    )


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
    g = decoder.curves(family, mtt_s / window.step_s, delay_s / window.step_s)
    left, whole = left_by_own(curves, g, window)
    least = torch.minimum(left, match.left.amin(1)) / whole.clamp(min=1e-12)
    return -0.5 * dictionary.count * least.clamp(min=1e-9).log()
