"""What a model of the collateral family is made of and how a series becomes its input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..series.phases import PHASES
from .plain_settings import check_choice, plain_settings, read_settings
from .time_points import TimePoints

QUANTITIES = tuple(f"Collateral_{phase}" for phase in PHASES)
SOURCES = ("signal", "relative", "tracer")
MASKS = ("given", "paper")


@dataclass(frozen=True)
class CollateralArchitecture:
    """Layers of the network (Le 2021, section 2.4; * where it is silent and this is chosen).

    points          time points, the channels of a volume (predecessor: 60).
    first           kernels of the first convolution.
    blocks          layers of the four densely connected blocks.
    growth          maps that each of those layers adds*; `bottleneck` between its convolutions*.
    transitions     maps after the transition behind each block. The paper's sentence can be read as
                    those of the blocks before a transition that halves them, too, which is
                    [16, 32, 64, 128] here.
    decoder         maps of the four deconvolutions and residual layers*.
    group_channels  channels that are normalised together*.
    ordinal         the second head (3D-MDRNN); without it 3D-DRNN.
    classes         K, the intervals of the ordinal head.
    """

    points: int = 60
    first: int = 8
    blocks: tuple[int, int, int, int] = (6, 12, 24, 48)
    growth: int = 4
    bottleneck: int = 16
    transitions: tuple[int, int, int, int] = (32, 64, 128, 256)
    decoder: tuple[int, int, int, int] = (128, 64, 32, 16)
    group_channels: int = 4
    ordinal: bool = True
    classes: int = 5

    def __post_init__(self) -> None:
        for name in ("points", "classes"):
            if getattr(self, name) < 2:
                raise InputError(f"architecture.{name} is {getattr(self, name)}; give 2 or more.")
        if self.group_channels < 1 or min(self.blocks) < 1:
            raise InputError(
                f"architecture.group_channels is {self.group_channels} and architecture.blocks "
                f"{list(self.blocks)}; give 1 or more."
            )
        widths = (self.first, self.growth, self.bottleneck, *self.transitions, *self.decoder)
        # Residual layers are half as wide inside.
        halves = (after // 2 for after in self.decoder if after >= 2 * self.group_channels)
        for width in (*widths, *halves):
            if width < 1 or width % self.group_channels:
                raise InputError(
                    f"A layer of the architecture has {width} maps, which are not multiples of "
                    f"architecture.group_channels ({self.group_channels}), as normalising wants."
                )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CollateralArchitecture:
        """The architecture of plain values; InputError names what is wrong."""
        return read_settings(cls, content, "architecture")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)


@dataclass(frozen=True)
class CollateralPreprocessing:
    """How a series becomes a volume of time points (Le 2021, section 2.2).

    source     "signal", the paper's: the raw signal, the least and the largest inside the brain
               being 0 and 1; "relative": each voxel over its own baseline, then the same;
               "tracer": -ln of that, over the brain's level, which is all of dR2* that can be
               known without an echo time.
    mask       "given": that of the method or of the patient; "paper": sum, threshold, closing,
               erosion, dilation, which the least and the largest are then of.
    time       of time_points.MODES; `step_s` and `before_s` as there (predecessor: its own
               frames, all of one protocol).
    """

    source: str = "tracer"
    mask: str = "given"
    time: str = "bolus"
    step_s: float = 1.5
    before_s: float = 15.0

    def __post_init__(self) -> None:
        check_choice("preprocessing.source", self.source, SOURCES)
        check_choice("preprocessing.mask", self.mask, MASKS)
        self.time_points(2)

    def time_points(self, points: int) -> TimePoints:
        """Where so many points lie in time."""
        return TimePoints(points, self.step_s, self.before_s, self.time)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CollateralPreprocessing:
        """The preprocessing of plain values; InputError names what is wrong.

        What a card adds for its targets (`highest`) is none of it.
        """
        own = {key: value for key, value in content.items() if key != "highest"}
        return read_settings(cls, own, "preprocessing")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)
