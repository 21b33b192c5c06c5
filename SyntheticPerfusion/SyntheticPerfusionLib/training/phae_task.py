"""Training of PHAE (Fayolle 2025): single voxel curves, reconstructed; no maps are needed.

So it is trained, or fine-tuned, on any site's own series. A batch mixes voxels of all patients, so
that its statistics are those of the whole data and not of one subject. Series of several lengths
stand in one batch each at its own length and its own time between frames: what is filled up at the
end of the shorter ones counts neither in convolutions nor statistics nor the loss, and the network
speaks in frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..methods.networks.phae import PhaeArchitecture
from ..methods.phae_decoder import reconstruct
from ..methods.phae_input import NORMALISATION
from .configuration import TrainingConfig
from .patients import TrainingPatient
from .phae_samples import ARTERIES, PatientSamples, SampleTable, patient_samples
from .problem import Problem, noting, refuse
from .task import Task
from .typed_values import one_of, read_section

_PREPROCESSING = {"normalisation": NORMALISATION}


@dataclass(frozen=True)
class PhaeSettings:
    """What `task` of a configuration may say.

    artery              "automatic": found in the series, as for a patient; "true": that which fed
                        a digital patient.
    voxels_per_patient  drawn from each brain, once; 0 for all.
    samples_per_epoch   drawn from those, anew each epoch; 0 for all.
    validation_samples  of all validation patients together.
    """

    artery: str = "automatic"
    voxels_per_patient: int = 0
    samples_per_epoch: int = 0
    validation_samples: int = 12288

    def __post_init__(self) -> None:
        one_of("task.artery", self.artery, ARTERIES)
        for name in ("voxels_per_patient", "samples_per_epoch", "validation_samples"):
            if getattr(self, name) < 0:
                raise InputError(f"task.{name} is {getattr(self, name)}; give 0 or more.")


class PhaeTask(Task):
    """Mean absolute error between each curve and what its transit time makes of the artery's."""

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        super().__init__(config, patients)
        self.architecture = PhaeArchitecture.from_json(config.architecture)
        if config.preprocessing not in ({}, _PREPROCESSING):
            raise InputError(
                f"preprocessing is {dict(config.preprocessing)}; this family has nothing to choose "
                f"there, leave it out or give {_PREPROCESSING}."
            )
        self.settings = read_section(PhaeSettings, dict(config.task), "The configuration", "task")
        self.network = self.architecture.encoder()
        self._train = SampleTable(self._samples("train"))
        self._validation = SampleTable(self._samples("validation"))
        if not len(self._train):
            raise InputError(
                "No curve with a bolus was found in the brains of the patients to train with; "
                "check their series and arterial curves."
            )
        wanted = self.settings.samples_per_epoch or len(self._train)
        self.steps_per_epoch = max(1, min(wanted, len(self._train)) // self._batch_size)

    @property
    def _batch_size(self) -> int:
        return self.config.optimisation.batch_size

    def _samples(self, split: str) -> list[PatientSamples]:
        """Of every patient of a part; InputError names all who have no curve to learn from."""
        found: list[PatientSamples] = []
        problems: list[Problem] = []
        for number, patient in enumerate(self.patients):
            if patient.split == split:
                with noting(problems, patient.identifier, None):
                    found.append(
                        patient_samples(
                            patient,
                            self.settings.artery,
                            self.settings.voxels_per_patient,
                            self.config.seed + number,
                        )
                    )
        if problems and not self.config.data.skip_broken:
            raise refuse(problems)
        return found

    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """See `Task.batch`."""
        self.check_ranks(ranks)
        order = _order(self.config.seed, epoch, len(self._train))
        size = self._batch_size
        everybody = np.resize(order, max(size, len(order)))[step * size : (step + 1) * size]
        return _tensors(self._train.gather(everybody[rank::ranks]))

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """Mean over curves of the mean absolute error over their frames."""
        return self._away(batch, self._mtt_s(batch)).mean()

    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """See `Task.validation_batches`."""
        most = min(self.settings.validation_samples, len(self._validation))
        chosen = _order(self.config.seed, -1, len(self._validation))[:most]
        return [
            _tensors(self._validation.gather(chosen[start : start + self._batch_size]))
            for start in range(0, most, self._batch_size)
        ]

    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Reconstruction error; and, where somebody knows the truth, that of the MTT in seconds."""
        mtt_s = self._mtt_s(batch)
        away = self._away(batch, mtt_s)
        figures = {"reconstruction_error": (away.sum(), torch.tensor(len(away)))}
        if self._validation.knows_mtt:
            known = batch["true_mtt"].isfinite()
            wrong = (mtt_s - batch["true_mtt"]).abs()[known]
            figures["mtt_error_s"] = (wrong.sum(), known.sum())
        return figures

    def _mtt_s(self, batch: dict[str, Tensor]) -> Tensor:
        mtt_s: Tensor = self.network(batch["curves"], batch["step_s"], batch.get("measured"))
        return mtt_s

    def _away(self, batch: dict[str, Tensor], mtt_s: Tensor) -> Tensor:
        """(N,) mean absolute error of each reconstructed curve, in float32 throughout."""
        tissue, arterial = batch["curves"].float().unbind(dim=1)
        with torch.autocast(tissue.device.type, enabled=False):
            rebuilt = reconstruct(
                arterial,
                batch["volume"],
                mtt_s.float(),
                batch["step_s"][:, None],
                self.architecture.residue,
            )
            away = (tissue - rebuilt).abs()
            measured = batch.get("measured")
            if measured is None:
                return away.mean(dim=1)
            return (away * measured).sum(dim=1) / measured.sum(dim=1)

    def card(self) -> dict[str, Any]:
        """See `Task.card`."""
        trained = [patient for patient in self.patients if patient.split == "train"]
        steps = [float(np.median(np.diff(patient.frame_times_s))) for patient in trained]
        frames = [
            len(patient.frame_times_s) + int(patient.about.get("dropped_frames", 0))
            for patient in trained
        ]
        return {
            "title": "PHAE: physics-informed autoencoder",
            "description": (
                "A network gives the mean transit time of each voxel from its curve and the "
                "arterial one, learned without any maps by reconstructing the curve. There is no "
                "delay in the model, as in the paper: flow of late tissue reads too low."
            ),
            "quantities": ["CBF", "CBV", "MTT", "misfit"],
            "architecture": self.architecture.as_json(),
            "preprocessing": dict(_PREPROCESSING),
            "needs": {"aif": True, "echo_time": True, "minimum_frames": 10},
            "valid_range": {
                "repetition_time_s": [round(min(steps), 3), round(max(steps), 3)],
                "frames": [min(frames), max(frames)],
            },
            "limitations": [
                "No delay between artery and tissue is modelled: where blood comes late, the "
                "transit time reads too long and the flow too low.",
                "The residue is read once a frame, as in the paper: flow of short transit times "
                "reads too low, the more so the longer the time between frames.",
                "DSC-MRI gives no absolute flow: the height of the arterial curve is not on the "
                "scale of tissue.",
                f"Transit times are held within {self.architecture.mtt_range_s[0]:g} and "
                f"{self.architecture.mtt_range_s[1]:g} s.",
            ],
            "paper": (
                "Fayolle P et al. Physics-informed autoencoder for DSC-MRI perfusion "
                "post-processing: application to glioma grading. IEEE ISBI 2025"
            ),
        }


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """(count,) the samples of an epoch, in the order in which they are learned from."""
    order = np.random.default_rng([seed, epoch + 1]).permutation(count)
    order.setflags(write=False)
    return order


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
