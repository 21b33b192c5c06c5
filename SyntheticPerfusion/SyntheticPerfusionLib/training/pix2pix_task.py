"""Training of Kossen 2022: pix2pix and temp-pix2pix, one generator for each quantity.

Generator and discriminator take their steps at the same time, by one loss: that of the generator,
in whose graph the discriminator is held fixed, and that of the discriminator over maps that are cut
off from the generator. Everything that tells the two generators apart, the paper's size from one
for a CPU, and its source from ours is a value of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..methods.networks.pix2pix import Pix2PixGenerator
from ..methods.networks.pix2pix_discriminator import PatchDiscriminator
from ..methods.pix2pix_settings import Pix2PixArchitecture, Pix2PixPreprocessing, TargetRange
from .configuration import TrainingConfig
from .patients import TrainingPatient
from .pix2pix_card import card_texts, valid_range
from .pix2pix_loss import absolute_error, discriminator_loss, generator_loss
from .pix2pix_slices import (
    LEAST_VOXELS,
    Drawn,
    SliceContent,
    SlicePatient,
    source_range,
    target_range,
)
from .task import Task, evenly_spread
from .typed_values import read_section

_PAPER = (
    "Kossen T, Madai VI, Mutke MA, et al. Image-to-image generative adversarial networks for "
    "synthesizing perfusion parameter maps from DSC-MR images in cerebrovascular disease. "
    "Frontiers in Neurology 2023, 13:1051397, doi:10.3389/fneur.2022.1051397"
)


@dataclass(frozen=True)
class Pix2PixTaskSettings:
    """The `task` section of a configuration.

    quantity           the map to learn: "CBF", "CBV", "MTT", "Tmax", "TTP" or another target.
    l1_weight          lambda of the absolute error beside the adversarial loss (paper: 1).
    moved_s            seconds by which the time points are moved at random, earliest and latest;
                       not where they span the whole series (`preprocessing.time: series`).
    vessels            whether the large vessels of digital patients are learned with the tissue;
                       what of theirs lies beyond the range of tissue is learned as its end.
    flips              left and right are exchanged in every second slice.
    slices_per_epoch   of each epoch, drawn anew; 0: all there are (the paper's epoch).
    validation_slices  fixed ones, spread over the validation patients.
    """

    quantity: str = "Tmax"
    l1_weight: float = 1.0
    moved_s: tuple[float, float] = (-3.0, 3.0)
    vessels: bool = False
    flips: bool = True
    slices_per_epoch: int = 0
    validation_slices: int = 96

    def __post_init__(self) -> None:
        if self.moved_s[0] > self.moved_s[1]:
            raise InputError(
                f"task.moved_s is {list(self.moved_s)}; give the earliest and the latest move."
            )
        if self.validation_slices < 1 or self.slices_per_epoch < 0 or self.l1_weight < 0:
            raise InputError(
                "task wants validation_slices of 1 or more, slices_per_epoch and l1_weight of 0 or "
                "more."
            )


class Pix2PixTask(Task):
    """See Task."""

    network: Pix2PixGenerator
    companion: PatchDiscriminator

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        super().__init__(config, patients)
        self.settings = _settings(config)
        self.architecture = Pix2PixArchitecture.from_json(config.architecture)
        self.preprocessing = Pix2PixPreprocessing.from_json(config.preprocessing)
        self.range = TargetRange(self.settings.quantity)
        self._all = {
            part: [self._opened(one) for one in patients if one.split == part]
            for part in ("train", "validation")
        }
        self._slices = {
            part: [Drawn(n, k) for n, one in enumerate(some) for k in one.slices()]
            for part, some in self._all.items()
        }
        if not self._slices["train"]:
            raise InputError(
                f"No slice of the training patients holds {LEAST_VOXELS} voxels of brain that "
                "count; check their masks."
            )
        if not self.preprocessing.ranged:
            found = source_range(self._all["train"])
            self.preprocessing = replace(self.preprocessing, source_range=found)
        given = _given_range(config)
        self.range = given or target_range(self._all["train"], self.settings.quantity)
        self.network = Pix2PixGenerator(self.architecture)
        self.companion = PatchDiscriminator(
            self.architecture.points, self.architecture.discriminator_width
        )
        wanted = self.settings.slices_per_epoch or len(self._slices["train"])
        self.steps_per_epoch = max(1, wanted // config.optimisation.batch_size)

    def _opened(self, patient: TrainingPatient) -> SlicePatient:
        return SlicePatient(
            patient,
            self.range.quantity,
            self.range.clocked,
            self.architecture,
            self.preprocessing,
            self.settings.vessels,
        )

    @classmethod
    def targets(cls, config: TrainingConfig) -> tuple[str, ...]:
        """See Task."""
        _given_range(config)
        points = Pix2PixArchitecture.from_json(config.architecture).points
        Pix2PixPreprocessing.from_json(config.preprocessing).time_points(points).check_bolus()
        return (_settings(config).quantity,)

    @classmethod
    def needs_echo_time(cls, config: TrainingConfig) -> bool:
        """See Task: the networks read the signal as it is."""
        return False

    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """See Task."""
        self.check_ranks(ranks)
        size = self.config.optimisation.batch_size
        own = slice(rank * size // ranks, (rank + 1) * size // ranks)
        return self._joined("train", self._drawn(epoch, step)[own])

    def _drawn(self, epoch: int, step: int) -> list[Drawn]:
        """The slices of a global batch, moved and turned."""
        order = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch)))
        slices = self._slices["train"]
        size = self.config.optimisation.batch_size
        sequence = order.permutation(len(slices))
        rng = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch, 1 + step)))
        return [
            replace(
                slices[sequence[n % len(slices)]],
                moved_s=float(rng.uniform(*self.settings.moved_s)),
                flipped=bool(rng.integers(2)) and self.settings.flips,
            )
            for n in range(step * size, (step + 1) * size)
        ]

    def _joined(self, part: str, slices: Sequence[Drawn]) -> dict[str, Tensor]:
        some = self._all[part]
        contents = [some[one.patient].content(one, self.preprocessing) for one in slices]
        return _stacked(contents)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """See Task: of both networks together, as their steps are taken together."""
        source, brain = batch["source"], batch["brain"]
        true = self._scaled(batch)
        made = self.network(source, brain)
        from_source = self.companion.of_source(source)
        learned = absolute_error(made, true, brain & ~batch["counted"])
        return (
            generator_loss(self.companion, from_source, made)
            + self.settings.l1_weight * learned
            + discriminator_loss(self.companion, from_source, made, true)
        )

    def _scaled(self, batch: dict[str, Tensor]) -> Tensor:
        """(B, 1, M, M) true maps within [-1, 1]; outside the brain as 0 in their unit is."""
        counted = batch["counted"][:, None]
        return self.range.scaled(torch.where(counted, batch["target"], 0.0))

    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """See Task: slices of validation patients, neither moved nor turned."""
        slices = evenly_spread(self._slices["validation"], self.settings.validation_slices)
        return _ValidationBatches(self, slices, self.config.optimisation.batch_size)

    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """See Task: the error in the map's unit in the brain, that of the loss, both judgements.

        The error is to the nearest value that the range holds.
        judged_true and judged_made are the discriminator's mean probabilities of a true map.
        """
        source, counted = batch["source"], batch["counted"]
        true = self._scaled(batch)
        made = self.network(source, batch["brain"])
        error = (self.range.in_unit(made) - self.range.in_unit(true)).abs()[:, 0][counted].sum()
        slices = torch.tensor(len(made))
        learned = absolute_error(made, true, batch["brain"] & ~counted)
        figures = {"MAE": (error, counted.sum()), "L1": (learned * slices, slices)}
        from_source = self.companion.of_source(source)
        for name, map_ in (("judged_true", true), ("judged_made", made)):
            judged = self.companion(from_source, map_).sigmoid().mean()
            figures[name] = (judged * slices, slices)
        return figures

    def card(self) -> dict[str, Any]:
        """See Task."""
        return {
            "quantities": [self.range.quantity],
            "needs": {"aif": False, "echo_time": False, "minimum_frames": 20},
            "architecture": self.architecture.as_json(),
            "preprocessing": {**self.preprocessing.as_json(), "target": self.range.as_json()},
            "valid_range": valid_range([one.patient for one in self._all["train"]]),
            **card_texts(
                self.config,
                self.architecture,
                self.preprocessing,
                self.range,
                self.settings.l1_weight,
                self.settings.vessels,
            ),
            "paper": _PAPER,
        }


class _ValidationBatches(Sequence[dict[str, Tensor]]):
    """Some slices each, made when they are read."""

    def __init__(self, task: Pix2PixTask, slices: Sequence[Drawn], size: int) -> None:
        self._task = task
        self._parts = [slices[start : start + size] for start in range(0, len(slices), size)]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, n: int) -> dict[str, Tensor]:  # type: ignore[override]
        return self._task._joined("validation", self._parts[n])


def _stacked(contents: Sequence[SliceContent]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.stack([getattr(content, name) for content in contents]))
        for name in ("source", "brain", "target", "counted")
    }


def _settings(config: TrainingConfig) -> Pix2PixTaskSettings:
    content: Mapping[str, Any] = config.task
    return read_section(Pix2PixTaskSettings, dict(content), "the configuration", "task")


def _given_range(config: TrainingConfig) -> TargetRange | None:
    """The range of the model that a fine-tuning starts from; None for a new one.

    Raises InputError where that model gives another map.
    """
    given, wanted = config.preprocessing.get("target"), _settings(config).quantity
    if not given:
        return None
    known = TargetRange.from_json(given)
    if known.quantity != wanted:
        raise InputError(
            f"task.quantity is {wanted}, but the model to start from gives {known.quantity}; name "
            "the same map."
        )
    return known
