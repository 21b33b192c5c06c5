"""Training of 3D-MDRNN and 3D-DRNN (Le 2021): five collateral maps of whole brains.

`architecture.ordinal` tells the two apart: without the ordinal head the squared error is all that
is learned by.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..methods.collateral_scale import PhaseScale
from ..methods.collateral_settings import (
    QUANTITIES,
    CollateralArchitecture,
    CollateralPreprocessing,
)
from ..methods.networks.collateral import CollateralNetwork, at_voxels
from .collateral_card import card_texts
from .collateral_ordinal import ordinal_labels, thresholds
from .collateral_patients import PhaseExample, PhasePatient, robust_scale
from .collateral_task_settings import task_settings
from .configuration import TrainingConfig
from .hess_card import valid_range
from .patients import TrainingPatient
from .task import Task

_PAPER = (
    "Le HL, Jeon Y, Roh HG, Kim HJ, Kwak JT. 3-D multitask deep neural networks for collateral "
    "imaging from dynamic susceptibility contrast-enhanced magnetic resonance perfusion. Proc SPIE "
    "11597, 1159721 (2021), doi:10.1117/12.2581011"
)


class CollateralTask(Task):
    """See Task."""

    network: CollateralNetwork
    optional_layers = MappingProxyType({"ordinal": "ordinal"})

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        super().__init__(config, patients)
        self.settings = task_settings(config)
        self.architecture = CollateralArchitecture.from_json(config.architecture)
        self.preprocessing = CollateralPreprocessing.from_json(config.preprocessing)
        self._all = {
            part: [
                PhasePatient(
                    one,
                    self.architecture.points,
                    self.preprocessing,
                    self.settings.median_width,
                    self.settings.vessels,
                    self.settings.lesion_weight,
                )
                for one in patients
                if one.split == part
            ]
            for part in ("train", "validation")
        }
        given = config.preprocessing.get("highest")
        self.scale = PhaseScale.from_json(given) if given else robust_scale(self._all["train"])
        self._bounds = thresholds(self.architecture.classes)
        self.network = CollateralNetwork(self.architecture)
        self._begin_with_the_mean()
        self.steps_per_epoch = max(1, len(self._all["train"]) // config.optimisation.batch_size)

    @classmethod
    def targets(cls, config: TrainingConfig) -> tuple[str, ...]:
        """See Task."""
        task_settings(config)
        points = CollateralArchitecture.from_json(config.architecture).points
        CollateralPreprocessing.from_json(config.preprocessing).time_points(points).check_bolus()
        return QUANTITIES

    @classmethod
    def needs_echo_time(cls, config: TrainingConfig) -> bool:
        """See Task: no source wants one."""
        return False

    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """See Task: some patients, each in a part drawn at random."""
        self.check_ranks(ranks)
        size = self.config.optimisation.batch_size
        some = self._all["train"]
        order = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch)))
        sequence = order.permutation(len(some))
        rng = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch, 1 + step)))
        drawn = []
        for n in range(step * size, (step + 1) * size):
            patient = some[sequence[n % len(some)]]
            canvas = patient.part(self.settings.crop, CollateralNetwork.MULTIPLE, rng)
            drawn.append((patient, canvas, bool(rng.random() < self.settings.flip)))
        own = slice(rank * size // ranks, (rank + 1) * size // ranks)
        return self._joined([one.example(canvas, flip) for one, canvas, flip in drawn[own]])

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """See Task: mean over phases, over the voxels that count in each patient, over patients."""
        return self._losses(batch, self._features(batch))

    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """See Task: whole patients, all their voxels alike."""
        some = self._all["validation"]
        return _Whole(self, some[: self.settings.validation_patients or len(some)])

    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """See Task: the loss selects (section 2.5); R2 and MAE from -1 to 1, arterial apart."""
        features = self._features(batch)
        answers, wanted = self.network.maps(features), 2 * batch["shares"] - 1
        one = torch.ones(())
        error = (answers - wanted).abs().mean(dim=0)
        correlation = _squared_correlation(answers, wanted)
        return {
            "loss": (self._losses(batch, features), one),
            "R2": (correlation.mean(), one),
            "MAE": (error.mean(), one),
            "R2_arterial": (correlation[0], one),
            "MAE_arterial": (error[0], one),
        }

    def _begin_with_the_mean(self) -> None:
        """Let the untrained network say the mean of each phase, and no more."""
        shares = [
            self.scale.shares(one.target).mean(axis=0)
            for one in self._all["train"]
            if len(one.target)
        ]
        if not shares:
            raise InputError("No voxel of the training patients counts; check their brain masks.")
        assert self.network.regression.bias is not None
        with torch.no_grad():
            mean = torch.from_numpy(2 * np.mean(shares, axis=0) - 1)
            self.network.regression.bias.copy_(torch.atanh(mean.float().clamp(-0.99, 0.99)))

    def _features(self, batch: dict[str, Tensor]) -> Tensor:
        """(V, C) of the voxels that count."""
        return at_voxels(self.network.features(batch["volumes"]), batch["places"])

    def _losses(self, batch: dict[str, Tensor], features: Tensor) -> Tensor:
        """L2 and cross entropy (section 2.5: 0.75 and 0.25), both means, weighted over voxels."""
        shares, weights = batch["shares"], batch["weights"]
        squared = (self.network.maps(features) - (2 * shares - 1)).square().mean(dim=1)
        regression = (weights * squared).sum()
        if not self.architecture.ordinal:
            return regression
        labels = ordinal_labels(shares, self._bounds)
        logits = self.network.logits(features)
        entropy = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        ordinal = (weights * entropy.unflatten(0, labels.shape).mean(dim=1)).sum()
        share = self.settings.regression_weight
        return share * regression + (1 - share) * ordinal

    def _joined(self, examples: Sequence[PhaseExample], weighted: bool = True) -> dict[str, Tensor]:
        """Patients as one batch, on volumes as large as the largest of them.

        weighted  whether lesions weigh more than other voxels of the same patient.

        volumes (N, points, K, J, I); places (V,) flat in (N, K, J, I); shares (V, 5) from 0 to 1;
        weights (V,), which add up to 1.
        """
        shape = np.max([one.volume.shape for one in examples], axis=0)
        volumes = np.zeros((len(examples), *shape), np.float32)
        places = []
        for n, one in enumerate(examples):
            k, j, i = one.volume.shape[1:]
            volumes[n, :, :k, :j, :i] = one.volume
            inside = np.unravel_index(one.places, (k, j, i))
            number = np.full_like(inside[0], n)
            places.append(np.ravel_multi_index((number, *inside), (len(examples), *shape[1:])))
        each = [one.weight if weighted else np.ones_like(one.weight) for one in examples]
        weights = [one / (max(1.0, one.sum(dtype=np.float64)) * len(examples)) for one in each]
        arrays = {
            "volumes": volumes,
            "places": np.concatenate(places).astype(np.int64),
            "shares": self.scale.shares(np.concatenate([one.target for one in examples])),
            "weights": np.concatenate(weights).astype(np.float32),
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def card(self) -> dict[str, Any]:
        """See Task."""
        spans = valid_range([one.patient for one in self._all["train"]], "patch")
        # It learned from stacks as deep as its crop, and the depth is never pooled: a few slices
        # more than the training patients have are nothing new to it, a single one is.
        fewest, most = spans["slices"]
        spans["slices"] = [float(self.settings.crop[0] or fewest), 2 * most]
        title = "3D-MDRNN" if self.architecture.ordinal else "3D-DRNN"
        return {
            "title": f"Collateral phases, {title} (Le 2021)",
            "quantities": list(QUANTITIES),
            "needs": {"aif": False, "echo_time": False, "minimum_frames": 20},
            "architecture": self.architecture.as_json(),
            "preprocessing": {**self.preprocessing.as_json(), "highest": self.scale.as_json()},
            "valid_range": spans,
            **card_texts(self.config, self.architecture, self.preprocessing, self.settings),
            "paper": _PAPER,
        }


class _Whole(Sequence[dict[str, Tensor]]):
    """One patient each, made when it is read."""

    def __init__(self, task: CollateralTask, patients: Sequence[PhasePatient]) -> None:
        self._task, self._patients = task, patients

    def __len__(self) -> int:
        return len(self._patients)

    def __getitem__(self, n: int) -> dict[str, Tensor]:  # type: ignore[override]
        patient = self._patients[n]
        whole = patient.example(patient.whole(CollateralNetwork.MULTIPLE))
        return self._task._joined([whole], weighted=False)


def _squared_correlation(found: Tensor, wanted: Tensor) -> Tensor:
    """(5,) squared Pearson correlation over voxels of (V, 5); 0 where either does not vary."""
    found, wanted = found - found.mean(dim=0), wanted - wanted.mean(dim=0)
    both = (found * wanted).sum(dim=0).square()
    apart = found.square().sum(dim=0) * wanted.square().sum(dim=0)
    return torch.where(apart > 0, both / apart, 0.0)
