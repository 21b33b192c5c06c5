"""The encoder of phae-delay: from the likelihood over transit times and delays to their estimate.

Ours; Fayolle et al. 2025 name Tmax as their future work. Their encoder must learn from pairs of
curves what a decoder already knows; this one reads how well each pair of a grid explains the curve
(transit_match), starts from the mean of that likelihood, and learns what to add to it, so that
estimates are neither drawn towards the middle of what was trained on nor thrown about by noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import nn
from torch.nn.functional import silu

from ...errors import InputError
from ..neighbour_match import Neighbourhood
from ..residue_spectra import spectrum
from ..transit_match import MEANS, WARM_DELAY, WARM_TRANSIT, TransitGrid

_DELAY_STEP_S = 3.0


@dataclass(frozen=True)
class PhaeDelayArchitecture:
    """What a card or a configuration may say of the network.

    grid               transit times and delays laid against each curve.
    width, blocks      of the residual layers.
    transit_limits_s, delay_limits_s   beyond which no estimate goes.
    families           residue functions of which one is chosen for each brain.
    neighbourhood      what voxels tell each other where noise is high.
    """

    grid: TransitGrid = field(default_factory=TransitGrid)
    width: int = 384
    blocks: int = 2
    transit_limits_s: tuple[float, float] = (2.0, 40.0)
    delay_limits_s: tuple[float, float] = (-5.0, 17.0)
    families: tuple[str, ...] = (
        "exponential",
        "lorentzian",
        "gamma-2",
        "gamma-4",
        "gamma-8",
        "gamma-16",
        "linear",
        "box",
    )
    neighbourhood: Neighbourhood = field(default_factory=Neighbourhood)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> PhaeDelayArchitecture:
        """Of plain values; InputError says which key is wrong."""
        try:
            content = _frozen(cls, given)
            for name, kind in (("grid", TransitGrid), ("neighbourhood", Neighbourhood)):
                if name in content:
                    content[name] = kind(**_frozen(kind, content[name]))
            chosen = cls(**content)
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"architecture holds a value of the wrong kind ({error}).") from error
        if chosen.width < 1 or chosen.blocks < 0 or chosen.grid.size < 1 or not chosen.families:
            raise InputError(
                "architecture asks for a network of nothing; give a width of 1 or more, a grid of "
                "1 or more transits and delays, and a residue family."
            )
        for family in chosen.families:
            spectrum(family, torch.zeros(1))
        return chosen

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return {name: _plain(value) for name, value in asdict(self).items()}


class PhaeDelayNetwork(nn.Module):
    """Transit time and delay of V voxels from the features of their match."""

    def __init__(self, architecture: PhaeDelayArchitecture) -> None:
        super().__init__()
        width = architecture.width
        self._grid = architecture.grid.size
        self._log_transit_limits = tuple(math.log(s) for s in architecture.transit_limits_s)
        self._delay_limits = architecture.delay_limits_s
        self.read = nn.Linear(self._grid + MEANS, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(architecture.blocks))
        self.tell = nn.Linear(width, 2)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """MTT and delay (V,) in seconds, of features (V, A + MEANS)."""
        hidden = self.read(features)
        for block in self.blocks:
            hidden = block(hidden)
        more = self.tell(silu(hidden)).float()
        log_transit = features[:, self._grid + WARM_TRANSIT].float() + more[:, 0]
        delay = features[:, self._grid + WARM_DELAY].float() + _DELAY_STEP_S * more[:, 1]
        return (
            torch.exp(log_transit.clamp(*self._log_transit_limits)),
            delay.clamp(*self._delay_limits),
        )


class _Block(nn.Module):
    """x + W2 silu(W1 silu(x)), at first the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + self.second(silu(self.first(silu(values))))


def _frozen(kind: type, given: Mapping[str, Any]) -> dict[str, Any]:
    known = [item.name for item in fields(kind)]
    if unknown := sorted(set(given) - set(known)):
        raise InputError(
            f"architecture has the key {unknown[0]}, which this family does not know; it takes "
            f"{', '.join(known)}."
        )
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value
