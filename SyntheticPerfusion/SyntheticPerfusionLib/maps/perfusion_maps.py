"""A set of maps on one grid, with what made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ..series.geometry import Geometry
from .quantity import Quantity


@dataclass(frozen=True, eq=False)
class PerfusionMaps:
    """Maps of a method on the grid of the series.

    arrays    quantity -> (K, J, I) float32; 0 outside the mask, NaN never.
    mask      (K, J, I) bool: where the method was asked for values.
    flags     (K, J, I) uint8 of series.concentration.Flag: voxels of the mask whose values are
              missing (then 0) or not to be trusted; None where the method has no such verdict.
    method    name of the method; `settings` what it was run with, in plain JSON values.
    warnings  sentences the person should read.
    definitions  name of a quantity -> what its number means here, where the method gives it another
              sense than the quantity's own definition.
    """

    arrays: Mapping[Quantity, np.ndarray]
    geometry: Geometry
    mask: np.ndarray
    method: str
    flags: np.ndarray | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, array in self.arrays.items():
            if array.shape != self.geometry.shape:
                raise ValueError(f"{name.name}: shape {array.shape} is not {self.geometry.shape}.")
        object.__setattr__(self, "arrays", MappingProxyType(dict(self.arrays)))

    def __getitem__(self, name: str) -> np.ndarray:
        """The array of the quantity called `name`; KeyError where the set has none."""
        for known, array in self.arrays.items():
            if known.name == name:
                return array
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the quantities in this set, in order."""
        return tuple(known.name for known in self.arrays)
