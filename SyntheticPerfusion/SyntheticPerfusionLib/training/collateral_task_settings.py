"""The `task` section of a configuration of the collateral family."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from ..methods.networks.collateral import CollateralNetwork
from .configuration import TrainingConfig
from .typed_values import read_section


@dataclass(frozen=True)
class CollateralTaskSettings:
    """What is set there.

    crop                 slices, rows and columns that are drawn of a brain; 0: all (paper: all
                         slices, 224 rows and columns in the middle).
    flip                 probability with which left and right are exchanged (paper: 0.5).
    regression_weight    of the squared error beside the ordinal head's cross entropy, which has
                         the rest (paper: 0.75).
    median_width         of a median filter of the targets in the plane, in voxels (predecessor: 3);
                         1: none, as for the noise-free maps of digital patients.
    vessels              whether the large vessels of digital patients count, too: they are what
                         the arterial map shows first.
    lesion_weight        of a voxel of core or penumbra of a digital patient in the loss of the
                         training, its other voxels having 1: where little tracer arrives, or late,
                         is rare.
    validation_patients  how many of them, as whole brains; 0: all.
    """

    crop: tuple[int, int, int] = (0, 0, 0)
    flip: float = 0.5
    regression_weight: float = 0.75
    median_width: int = 1
    vessels: bool = True
    lesion_weight: float = 1.0
    validation_patients: int = 0

    def __post_init__(self) -> None:
        slices, *plane = self.crop
        if slices < 0 or any(side < 0 or side % CollateralNetwork.MULTIPLE for side in plane):
            raise InputError(
                f"task.crop is {list(self.crop)}; give slices, and rows and columns that are "
                f"multiples of {CollateralNetwork.MULTIPLE}, or 0 for all."
            )
        if not 0 <= self.flip <= 1 or not 0 < self.regression_weight <= 1:
            raise InputError(
                f"task.flip is {self.flip:g} and task.regression_weight "
                f"{self.regression_weight:g}; give shares of 0 to 1, the latter above 0."
            )
        if self.validation_patients < 0:
            raise InputError(
                f"task.validation_patients is {self.validation_patients}; give 0 or more."
            )
        if self.lesion_weight <= 0:
            raise InputError(f"task.lesion_weight is {self.lesion_weight:g}; give more than 0.")
        if self.median_width < 1 or self.median_width % 2 == 0:
            raise InputError(f"task.median_width is {self.median_width}; give an odd number.")


def task_settings(config: TrainingConfig) -> CollateralTaskSettings:
    """The section, read; raises InputError where it is no use."""
    return read_section(CollateralTaskSettings, dict(config.task), "the configuration", "task")
