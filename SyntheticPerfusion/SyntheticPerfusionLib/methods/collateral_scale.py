"""How collateral maps become what the network says, from -1 to 1, and come back in their unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .collateral_settings import QUANTITIES


@dataclass(frozen=True)
class PhaseScale:
    """Each phase's map from 0 to a highest value of its own (Le 2021, section 2.3).

    highest  of the five phases, in the maps' unit; what lies above is cut off.
    """

    highest: tuple[float, ...]

    def shares(self, maps: np.ndarray) -> np.ndarray:
        """(V, 5) float32 from 0 to 1 of maps (V, 5)."""
        return np.clip(maps / np.array(self.highest, np.float32), 0, 1).astype(np.float32)

    def maps(self, answers: np.ndarray) -> np.ndarray:
        """(V, 5) float32 maps of a network's answers (V, 5) from -1 to 1."""
        return ((answers + 1) / 2 * np.array(self.highest, np.float32)).astype(np.float32)

    @classmethod
    def from_json(cls, content: Any) -> PhaseScale:
        """The scale of `as_json`; InputError where it is none."""
        try:
            highest = tuple(float(content[name]) for name in QUANTITIES)
        except (KeyError, TypeError, ValueError) as error:
            raise _no_scale(content) from error
        if not all(0 < value < np.inf for value in highest):
            raise _no_scale(content)
        return cls(highest)

    def as_json(self) -> Mapping[str, float]:
        """Plain values for `preprocessing.highest` of a card."""
        return dict(zip(QUANTITIES, self.highest, strict=True))


def _no_scale(content: Any) -> InputError:
    return InputError(
        f"preprocessing.highest is {content!r}; it must give the highest value of "
        f"{', '.join(QUANTITIES)}, each above 0."
    )
