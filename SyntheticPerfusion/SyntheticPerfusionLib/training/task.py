"""What a family of networks brings to training; everything else is the same for all of them.

A batch follows from the configuration, the epoch and the step alone. That is what lets a run that
was killed go on at any step to the same numbers, and several processes share one global batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from .configuration import TrainingConfig

if TYPE_CHECKING:
    from .patients import TrainingPatient

_LAST_OF_COSINE = 0.01

Example = TypeVar("Example")


class Task(ABC):
    """One network, its batches, its loss and its card.

    network          exactly what goes into weights.safetensors. Set in __init__; torch is seeded
                     with config.seed before, so plain initialisation is reproducible.
    steps_per_epoch  whole number, 1 or more. Set in __init__.
    companion        what learns beside the network and is not shipped, as the discriminator of a
                     generator; None for most. Set in __init__; it is in the optimiser and in the
                     checkpoints, so that a run goes on with it.
    optional_layers  switches of the architecture, and the layer of the network that each adds: a
                     model without that layer may be the start of a training with it.

    `batch` is called from a thread of its own while the network learns: it reads what __init__ made
    and changes nothing. Tensors of a batch are moved to the device by the caller; constants that
    `loss` needs belong into buffers of the network or are made on the batch's device.
    """

    network: nn.Module
    steps_per_epoch: int
    companion: nn.Module | None = None
    optional_layers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        """Keep both; raise InputError where the family's settings or the patients are no use."""
        self.config = config
        self.patients = patients

    @classmethod
    def targets(cls, config: TrainingConfig) -> tuple[str, ...]:
        """Names of the maps that every patient must have.

        Asked before any patient is drawn or read: a family raises InputError here for settings that
        are no use whoever the patients are.
        """
        return ()

    @classmethod
    def needs_echo_time(cls, config: TrainingConfig) -> bool:
        """Whether every series must have an echo time; without one there is no arterial curve."""
        return True

    def check_ranks(self, ranks: int) -> None:
        """Raise InputError where so many processes cannot share a batch equally.

        Asked before the first step; a family may want more of its batches.
        """
        size = self.config.optimisation.batch_size
        if size % ranks:
            raise InputError(
                f"A batch of {size} cannot be shared by {ranks} processes; choose a multiple of "
                "them as optimisation.batch_size."
            )

    @abstractmethod
    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """This rank's share of the global batch of a step, on the CPU.

        epoch, step  counted from 0; step below steps_per_epoch.
        Pure in its arguments and config.seed. All shares together are the global batch of
        config.optimisation.batch_size, whatever `ranks` is; they are equally large, since the
        gradients of the ranks are averaged.
        """

    @abstractmethod
    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Scalar loss, mean over the share; the network is in training mode."""

    @abstractmethod
    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """The same ones each time, over validation patients; empty: the last epoch is the best.

        Read one after the other, so a sequence that makes them on access saves memory.
        """

    @abstractmethod
    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """(sum, count) of each figure over a validation batch, numbers or scalar tensors.

        The network is in evaluation mode, without gradients. The first name selects the best
        model: lower is better.
        """

    @abstractmethod
    def card(self) -> dict[str, Any]:
        """All of model.json that the family knows.

        title, description, quantities, architecture, preprocessing, needs, valid_range,
        limitations, paper; "data" (text for the training block) where it says more than the
        configuration. The run adds the rest.
        """

    def learning_rate(self, step: int, validated: Sequence[float] = ()) -> float:
        """Learning rate of a step counted over all epochs; by default the configuration's.

        validated  the first validation figure of every epoch before, which "plateau" looks at.
        """
        chosen = self.config.optimisation
        last = max(1, chosen.epochs * self.steps_per_epoch - 1)
        factor = min(1.0, (step + 1) / (chosen.warmup_steps + 1))
        if chosen.schedule == "halving":
            factor *= 0.5 ** (step // (self.steps_per_epoch * chosen.halve_every))
        elif chosen.schedule == "cosine":
            swing = (1 + math.cos(math.pi * min(1.0, step / last))) / 2
            factor *= _LAST_OF_COSINE + (1 - _LAST_OF_COSINE) * swing
        elif chosen.schedule == "plateau":
            factor *= 0.5 ** plateaus(validated, chosen.patience)
        return chosen.learning_rate * factor

    def optimiser(self) -> torch.optim.Optimizer:
        """The optimiser of the network; by default the configuration's.

        A group of its parameters learns at its `share_of_rate` of the step's learning rate.
        """
        chosen = self.config.optimisation
        kind = torch.optim.AdamW if chosen.optimiser == "adamw" else torch.optim.Adam
        groups: list[dict[str, Any]] = [
            {"params": list(self.network.parameters()), "share_of_rate": 1.0}
        ]
        if self.companion:
            groups.append(
                {
                    "params": list(self.companion.parameters()),
                    "share_of_rate": chosen.companion_rate,
                }
            )
        return kind(
            groups,
            lr=chosen.learning_rate,
            betas=chosen.betas,
            weight_decay=chosen.weight_decay,
        )


def plateaus(validated: Sequence[float], patience: int) -> int:
    """How often `patience` epochs went by without a new lowest figure, each counted anew."""
    best, waited, count = math.inf, 0, 0
    for figure in validated:
        if figure < best:
            best, waited = figure, 0
            continue
        waited += 1
        if waited == patience:
            count, waited = count + 1, 0
    return count


def evenly_spread(examples: Sequence[Example], count: int) -> list[Example]:
    """So many of the examples, evenly from first to last; all where there are no more."""
    if count >= len(examples):
        return list(examples)
    return [examples[n] for n in np.linspace(0, len(examples) - 1, count).round().astype(int)]
