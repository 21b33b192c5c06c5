"""Training of phae-delay on simulated single curves (curve_simulation, phae_delay_loss).

No patients are needed: the physics is in the decoder, and what is left to learn is how noise makes
the likelihood look. A batch holds curves of several arteries, each decoded with its own residue
family; in a patient the family is chosen for the whole brain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..methods.bolus_window import STEP_RANGE_S, BolusWindow
from ..methods.networks.phae_delay import PhaeDelayArchitecture, PhaeDelayNetwork
from ..methods.transit_decoder import TransitDecoder
from ..methods.transit_fit import fit
from ..methods.transit_match import TransitDictionary, features
from .configuration import TrainingConfig
from .curve_simulation import ArteryCurves, CurveRanges, draw_artery, draw_noise
from .patients import TrainingPatient
from .phae_delay_loss import LossWeights, estimation_loss
from .task import Task
from .typed_values import read_section

_VALIDATION = 1_000_003
"""Stream of the validation curves, apart from those of any epoch."""


@dataclass(frozen=True)
class PhaeDelaySettings:
    """What `task` of a configuration may say.

    arteries, curves   arterial curves, and tissue curves of each, drawn at the start.
    arteries_at_once   in a batch, which is divided evenly among them.
    repeats            draws of noise of each truth in a batch; even.
    batches_per_epoch
    validation_batches
    ranges, loss       CurveRanges and LossWeights.
    """

    arteries: int = 240
    curves: int = 1024
    arteries_at_once: int = 8
    repeats: int = 12
    batches_per_epoch: int = 200
    validation_batches: int = 16
    ranges: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("arteries", "curves", "arteries_at_once", "batches_per_epoch"):
            if getattr(self, name) < 1:
                raise InputError(f"task.{name} is {getattr(self, name)}; give 1 or more.")
        if self.repeats < 2 or self.repeats % 2:
            raise InputError(f"task.repeats is {self.repeats}; give an even number, 2 or more.")


class PhaeDelayTask(Task):
    """Transit time and delay of simulated curves, by their truth and their reconstruction."""

    def __init__(self, config: TrainingConfig, patients: Sequence[TrainingPatient]) -> None:
        super().__init__(config, patients)
        self.settings = read_section(
            PhaeDelaySettings, dict(config.task), "The configuration", "task"
        )
        self.ranges = read_section(
            CurveRanges, dict(self.settings.ranges), "The configuration", "task.ranges"
        )
        self.weights = read_section(
            LossWeights, dict(self.settings.loss), "The configuration", "task.loss"
        )
        if config.preprocessing:
            raise InputError(
                f"preprocessing has the key {sorted(config.preprocessing)[0]}; this family has "
                "nothing to choose there."
            )
        at_once = self.settings.arteries_at_once * self.settings.repeats
        if config.optimisation.batch_size % at_once:
            raise InputError(
                f"optimisation.batch_size is {config.optimisation.batch_size}; give a multiple of "
                f"task.arteries_at_once times task.repeats, {at_once}."
            )
        self.architecture = PhaeDelayArchitecture.from_json(config.architecture)
        self.network = PhaeDelayNetwork(self.architecture)
        self.steps_per_epoch = self.settings.batches_per_epoch
        self._arteries = self._draw(self.settings.arteries, 0)
        self._unseen = self._draw(max(self.settings.arteries_at_once, 16), _VALIDATION)

    def _draw(self, count: int, stream: int) -> list[ArteryCurves]:
        rng = np.random.default_rng([self.config.seed, stream])
        return [draw_artery(one, self.ranges, self.settings.curves) for one in rng.spawn(count)]

    def check_ranks(self, ranks: int) -> None:
        """See `Task.check_ranks`: each process takes whole arteries."""
        if self.settings.arteries_at_once % ranks:
            raise InputError(
                f"{ranks} processes cannot share batches of {self.settings.arteries_at_once} "
                "arteries alike; give as many processes as divide task.arteries_at_once."
            )

    def batch(self, epoch: int, step: int, rank: int, ranks: int) -> dict[str, Tensor]:
        """See `Task.batch`."""
        return self._drawn(self._arteries, [self.config.seed, 1, epoch, step], rank, ranks)

    def _drawn(
        self, arteries: Sequence[ArteryCurves], seed: Sequence[int], rank: int = 0, ranks: int = 1
    ) -> dict[str, Tensor]:
        self.check_ranks(ranks)
        rng = np.random.default_rng(seed)
        at_once = self.settings.arteries_at_once
        truths = self.config.optimisation.batch_size // (at_once * self.settings.repeats)
        chosen = rng.integers(len(arteries), size=at_once)
        streams = rng.spawn(at_once)
        rows = []
        for place in range(rank, at_once, ranks):
            artery = arteries[chosen[place]]
            drawn = draw_noise(artery, streams[place], self.ranges, truths, self.settings.repeats)
            window = drawn.window
            rows.append(
                {
                    "curves": drawn.curves,
                    "arterial": window.arterial,
                    "measured": window.measured,
                    "scalars": torch.tensor([window.before, window.step_s, window.height]),
                    "artery": torch.tensor(int(chosen[place])),
                    "mtt_s": torch.from_numpy(drawn.mtt_s),
                    "delay_s": torch.from_numpy(drawn.delay_s),
                    "log_flow": torch.from_numpy(drawn.log_flow),
                }
            )
        return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """See phae_delay_loss."""
        return self._estimate(batch, self._arteries).loss(self.settings.repeats, self.weights)

    def validation_batches(self) -> Sequence[dict[str, Tensor]]:
        """See `Task.validation_batches`; of arteries that no batch of training has."""
        return [
            self._drawn(self._unseen, [self.config.seed, 2, number])
            for number in range(self.settings.validation_batches)
        ]

    def validation_figures(self, batch: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """The loss without its reconstruction; errors of flow, transit time and delay."""
        found = self._estimate(batch, self._unseen)
        judged = replace(self.weights, reconstruction=0.0)
        loss = found.loss(self.settings.repeats, judged)
        count = torch.tensor(found.flow.numel())
        return {
            "loss": (loss * count, count),
            "log_cbf_error": (found.flow.abs().sum(), count),
            "log_mtt_error": (found.transit.abs().sum(), count),
            "delay_error_s": (found.delay.abs().sum(), count),
        }

    def _estimate(self, batch: dict[str, Tensor], arteries: Sequence[ArteryCurves]) -> _Errors:
        with torch.autocast(batch["curves"].device.type, enabled=False):
            windows = [_window(batch, place) for place in range(len(batch["artery"]))]
            families = [arteries[int(number)].family for number in batch["artery"]]
            with torch.no_grad():
                read = []
                for window, family, curves in zip(windows, families, batch["curves"], strict=True):
                    dictionary = TransitDictionary(window, family, self.architecture.grid)
                    read.append(features(dictionary.match(curves), dictionary))
        mtt_s, delay_s = self.network(torch.cat(read))
        each = batch["curves"].shape[1]
        with torch.autocast(batch["curves"].device.type, enabled=False):
            fits, frames = [], []
            for place, (window, family) in enumerate(zip(windows, families, strict=True)):
                part = slice(place * each, (place + 1) * each)
                g = TransitDecoder(window.arterial).curves(
                    family, mtt_s[part] / window.step_s, delay_s[part] / window.step_s
                )
                fits.append(fit(batch["curves"][place], g, window))
                frames.append((window.measured.sum() + window.before).expand(each))
            amplitude = torch.cat([one.amplitude for one in fits]).clamp(min=1e-4)
            # The window's artery has a peak of 1; that of the truth, the peak it was read to have.
            height = batch["scalars"][:, 2].repeat_interleave(each)
            return _Errors(
                transit=mtt_s.log() - batch["mtt_s"].flatten().log(),
                delay=delay_s - batch["delay_s"].flatten(),
                flow=(amplitude / height / mtt_s).log() - batch["log_flow"].flatten(),
                left=torch.cat([one.left for one in fits]),
                frames=torch.cat(frames),
            )

    def card(self) -> dict[str, Any]:
        """See `Task.card`."""
        ranges = self.ranges
        return {
            "title": "phae-delay: physics-informed network with delay",
            "description": (
                "Transit time and delay of each voxel are read from how well a model of the "
                "passage explains its curve; flow and volume follow. Delay does not lower the "
                "flow, and the residue function is chosen for each brain."
            ),
            "quantities": ["CBF", "CBV", "MTT", "Tmax", "misfit"],
            "architecture": self.architecture.as_json(),
            "preprocessing": {},
            "needs": {"aif": True, "echo_time": True, "minimum_frames": 20},
            "valid_range": {"repetition_time_s": list(STEP_RANGE_S)},
            "data": (
                f"{self.settings.arteries} simulated arterial curves with {self.settings.curves} "
                f"tissue curves each: MTT {ranges.mtt_s[0]:g} to {ranges.mtt_s[1]:g} s, delay "
                f"{ranges.delay_s[0]:g} to {ranges.delay_s[1]:g} s, TR {STEP_RANGE_S[0]:g} to "
                f"{STEP_RANGE_S[1]:g} s, SNR {ranges.snr[0]:g} to {ranges.snr[1]:g}, residues "
                f"{', '.join(ranges.families)}; no patient."
            ),
            "limitations": [
                "DSC-MRI gives no absolute flow: the height of the arterial curve is not on the "
                "scale of tissue.",
                "A bolus that spreads in vessels on its way is read as a longer transit time, a "
                "tracer that leaks out of vessels as a longer transit time and more volume; the "
                "misfit map shows where the model does not hold.",
                "One residue function is chosen for the whole brain. With transit times much "
                "shorter than the bolus is wide, curves hardly tell one from another.",
                "Where noise is high, transit time and delay are those of a neighbourhood of "
                "about 7 mm: small lesions blur. The network learned from single curves.",
                "Trained on simulated curves, never on a patient's.",
            ],
            "paper": (
                "After Fayolle P et al. Physics-informed autoencoder for DSC-MRI perfusion "
                "post-processing: application to glioma grading. IEEE ISBI 2025; delay, residue "
                "families and the reading of the likelihood are this project's own"
            ),
        }


@dataclass(frozen=True, eq=False)
class _Errors:
    """(V,) errors of ln MTT, delay in s and ln CBF; what is left of the curves, over how many
    frames."""

    transit: Tensor
    delay: Tensor
    flow: Tensor
    left: Tensor
    frames: Tensor

    def loss(self, repeats: int, weights: LossWeights) -> Tensor:
        """See phae_delay_loss."""
        return estimation_loss(
            self.transit, self.delay, self.flow, self.left, self.frames, repeats, weights
        )


def _window(batch: dict[str, Tensor], place: int) -> BolusWindow:
    before, step_s, height = batch["scalars"][place].tolist()
    return BolusWindow(
        batch["arterial"][place], height, batch["measured"][place], 0, before, step_s
    )
