"""Small PHAE models and training patients for tests, made of simulated curves with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from SyntheticPerfusionLib.methods.model_folder import ModelFolder, write_model_folder
from SyntheticPerfusionLib.methods.networks.phae import PhaeArchitecture
from SyntheticPerfusionLib.methods.phae import PhaeMethod
from SyntheticPerfusionLib.methods.phae_decoder import reconstruct
from SyntheticPerfusionLib.series.aif import Aif
from SyntheticPerfusionLib.series.aif_voxels import make_aif
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.patients import TrainingPatient

from unit.curves import arterial
from unit.small_models import small_card

ECHO_TIME_S = 0.03
TINY = {"features": [8, 16]}
GRID = (2, 24, 24)


def phae_model(
    place: Path, architecture: dict[str, Any] | None = None, seed: int = 0
) -> ModelFolder:
    """A model folder of this family whose weights are random."""
    chosen = PhaeArchitecture.from_json(architecture or TINY)
    torch.manual_seed(seed)
    card = small_card(
        name="phae-small",
        family="phae",
        quantities=["CBF", "CBV", "MTT", "misfit"],
        architecture=chosen.as_json(),
        preprocessing={"normalisation": "subject"},
        needs={"aif": True, "echo_time": True, "minimum_frames": 10},
    )
    return write_model_folder(place / "phae-small", card, chosen.encoder().state_dict())


def simulated(
    rng: np.random.Generator,
    count: int,
    frames: int = 50,
    step_s: float = 1.5,
    onset_s: float = 12.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Arterial (T,) and tissue (N, T) curves in 1/s of the decoder, volume and MTT (N,) of them."""
    times = np.arange(frames) * step_s
    ca = arterial(times, onset_s=onset_s, peak=60.0)
    mtt = np.exp(rng.uniform(np.log(2.0), np.log(12.0), count))
    volume = rng.uniform(0.1, 0.3, count)
    curves = reconstruct(torch.tensor(ca), torch.tensor(volume), torch.tensor(mtt), step_s)
    return ca, curves.numpy(), volume, mtt


def signal_of(curves: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """(T, K, J, I) signal of baseline 1 of (N, T) curves in 1/s on `GRID`, with Gaussian noise."""
    signal = np.exp(-ECHO_TIME_S * curves.T)
    return (signal + rng.normal(0, noise, signal.shape)).reshape(-1, *GRID).astype(np.float32)


def simulated_series(
    seed: int = 0, noise: float = 0.01, **kind: Any
) -> tuple[DscSeries, np.ndarray, Aif, np.ndarray]:
    """Series, mask, arterial curve and true MTT (K, J, I); the whole grid is brain."""
    rng = np.random.default_rng(seed)
    ca, curves, _, mtt = simulated(rng, int(np.prod(GRID)), **kind)
    signal = 300 * signal_of(curves, noise, rng)
    times = np.arange(len(ca)) * kind.get("step_s", 1.5)
    series = DscSeries(signal, times, Geometry(GRID, (2.0, 2.0, 5.0)), ECHO_TIME_S)
    return series, np.ones(GRID, bool), make_aif(ca, times, "simulated", False), mtt.reshape(GRID)


def simulated_patient(
    identifier: str, split: str, seed: int = 0, noise: float = 0.02, **kind: Any
) -> TrainingPatient:
    """A training patient of such curves, with its true MTT."""
    series, mask, aif, mtt = simulated_series(seed, noise, **kind)
    return TrainingPatient(
        identifier=identifier,
        split=split,
        kind="",
        signal=(series.signal / 300).astype(np.float16),
        mask=mask,
        counted=mask,
        targets={"MTT": mtt.astype(np.float32)},
        frame_times_s=series.frame_times_s,
        echo_time_s=ECHO_TIME_S,
        spacing_mm=(2.0, 2.0, 5.0),
        aif=aif.concentration.astype(np.float32),
    )


def phae_config(**changes: Any) -> TrainingConfig:
    """A tiny training, with sections given as dictionaries."""
    content: dict[str, Any] = {
        "name": "phae-small",
        "family": "phae",
        "architecture": TINY,
        "optimisation": {"epochs": 2, "batch_size": 64, "learning_rate": 5e-3},
        "trainer": {"accelerator": "cpu", "devices": 1, "threads": 1},
    }
    for key, value in changes.items():
        content[key] = {**content.get(key, {}), **value} if isinstance(value, dict) else value
    return TrainingConfig.from_json(content)


def phae_method(place: Path, **kind: Any) -> PhaeMethod:
    """The method of `phae_model`."""
    return PhaeMethod(phae_model(place, **kind))
