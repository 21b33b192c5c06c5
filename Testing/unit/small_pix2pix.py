"""Small models and trainings of the pix2pix family, on the made-up heads of small_hess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from SyntheticPerfusionLib.methods.model_folder import ModelFolder, write_model_folder
from SyntheticPerfusionLib.methods.networks.pix2pix import Pix2PixGenerator
from SyntheticPerfusionLib.methods.pix2pix_settings import (
    Pix2PixArchitecture,
    Pix2PixPreprocessing,
    TargetRange,
)
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.patients import TrainingPatient

from unit.small_hess import hess_patient, hess_series
from unit.small_models import small_card

TINY = {
    "matrix": 64,
    "width": 4,
    "multipliers": [1, 2, 2, 2, 2, 2],
    "temporal_width": 2,
    "temporal_multipliers": [1, 2, 2, 2, 2, 2],
    "discriminator_width": 4,
}
GRID = (3, 32, 32)
"""Of heads with 600 voxels of brain in a slice, as wide as high in mm."""


def pix2pix_patient(seed: int, split: str = "train", **kind: Any) -> TrainingPatient:
    """A made-up head with slices that are large enough to be learned from."""
    return hess_patient(seed, split, **{"grid": GRID, **kind})


def pix2pix_series(seed: int = 0, **kind: Any) -> tuple[DscSeries, Any]:
    """The same head as a series, and its mask."""
    return hess_series(seed, **{"grid": GRID, **kind})


def pix2pix_configuration(**changes: Any) -> TrainingConfig:
    """A training of the tiny networks, with sections given as dictionaries."""
    content: dict[str, Any] = {
        "name": "pix2pix-small",
        "family": "pix2pix",
        "seed": 1,
        "architecture": TINY,
        "optimisation": {
            "epochs": 2,
            "batch_size": 4,
            "learning_rate": 5e-3,
            "betas": [0.5, 0.999],
        },
        "task": {"slices_per_epoch": 8, "validation_slices": 3},
    }
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainingConfig.from_json(content)


def pix2pix_network(seed: int = 0, **changes: Any) -> Pix2PixGenerator:
    """The tiny generator with random weights of a size that tells voxels apart, for evaluation."""
    torch.manual_seed(seed)
    network = Pix2PixGenerator(Pix2PixArchitecture.from_json({**TINY, **changes})).eval()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
            elif name.endswith(("running_mean", "bias")):
                value.uniform_(-0.2, 0.2)
            elif value.ndim > 1:
                value.normal_(0.0, 0.2)
    return network.requires_grad_(False)


def pix2pix_model(
    place: Path,
    quantity: str = "Tmax",
    name: str = "pix2pix-small",
    seed: int = 0,
    preprocessing: dict[str, Any] | None = None,
    card: dict[str, Any] | None = None,
    **architecture: Any,
) -> ModelFolder:
    """A model folder of this family whose weights are random."""
    network = pix2pix_network(seed, **architecture)
    settings = Pix2PixPreprocessing.from_json({"source_range": [0, 1.2], **(preprocessing or {})})
    content = small_card(
        name=name,
        family="pix2pix",
        quantities=[quantity],
        architecture=network.architecture.as_json(),
        preprocessing={
            **settings.as_json(),
            "target": TargetRange(quantity, 0.0, 12.0).as_json(),
        },
        **(card or {}),
    )
    return write_model_folder(place / name, content, network.state_dict())
