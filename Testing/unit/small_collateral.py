"""Small models and patients of the collateral family for tests: heads whose bolus passes later on
one side, and five maps made of its known delay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from SyntheticPerfusionLib.methods.collateral_scale import PhaseScale
from SyntheticPerfusionLib.methods.collateral_settings import (
    QUANTITIES,
    CollateralArchitecture,
    CollateralPreprocessing,
)
from SyntheticPerfusionLib.methods.model_folder import ModelFolder, write_model_folder
from SyntheticPerfusionLib.methods.networks.collateral import CollateralNetwork
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.patients import TrainingPatient

from unit.small_hess import SPACING, STEP_S, head
from unit.small_models import small_card

TINY = {
    "points": 40,
    "first": 4,
    "blocks": [1, 1, 1, 2],
    "growth": 4,
    "bottleneck": 4,
    "transitions": [8, 8, 8, 8],
    "decoder": [8, 8, 8, 4],
}
GRID = (5, 20, 16)
HIGHEST = (1.0, 2.0, 4.0, 3.0, 1.5)


def collateral_patient(seed: int, split: str = "train", **kind: Any) -> TrainingPatient:
    """The head as a training patient; its maps are 0.1 to 0.9 of HIGHEST, up or down with delay."""
    signal, mask, delay = head(seed, **{"grid": GRID, **kind})
    counted = mask.copy()
    counted[:, : mask.shape[1] // 3] = False
    late = delay / 6.0
    shares = [0.1 + 0.8 * (1 - late), 0.5 + 0.3 * late, late, 0.2 + 0.6 * late, late**2]
    maps = {
        name: np.where(mask, high * share, 0).astype(np.float32)
        for name, high, share in zip(QUANTITIES, HIGHEST, shares, strict=True)
    }
    return TrainingPatient(
        identifier=f"sub-{seed:03d}",
        split=split,
        kind="",
        signal=signal.astype(np.float16),
        mask=mask,
        counted=counted,
        targets=maps,
        frame_times_s=np.arange(len(signal)) * kind.get("step_s", STEP_S),
        echo_time_s=0.03,
        spacing_mm=SPACING,
    )


def collateral_configuration(**changes: Any) -> TrainingConfig:
    """A training of the tiny network, with sections given as dictionaries."""
    content: dict[str, Any] = {
        "name": "collateral-small",
        "family": "collateral",
        "seed": 1,
        "architecture": TINY,
        "optimisation": {"epochs": 2, "batch_size": 2, "learning_rate": 5e-3},
        "task": {"crop": [3, 0, 0]},
    }
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainingConfig.from_json(content)


def collateral_network(seed: int = 0, **changes: Any) -> CollateralNetwork:
    """The tiny network with random weights and offsets, its heads too, in evaluation mode."""
    torch.manual_seed(seed)
    network = CollateralNetwork(CollateralArchitecture.from_json({**TINY, **changes})).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias") or name.startswith(("regression", "ordinal")):
                parameter.uniform_(-0.2, 0.2)
    return network.requires_grad_(False)


def collateral_model(
    place: Path, valid_range: dict[str, Any] | None = None, mask: str = "given", **changes: Any
) -> ModelFolder:
    """A model folder of this family whose weights are random; `changes` of its architecture.

    mask  of CollateralPreprocessing.
    """
    network = collateral_network(**changes)
    card = small_card(
        name="collateral-small",
        family="collateral",
        quantities=list(QUANTITIES),
        architecture=network.architecture.as_json(),
        preprocessing={
            **CollateralPreprocessing(mask=mask).as_json(),
            "highest": PhaseScale(HIGHEST).as_json(),
        },
        **({"valid_range": valid_range} if valid_range else {}),
    )
    return write_model_folder(place / "collateral-small", card, network.state_dict())
