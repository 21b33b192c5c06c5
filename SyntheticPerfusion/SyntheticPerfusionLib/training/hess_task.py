"""Training of Hess 2018: Tmax with uncertainty, TTP and RBF without, and the paper's ablations.

Everything that tells model A from its ablations, the paper's size from one for a CPU, and the
patch from the attention over the brain is a value of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..maps.quantity import quantity
from ..methods.hess_settings import HessArchitecture, HessPreprocessing, TargetScale
from ..methods.networks.hess import HessNetwork
from .configuration import TrainingConfig
from .hess_card import card_texts, valid_range
from .hess_loss import importance, squared_loss, weighted_loss
from .hess_patches import Patch, PatchContent, PatchPatient, target_moments
from .patients import TrainingPatient
from .task import Task, evenly_spread
from .typed_values import read_section

_CLIP_S = (0.0, 20.0)
"""Both maps are clipped to it before the mean absolute error, MAEC (section 3.1)."""
_PAPER = (
    "Hess A, Meier R, Kaesmacher J, et al. Synthetic perfusion maps: imaging perfusion deficits in "
    "DSC-MRI with deep learning. BrainLes 2018, arXiv:1806.03848"
)


@dataclass(frozen=True)
class HessTaskSettings:
    """The `task` section of a configuration.

    quantity             the map to learn: "Tmax", "TTP", "RBF" or another of the patients' targets.
    shift                frames by which sequences are moved at random, lowest and highest (paper:
                         -5 to 30; ablation B: 0 to 0).
    loss_weighting       equations 2 to 4; without it equation 1 alone (ablation E).
    patch_rows           rows of a patch, each with all columns of one slice (paper: 32).
    patches_per_epoch    of each epoch, drawn anew; 0: all there are (the paper's epoch).
    validation_patches   fixed ones, spread over the validation patients.
    """

    quantity: str = "Tmax"
    shift: tuple[int, int] = (-5, 30)
    loss_weighting: bool = True
    patch_rows: int = 32
    patches_per_epoch: int = 0
    validation_patches: int = 64

    def __post_init__(self) -> None:
        if not self.shift[0] <= 0 <= self.shift[1]:
            raise InputError(
                f"task.shift is {list(self.shift)}; give a lowest of 0 or less and a highest of 0 "
                "or more."
            )
        for name in ("patch_rows", "validation_patches"):
            if getattr(self, name) < 1:
                raise InputError(f"task.{name} is {getattr(self, name)}; give 1 or more.")


class HessTask(Task):
    """See Task."""

    network: HessNetwork

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        super().__init__(config, patients)
        self.settings = _settings(config)
        self.architecture = HessArchitecture.from_json(config.architecture)
        self.preprocessing = HessPreprocessing.from_json(config.preprocessing)
        self.scale = TargetScale(self.settings.quantity)
        self._all = {
            part: [
                PatchPatient(
                    one,
                    self.scale.quantity,
                    self.scale.clocked,
                    self.architecture,
                    self.preprocessing,
                )
                for one in patients
                if one.split == part
            ]
            for part in ("train", "validation")
        }
        rows = self.settings.patch_rows
        self._patches = {
            part: [patch for n, one in enumerate(some) for patch in one.patches(n, rows)]
            for part, some in self._all.items()
        }
        if not self._patches["train"]:
            raise InputError("No patch of the training patients holds brain; check their masks.")
        given = config.preprocessing.get("target")
        self.scale = (
            TargetScale.from_json(given)
            if given
            else TargetScale(
                self.scale.quantity, *target_moments(self._all["train"], *self.settings.shift)
            )
        )
        self.network = HessNetwork(self.architecture)
        wanted = self.settings.patches_per_epoch or len(self._patches["train"])
        self.steps_per_epoch = max(1, wanted // config.optimisation.batch_size)

    @classmethod
    def targets(cls, config: TrainingConfig) -> tuple[str, ...]:
        """See Task."""
        return (_settings(config).quantity,)

    @classmethod
    def needs_echo_time(cls, config: TrainingConfig) -> bool:
        """See Task: the network reads the signal as it is."""
        return False

    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """See Task. A share holds whole patches; `share` says what its mean counts for."""
        self.check_ranks(ranks)
        size = self.config.optimisation.batch_size
        drawn = self._drawn(epoch, step)
        own = slice(rank * size // ranks, (rank + 1) * size // ranks)
        some = self._all["train"]
        counted = sum(some[patch.patient].counted_in(patch) for patch, _ in drawn)
        contents = [some[patch.patient].content(patch, shift) for patch, shift in drawn[own]]
        return _joined(contents, counted / ranks)

    def _drawn(self, epoch: int, step: int) -> list[tuple[Patch, int]]:
        """The patches of a global batch with their shifts."""
        order = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch)))
        patches = self._patches["train"]
        size = self.config.optimisation.batch_size
        sequence = order.permutation(len(patches))
        chosen = [
            patches[sequence[n % len(patches)]] for n in range(step * size, (step + 1) * size)
        ]
        rng = np.random.default_rng(np.random.SeedSequence((self.config.seed, epoch, 1 + step)))
        drawn = []
        for patch in chosen:
            low, high = self._all["train"][patch.patient].shifts(*self.settings.shift)
            drawn.append((patch, int(rng.integers(low, high + 1))))
        return drawn

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """See Task: mean over the voxels that count in the global batch."""
        predicted, log_b = self._predict(batch)
        counted = batch["counted"]
        predicted, target = predicted[counted], batch["target"][counted]
        standardised = (target - self.scale.mean) / self.scale.sd
        if log_b is None:
            losses = squared_loss(standardised, predicted)
        else:
            weight = torch.ones_like(target)
            if self.settings.loss_weighting:
                weight = importance(target, predicted * self.scale.sd + self.scale.mean)
            losses = weighted_loss(standardised, predicted, log_b[counted], weight)
        return losses.sum() / batch["share"]

    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """See Task: patches of validation patients without a shift."""
        return _ValidationBatches(
            self._all["validation"],
            evenly_spread(self._patches["validation"], self.settings.validation_patches),
        )

    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """See Task: MAEC of Tmax (clipped to 0 .. 20 s), or the absolute error of other maps."""
        predicted, log_b = self._predict(batch)
        counted = batch["counted"]
        values = (predicted * self.scale.sd + self.scale.mean)[counted]
        target = batch["target"][counted]
        number = counted.sum()
        error = (values - target).abs().sum()
        figures = {"MAE": (error, number)}
        if self.scale.quantity == "Tmax":
            clipped = (values.clamp(*_CLIP_S) - target.clamp(*_CLIP_S)).abs().sum()
            figures = {"MAEC": (clipped, number), **figures}
        if log_b is not None:
            standardised = (target - self.scale.mean) / self.scale.sd
            likelihood = weighted_loss(
                standardised, predicted[counted], log_b[counted], torch.ones_like(target)
            )
            figures["negative_log_likelihood"] = (likelihood.sum(), number)
        return figures

    def _predict(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
        """Standardised values (V,) and log b (V,), which is None without uncertainty."""
        bolus = {name: batch[name] for name in ("patch", "curves", "features") if name in batch}
        encodings, start = [], 0
        for n, voxels in enumerate(batch["voxels"].tolist()):
            shared = self.network.shared(
                batch["times"][n], {name: some[n] for name, some in bolus.items()}
            )
            encodings.append(
                self.network.encode(batch["sequences"][start : start + voxels], shared)
            )
            start += voxels
        taps = self.network.taps(torch.cat(encodings))
        output = self.network.regress(taps, batch["neighbours"]).float()
        return output[:, 0], output[:, 1] if self.architecture.uncertainty else None

    def card(self) -> dict[str, Any]:
        """See Task."""
        learned = quantity(self.scale.quantity)
        names = [learned.name, *(["Tmax_uncertainty"] if self._gives_uncertainty else [])]
        return {
            "title": f"Synthetic {learned.name} (Hess 2018)",
            "quantities": names,
            "needs": {"aif": False, "echo_time": False, "minimum_frames": 20},
            "architecture": self.architecture.as_json(),
            "preprocessing": {**self.preprocessing.as_json(), "target": self.scale.as_json()},
            "valid_range": valid_range(
                [one.patient for one in self._all["train"]], self.architecture.code
            ),
            **card_texts(self.config, learned.name, self.settings.patch_rows, self.settings.shift),
            "paper": _PAPER,
        }

    @property
    def _gives_uncertainty(self) -> bool:
        return self.architecture.uncertainty and self.scale.quantity == "Tmax"


class _ValidationBatches(Sequence[dict[str, Tensor]]):
    """One patch each, made when it is read."""

    def __init__(self, patients: Sequence[PatchPatient], patches: Sequence[Patch]) -> None:
        self._patients, self._patches = patients, patches

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, n: int) -> dict[str, Tensor]:  # type: ignore[override]
        patch = self._patches[n]
        content = self._patients[patch.patient].content(patch)
        return _joined([content], max(1, int(content.counted.sum())))


def _joined(contents: Sequence[PatchContent], share: float) -> dict[str, Tensor]:
    """Patches as one batch; `share` is what the sum of the losses is divided by."""
    counts = [len(content.sequences) for content in contents]
    total, rows, start = sum(counts), [], 0
    for content, count in zip(contents, counts, strict=True):
        rows.append(np.where(content.neighbours == count, total, content.neighbours + start))
        start += count
    arrays = {
        "sequences": np.concatenate([content.sequences for content in contents]),
        "times": np.stack([content.times for content in contents]),
        "neighbours": np.concatenate(rows),
        "target": np.concatenate([content.target for content in contents]),
        "counted": np.concatenate([content.counted for content in contents]),
        "voxels": np.array(counts),
        "share": np.array(share, np.float32),
        **{
            name: np.stack([content.bolus[name] for content in contents])
            for name in contents[0].bolus
        },
    }
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def _settings(config: TrainingConfig) -> HessTaskSettings:
    content: Mapping[str, Any] = config.task
    return read_section(HessTaskSettings, dict(content), "the configuration", "task")
