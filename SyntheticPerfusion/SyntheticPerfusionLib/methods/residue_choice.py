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
from .transit_match import TransitDictionary, TransitGrid

_CLEAR = 3.0
"""Mean log-likelihood of a voxel, over all of them, times their number's root: below this many
standard errors a difference is none, and the earlier family in the list is taken."""


@dataclass(frozen=True, eq=False)
class ResidueChoice:
    """The family taken, its dictionary, and the mean evidence of a voxel for each family."""

    family: str
    dictionary: TransitDictionary
    evidence: dict[str, float]


def choose_residue(
    curves: torch.Tensor,
    window: BolusWindow,
    families: Sequence[str],
    grid: TransitGrid,
    asked: Callable[[], None] = lambda: None,
) -> ResidueChoice:
    """The family of curves (V, W) in a window, V some thousand voxels of good quality.

    With no curve, or one family, it is the first. `asked` is called between families and may raise.
    """
    best, found = 0, []
    dictionaries = []
    for family in families:
        asked()
        dictionaries.append(TransitDictionary(window, family, grid))
        found.append(dictionaries[-1].match(curves).evidence())
    for n in range(1, len(families)):
        if len(curves) > 1:
            gain = found[n] - found[best]
            error = float(gain.std()) / len(curves) ** 0.5
            if float(gain.mean()) > _CLEAR * error:
                best = n
    return ResidueChoice(
        families[best],
        dictionaries[best],
        {
            family: round(float(one.mean()), 4) if len(curves) else 0.0
            for family, one in zip(families, found, strict=True)
        },
    )
