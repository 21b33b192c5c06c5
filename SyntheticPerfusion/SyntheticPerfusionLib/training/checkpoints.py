"""Checkpoints: written whole or not at all, and read without unpickling anything but tensors.

A run can be killed at any moment. What then counts is the last checkpoint that was renamed into
place; it holds all that the steps after it follow from.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..maps.write import unwritable
from ..series.atomic import replacing
from .training_state import TrainingState

_FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """Everything a run needs to go on.

    state      how far it is.
    network    the network's state dict.
    optimiser  that of the optimiser.
    scaler     that of the gradient scaler of 16-mixed; empty for the other precisions.
    companion  the state dict of what learns beside the network; empty where nothing does.
    """

    state: TrainingState
    network: dict[str, Tensor]
    optimiser: dict[str, Any]
    scaler: dict[str, Any] = field(default_factory=dict)
    companion: dict[str, Tensor] = field(default_factory=dict)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace the checkpoint at `path`; InputError where the disk will not have it."""
    content = {
        "format": _FORMAT,
        "state": checkpoint.state.as_json(),
        "network": checkpoint.network,
        "optimiser": checkpoint.optimiser,
        "scaler": checkpoint.scaler,
        "companion": checkpoint.companion,
    }
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from error


def read_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, on the CPU; None where there is none yet.

    Raises InputError where it cannot be read or is of another version.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise InputError(
                f"{path} was written by another version of this program (format "
                f"{content['format']}, expected {_FORMAT}); start again in another output folder."
            )
        state = TrainingState(**content["state"])
        return Checkpoint(
            state,
            content["network"],
            content["optimiser"],
            content["scaler"],
            content.get("companion", {}),
        )
    except (OSError, RuntimeError, pickle.UnpicklingError, KeyError, TypeError, EOFError) as error:
        raise InputError(
            f"{path} is no checkpoint of a training or is damaged; take it away to start this "
            "training again from its beginning."
        ) from error
