"""From the unit of a map to -1 and 1, as networks and the papers' figures have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..methods.method import Method
from ..methods.pix2pix_settings import TargetRange
from .seen_before import cards_of


@dataclass(frozen=True)
class MapScale:
    """What becomes -1 and 1: `low` and `high`, in the unit of the map. Beyond them it is clipped.

    before_arrival_s  for times since the first acquired frame: both count from so long before the
                      bolus arrives in the brain. None for everything else.
    """

    low: float
    high: float
    before_arrival_s: float | None = None

    def scaled(self, values: np.ndarray, arrival_s: float) -> np.ndarray:
        """Values as float32 from -1 to 1; `arrival_s` of the bolus on their clock."""
        start = 0.0 if self.before_arrival_s is None else arrival_s - self.before_arrival_s
        share = (values.astype(np.float32) - np.float32(self.low + start)) / (self.high - self.low)
        return np.asarray(np.clip(2 * share - 1, -1, 1), np.float32)


def scales_of(methods: Iterable[Method]) -> dict[str, MapScale]:
    """The scale by name of the quantity, of the first model that states one in its card."""
    scales: dict[str, MapScale] = {}
    for method in methods:
        for card in cards_of(method):
            scales = {**scales_of_card(card), **scales}
    return scales


def scales_of_card(card: Mapping[str, Any]) -> dict[str, MapScale]:
    """What a card's `preprocessing` says becomes -1 and 1: `target` of one map, from low to high
    (pix2pix), or `highest` of each, from 0 on (collateral maps). None where it says neither.
    """
    preprocessing = card["preprocessing"]
    scales = {
        name: MapScale(0.0, float(highest))
        for name, highest in preprocessing.get("highest", {}).items()
    }
    target = preprocessing.get("target", {})
    if {"low", "high"} <= set(target):
        # Points that are stretched over the series begin with its first frame instead.
        clocked = TargetRange.from_json(target).clocked
        by_bolus = clocked and preprocessing.get("time", "bolus") == "bolus"
        before_s = float(preprocessing.get("before_s", 0.0)) if by_bolus else None
        scales[target["quantity"]] = MapScale(float(target["low"]), float(target["high"]), before_s)
    return scales
