"""What a model of the Hess family is made of and how its input is prepared, as its card says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import InputError
from .plain_settings import check_choice, plain_settings, read_settings

CODES = ("patch", "attention", "none")
STANDARDISATIONS = ("baseline", "series", "voxel")


@dataclass(frozen=True)
class HessArchitecture:
    """Layers of the network (Hess 2018, section 2.2; what the paper does not give is chosen here).

    frames          length of a sequence (paper: 80).
    code            the bolus characterisation: "patch", the paper's, at a place that is the same
                    for everybody; "attention", over early, strong voxels of the brain; "none"
                    (ablation D, and appendix B).
    code_channels   values that characterise the bolus in each frame (paper: 16).
    patch           slices, rows and columns of the patch; patch_channels of its first layer.
    heads           curves that attention draws from the brain.
    channels        of the first two 1D convolutions; `kernels` their lengths, `pools` the
                    max-pooling after each. The third spans what is left of the sequence.
    encoding        values that encode a voxel's sequence (paper: 256).
    spatial         channels of the 2D convolution; `spatial_kernel` its width: 1 leaves the
                    neighbours out (ablation C).
    dense           neurons of the dense layer before the regression.
    uncertainty     two outputs, the value and log b of its Laplace distribution; else the value.
    dropout_convolutional, dropout_dense   rates after convolutions and after the dense layer.
    """

    frames: int = 80
    code: str = "patch"
    code_channels: int = 16
    patch: tuple[int, int, int] = (3, 12, 12)
    patch_channels: int = 16
    heads: int = 4
    channels: tuple[int, int] = (32, 64)
    kernels: tuple[int, int] = (9, 5)
    pools: tuple[int, int] = (4, 4)
    encoding: int = 256
    spatial: int = 64
    spatial_kernel: int = 3
    dense: int = 64
    uncertainty: bool = True
    dropout_convolutional: float = 0.0
    dropout_dense: float = 0.0

    def __post_init__(self) -> None:
        check_choice("architecture.code", self.code, CODES)
        if self.frames % (self.pools[0] * self.pools[1]):
            raise InputError(
                f"architecture.pools are {list(self.pools)}, which do not divide "
                f"{self.frames} frames; choose pools that do."
            )
        for length in (*self.kernels, self.spatial_kernel):
            if length < 1 or length % 2 == 0:
                raise InputError(
                    f"A kernel of the architecture is {length} long; give an odd length."
                )
        for name in ("dropout_convolutional", "dropout_dense"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(
                    f"architecture.{name} is {getattr(self, name):g}; give 0 to below 1."
                )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> HessArchitecture:
        """The architecture of plain values; InputError names what is wrong."""
        return read_settings(cls, content, "architecture")

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)

    @property
    def pooled(self) -> int:
        """Positions in time that are left after both poolings."""
        return self.frames // (self.pools[0] * self.pools[1])


@dataclass(frozen=True)
class HessPreprocessing:
    """How a series becomes sequences (Hess 2018, section 2.1).

    standardisation    over which set a sequence gets mean 0 and variance 1, which the paper leaves
                       open: "series", all voxels of the brain and frames; "voxel", each by itself;
                       "baseline", as "series", of the signal over the voxel's baseline.
    smoothing_frames   sigma of the temporal Gaussian in frames (paper: 1.0).
    frame_time_unit_s  frame times are given to the network in this unit, counted from the middle
                       of the sequence.
    patch_centre_mm    (x, y, z) of the patch in mm LPS from the centre of the volume: where the
                       basilar artery divides into the posterior cerebral arteries. Arteries fill a
                       tenth of the patch there or more in 48 of 52 digital heads.
    patch_step_mm      distance of its samples in mm between slices, rows and columns.
    candidates         early, strong voxels among which attention chooses.
    """

    standardisation: str = "voxel"
    smoothing_frames: float = 1.0
    frame_time_unit_s: float = 40.0
    patch_centre_mm: tuple[float, float, float] = (0.0, -5.0, -26.0)
    patch_step_mm: tuple[float, float, float] = (5.0, 2.0, 2.0)
    candidates: int = 256

    def __post_init__(self) -> None:
        check_choice("preprocessing.standardisation", self.standardisation, STANDARDISATIONS)
        if self.smoothing_frames < 0 or self.frame_time_unit_s <= 0 or self.candidates < 1:
            raise InputError(
                "preprocessing wants smoothing_frames of 0 or more, frame_time_unit_s above 0 and "
                "candidates of 1 or more."
            )

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> HessPreprocessing:
        """The preprocessing of plain values; InputError names what is wrong.

        What a card adds for its target (`target`) is none of it.
        """
        return read_settings(
            cls, {key: value for key, value in content.items() if key != "target"}, "preprocessing"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes it again."""
        return plain_settings(self)


@dataclass(frozen=True)
class TargetScale:
    """How a map becomes what the network learns: (value - mean) / sd.

    quantity   name of the map.
    clocked    whether its values are times since the first acquired frame; the network then tells
               them by the clock of its sequence (Window.middle_s).
    """

    quantity: str
    mean: float = field(default=0.0)
    sd: float = field(default=1.0)

    @property
    def clocked(self) -> bool:
        """See above."""
        return self.quantity in ("TTP", "BAT")

    @classmethod
    def from_json(cls, content: Any) -> TargetScale:
        """The scale of `as_json`; InputError where it is none."""
        try:
            return cls(str(content["quantity"]), float(content["mean"]), float(content["sd"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"preprocessing.target is {content!r}; it must say the quantity, mean and sd by "
                "which the target was standardised."
            ) from error

    def as_json(self) -> dict[str, Any]:
        """Plain values for `preprocessing.target` of a card."""
        return asdict(self)
