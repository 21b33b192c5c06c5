"""What a generator of the pix2pix family is made of and how its input is prepared, by its card.

The defaults are those of a new configuration; a trained model carries its own in `architecture` and
`preprocessing` of model.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .plain_settings import check_choice, plain_settings, read_settings
from .time_points import MODES, TimePoints

if TYPE_CHECKING:
    from torch import Tensor

GENERATORS = ("pix2pix", "temp-pix2pix")
SOURCES = ("relative", "signal")


@dataclass(frozen=True)
class Pix2PixArchitecture:
    """Layers of the networks (Kossen 2022, section 2.3; widths are not in the paper).

    generator                "pix2pix": time points are channels; "temp-pix2pix": six convolutions
                             over time stand before the U-Net.
    points                   time points of the source (paper: 80).
    matrix                   rows and columns of a slice (paper: 128).
    width, multipliers       channels of the six layers of the U-Net: width times each multiplier.
    temporal_width, temporal_multipliers  the same of the six temporal convolutions.
    discriminator_width      channels of the discriminator's first layer; it is not shipped.
    """

    generator: str = "temp-pix2pix"
    points: int = 80
    matrix: int = 128
    width: int = 24
    multipliers: tuple[int, int, int, int, int, int] = (1, 2, 4, 4, 4, 4)
    temporal_width: int = 8
    temporal_multipliers: tuple[int, int, int, int, int, int] = (1, 2, 4, 8, 8, 8)
    discriminator_width: int = 32

    def __post_init__(self) -> None:
        check_choice("architecture.generator", self.generator, GENERATORS)
        least = 1 << len(self.multipliers)
        if self.matrix < least or self.matrix % least:
            raise InputError(
                f"architecture.matrix is {self.matrix}; the layers of the U-Net halve it "
                f"{len(self.multipliers)} times, so give a multiple of {least}."
            )
        halvings = len(self.temporal_multipliers)
        if self.is_temporal and self.points >> halvings != 1:
            raise InputError(
                f"architecture.points is {self.points}; {halvings} convolutions with a stride of 2 "
                f"leave one point of {1 << halvings} to {(2 << halvings) - 1}."
            )
        numbers = (self.points, *self.widths, *self.temporal_widths, self.discriminator_width)
        if min(numbers) < 1:
            raise InputError("Widths, multipliers and points of the architecture are 1 or more.")

    @property
    def is_temporal(self) -> bool:
        """Whether the order of the time points means something to the network."""
        return self.generator == "temp-pix2pix"

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the layers of the U-Net, from the top."""
        return tuple(self.width * times for times in self.multipliers)

    @property
    def temporal_widths(self) -> tuple[int, ...]:
        """Channels of the temporal convolutions."""
        return tuple(self.temporal_width * times for times in self.temporal_multipliers)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Pix2PixArchitecture:
        """The architecture of plain values; InputError names what is wrong."""
        return read_settings(cls, content, "architecture")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)


@dataclass(frozen=True)
class Pix2PixPreprocessing:
    """How a series becomes the source of a network.

    time              of time_points.MODES: "bolus", points at fixed times around the bolus (ours);
                      "series", the whole series stretched to the points (the paper's).
    step_s, before_s  see TimePoints.
    source            "relative": the signal of each voxel over its own baseline, which leaves no
                      anatomy to learn from (ours); "signal": over the baseline of the brain (the
                      paper's, whose source is the signal as it is).
    source_range      lowest and highest value, which become -1 and 1; values beyond are clipped.
                      Two zeros: to be read off the training patients.
    frame_order_seed  of one permutation of the points, the same for all series: takes their order
                      from the network. -1: none.
    """

    time: str = "bolus"
    step_s: float = 1.25
    before_s: float = 15.0
    source: str = "relative"
    source_range: tuple[float, float] = (0.0, 0.0)
    frame_order_seed: int = -1

    def __post_init__(self) -> None:
        check_choice("preprocessing.time", self.time, MODES)
        check_choice("preprocessing.source", self.source, SOURCES)
        low, high = self.source_range
        if low > high or (low == high and low != 0):
            raise InputError(
                f"preprocessing.source_range is {list(self.source_range)}; give a lower and a "
                "higher value, or leave it out to have it read off the training patients."
            )
        if self.frame_order_seed < -1:
            raise InputError("preprocessing.frame_order_seed is a seed of 0 or more, or -1.")

    @property
    def ranged(self) -> bool:
        """Whether `source_range` is known."""
        return self.source_range[1] > self.source_range[0]

    @property
    def still(self) -> float:
        """The source, before it is scaled, of a voxel that shows nothing."""
        return 1.0 if self.source == "relative" else 0.0

    def time_points(self, points: int) -> TimePoints:
        """Where the points of the source lie in time."""
        return TimePoints(points, self.step_s, self.before_s, self.time)

    def order(self, points: int) -> np.ndarray:
        """(points,) int: which point stands in each place of the source."""
        if self.frame_order_seed < 0:
            return np.arange(points)
        return np.random.default_rng(self.frame_order_seed).permutation(points)

    def scaled(self, source: np.ndarray) -> np.ndarray:
        """The source within [-1, 1]."""
        low, high = (np.float32(end) for end in self.source_range)
        return np.clip((source - low) * (2 / (high - low)) - 1, -1, 1)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Pix2PixPreprocessing:
        """The preprocessing of plain values; InputError names what is wrong.

        What a card adds for its target (`target`) is none of it.
        """
        own = {key: value for key, value in content.items() if key != "target"}
        return read_settings(cls, own, "preprocessing")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)


@dataclass(frozen=True)
class TargetRange:
    """How a map becomes what the network learns: `low` is -1 and `high` 1, values beyond clipped.

    quantity  name of the map.
    """

    quantity: str
    low: float = 0.0
    high: float = 1.0

    @property
    def clocked(self) -> bool:
        """Whether values are times since the first acquired frame.

        The network then tells them from the first of its time points.
        """
        return self.quantity in ("TTP", "BAT")

    def scaled(self, values: Tensor) -> Tensor:
        """Within [-1, 1], of values in the unit of the map."""
        return (2 * (values - self.low) / (self.high - self.low) - 1).clamp(-1, 1)

    def in_unit(self, scaled: Tensor) -> Tensor:
        """Values in the unit of the map, of what a network says."""
        return self.low + (scaled + 1) * ((self.high - self.low) / 2)

    @classmethod
    def from_json(cls, content: Any) -> TargetRange:
        """The range of `as_json`; InputError where it is none."""
        try:
            low, high = float(content["low"]), float(content["high"])
            quantity = str(content["quantity"])
        except (KeyError, TypeError, ValueError):
            low = high = 0.0
            quantity = ""
        if not low < high:
            raise InputError(
                f"preprocessing.target is {content!r}; it must say the quantity, and the low and "
                "high value of its map that are -1 and 1 to the network."
            )
        return cls(quantity, low, high)

    def as_json(self) -> dict[str, Any]:
        """Plain values for `preprocessing.target` of a card."""
        return plain_settings(self)
