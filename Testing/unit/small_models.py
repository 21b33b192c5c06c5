"""A tiny network in a model folder, and a family for it, for tests of all that surrounds models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from SyntheticPerfusionLib.methods.model_folder import ModelFolder, write_model_folder
from SyntheticPerfusionLib.methods.network_method import NetworkMethod
from torch import nn


class MeanMethod(NetworkMethod):
    """The mean signal of each voxel through one linear layer; TTP in name only."""

    def _build(self) -> nn.Module:
        return nn.Linear(1, self.architecture["outputs"])

    def estimate(self, series, mask, aif=None, device="cpu", progress=None, cancelled=None):
        mean = torch.from_numpy(series.signal.mean(axis=0, dtype=np.float64).astype(np.float32))
        values = self.network(device)(mean[..., None])[..., 0].numpy()
        return self.maps({"TTP": values}, series, mask)


def small_card(**changes: Any) -> dict[str, Any]:
    """A card that is as the schema says, with some of its keys changed."""
    return {
        "name": "mean-of-voxel",
        "version": "1.0",
        "title": "Mean of the voxel",
        "description": "A test. It is valid for nothing.",
        "family": "hess",
        "quantities": ["TTP"],
        "architecture": {"outputs": 1},
        "preprocessing": {},
        "needs": {"aif": False, "echo_time": False, "minimum_frames": 5},
        "valid_range": {"repetition_time_s": [1.0, 2.0]},
        "training": {
            "data": "none",
            "patients": 0,
            "configuration": {},
            "epochs": 0,
            "seed": 1,
            "software": {"torch": torch.__version__},
            "started_from": None,
        },
        "metrics": {"command": "none", "error [s]": 1.5},
        "limitations": ["It measures nothing."],
        "licence": "Apache-2.0",
        "paper": "none",
        **changes,
    }


def small_weights(scale: float = 2.0) -> dict[str, torch.Tensor]:
    """Weights of `MeanMethod`."""
    return {"weight": torch.tensor([[scale]]), "bias": torch.tensor([0.1])}


def small_model(
    place: Path, name: str = "mean-of-voxel", changes: Mapping[str, Any] | None = None
) -> ModelFolder:
    """A model called `name` as a folder of that name in `place`."""
    card = small_card(**{"name": name, **(changes or {})})
    return write_model_folder(place / name, card, small_weights())
