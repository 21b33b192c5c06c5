"""Small models and patients of the Hess family for tests: made-up heads whose bolus comes late by a
known time in each voxel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from SyntheticPerfusionLib.methods.hess_settings import HessArchitecture, HessPreprocessing
from SyntheticPerfusionLib.methods.model_folder import ModelFolder, write_model_folder
from SyntheticPerfusionLib.methods.networks.hess import HessNetwork
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.patients import TrainingPatient

from unit.small_models import small_card

TINY = {
    "code_channels": 3,
    "patch": [2, 4, 5],
    "patch_channels": 2,
    "heads": 2,
    "channels": [4, 5],
    "encoding": 7,
    "spatial": 6,
    "dense": 5,
}
GRID = (3, 20, 16)
SPACING = (2.0, 2.0, 5.0)
STEP_S = 1.5
BOLUS_S = 15.0


def head(
    seed: int = 0, frames: int = 50, grid: tuple[int, int, int] = GRID, step_s: float = STEP_S
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signal (T, K, J, I) float32 around 1, brain (K, J, I) and delay (K, J, I) in s, 0 to 6."""
    rng = np.random.default_rng(seed)
    k, j, i = np.indices(grid, dtype=float)
    from_middle = ((j + 0.5) / grid[1] - 0.5) ** 2 + ((i + 0.5) / grid[2] - 0.5) ** 2
    mask = (from_middle < 0.2) & (k >= 0)
    delay = 6.0 * i / grid[2]
    since = np.arange(frames)[:, None, None, None] * step_s - BOLUS_S - delay
    dip = 0.4 * np.exp(-0.5 * ((since - 5.0) / 3.0) ** 2)
    signal = np.where(mask, 1.0, 0.05) * (1 - dip * mask) + rng.normal(0, 0.01, (frames, *grid))
    return signal.astype(np.float32), mask, np.where(mask, delay, 0).astype(np.float32)


def hess_series(seed: int = 0, **kind: Any) -> tuple[DscSeries, np.ndarray]:
    """The head as a series, and its mask."""
    signal, mask, _ = head(seed, **kind)
    times = np.arange(len(signal)) * kind.get("step_s", STEP_S)
    return DscSeries(300 * signal, times, Geometry(mask.shape, SPACING)), mask


def hess_patient(seed: int, split: str = "train", **kind: Any) -> TrainingPatient:
    """The head as a training patient with Tmax, TTP and RBF; its uppermost row does not count."""
    signal, mask, delay = head(seed, **kind)
    counted = mask.copy()
    counted[:, : mask.shape[1] // 3] = False
    peak = BOLUS_S + 5.0 + delay
    return TrainingPatient(
        identifier=f"sub-{seed:03d}",
        split=split,
        kind="",
        signal=signal.astype(np.float16),
        mask=mask,
        counted=counted,
        targets={
            "Tmax": np.where(mask, delay, 0),
            "TTP": np.where(mask, peak, 0).astype(np.float32),
            "RBF": np.where(mask, 2.0 - delay / 6.0, 0).astype(np.float32),
        },
        frame_times_s=np.arange(len(signal)) * kind.get("step_s", STEP_S),
        echo_time_s=0.03,
        spacing_mm=SPACING,
    )


def hess_configuration(**changes: Any) -> TrainingConfig:
    """A training of the tiny network, with sections given as dictionaries."""
    content: dict[str, Any] = {
        "name": "hess-small",
        "family": "hess",
        "seed": 1,
        "architecture": TINY,
        "optimisation": {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3},
        "task": {"patch_rows": 5, "patches_per_epoch": 24, "validation_patches": 6},
    }
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainingConfig.from_json(content)


def hess_network(seed: int = 0, **changes: Any) -> HessNetwork:
    """The tiny network with random weights and offsets, in evaluation mode."""
    torch.manual_seed(seed)
    network = HessNetwork(HessArchitecture.from_json({**TINY, **changes})).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.uniform_(-0.2, 0.2)
    return network.requires_grad_(False)


def hess_model(
    place: Path, quantity: str = "Tmax", mean: float = 3.0, sd: float = 2.0, **changes: Any
) -> ModelFolder:
    """A model folder of this family whose weights are random."""
    uncertain = quantity == "Tmax"
    network = hess_network(uncertainty=uncertain, **changes)
    target = {"quantity": quantity, "mean": mean, "sd": sd}
    card = small_card(
        name="hess-small",
        family="hess",
        quantities=[quantity, "Tmax_uncertainty"] if uncertain else [quantity],
        architecture=network.architecture.as_json(),
        preprocessing={**HessPreprocessing().as_json(), "target": target},
    )
    return write_model_folder(place / "hess-small", card, network.state_dict())
