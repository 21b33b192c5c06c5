"""Lightning's side of a training: steps, epochs, validation, checkpoints.

Lightning places the network, shares it between processes, casts and scales. What is decided here
is everything that must survive a kill: which step comes next, what is logged, what is written.
Lightning itself is therefore never asked to resume; it is given the steps that are left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from torch import Tensor

from ..errors import Cancelled, InputError
from ..progress import Progress
from . import ranks
from .batch_stream import Batch, BatchStream
from .checkpoints import Checkpoint, write_checkpoint
from .configuration import TrainingConfig
from .logs import TrainingLogs
from .run_folder import RunFolder
from .stopping import Stop
from .task import Task
from .training_state import ROW, TrainingState
from .weights_file import write_weights

_AGREE_EVERY = 8
"""Steps after which several processes agree on stopping and checkpoints."""
_SAY_EVERY_S = 1.0


class TrainingModule(lightning.LightningModule):
    """A task as Lightning runs it.

    checkpoint  what to go on from; its network is expected to be in the task's already.
    """

    def __init__(
        self,
        config: TrainingConfig,
        task: Task,
        folder: RunFolder,
        logs: TrainingLogs,
        stop: Stop,
        progress: Progress,
        checkpoint: Checkpoint | None,
    ) -> None:
        super().__init__()
        self.network = task.network
        self.companion = task.companion
        self.state = checkpoint.state if checkpoint else TrainingState()
        self._checkpoint = checkpoint
        self._config, self._task, self._folder = config, task, folder
        self._logs, self._stop, self._say = logs, stop, progress
        self._losses: list[Tensor] = []
        self._started = self._counted = self._written = self._said = time.monotonic()
        self._first_step = self.state.step

    @property
    def epochs_left(self) -> int:
        """Epochs that are not finished; the first of them may have begun, or lack validation."""
        return self._config.optimisation.epochs - self.state.epoch

    def stream(self) -> BatchStream:
        """The batches that are left of each epoch, this rank's share of them."""

        def make(step: int) -> Batch:
            return self._task.batch(*divmod(step, self._length), self.global_rank, self._ranks)

        def steps() -> range:
            return range(self.state.step, (self.state.epoch + 1) * self._length)

        return BatchStream(make, steps, self._config.trainer.prefetch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The task's optimiser, in the state of the checkpoint."""
        optimiser = self._task.optimiser()
        if self._checkpoint:
            try:
                optimiser.load_state_dict(self._checkpoint.optimiser)
            except ValueError as error:
                raise InputError(
                    f"The checkpoint in {self._folder.path} was written by another version of the "
                    f"program, whose optimiser was set up otherwise ({error}); train anew in "
                    "another folder."
                ) from error
        return optimiser

    def on_train_start(self) -> None:
        """Take over what Lightning sets up for itself."""
        if self._checkpoint and self._checkpoint.scaler:
            self.trainer.precision_plugin.load_state_dict(self._checkpoint.scaler)
        self._checkpoint = None
        if self._config.trainer.threads:
            torch.set_num_threads(self._config.trainer.threads)
        self._stop.listen()
        self.state.device = _device_in_words(self.device, self._ranks)
        self._started = self._counted = self._written = time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Learning rate and random numbers follow from the step alone."""
        rate = self._rate(self.state.step)
        for group in self.optimizers(use_pl_optimizer=False).param_groups:  # type: ignore[union-attr]
            group["lr"] = rate * group.get("share_of_rate", 1.0)
        _sow(_seed(self._config.seed, self.state.step, self.global_rank), self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The task's loss."""
        loss = self._task.loss(batch)
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Count, log, and between steps stop or write a checkpoint."""
        self.state.step += 1
        if self._row_is_due():
            self._collect()
            self.state.close_interval(self._rate(self.state.step - 1))
            self._logs.step(self.state.steps[-1])
        if self._ranks == 1 or self.state.step % _AGREE_EVERY == 0:
            age = time.monotonic() - self._written
            due = age >= self._config.trainer.checkpoint_every_s
            stop, write = ranks.any_of_ranks((self._stop(), due), self.device)
            if stop or write:
                self._write()
            if stop:
                raise Cancelled
        self._tell()

    def on_train_epoch_end(self) -> None:
        """Validate, keep the best, write everything down."""
        self._collect()
        rate = self._rate(max(0, self.state.step - 1))
        self.state.close_interval(rate)
        self._count_seconds()
        figures = self._validate()
        self._count_seconds()
        row = self.state.close_epoch(figures, rate)
        earlier = self._keep_best(figures)
        self._write()
        if self.global_rank == 0:
            if earlier:
                (self._folder.path / earlier).unlink(missing_ok=True)
            self._logs.epoch(row, self.state)

    def _rate(self, step: int) -> float:
        """Learning rate of a step of the present epoch."""
        return self._task.learning_rate(step, self.state.validated)

    def _row_is_due(self) -> bool:
        within = self.state.step % self._length
        return within == 0 or within % self._config.trainer.log_every_steps == 0

    @property
    def _length(self) -> int:
        return self._task.steps_per_epoch

    @property
    def _ranks(self) -> int:
        return int(self.trainer.world_size)

    def _collect(self) -> None:
        """Take the losses off the device; InputError where one of them is not a number."""
        losses = ranks.mean_over_ranks(self._losses, self.device)
        self._losses = []
        self.state.interval += losses
        if all(map(math.isfinite, losses)):
            return
        epoch, step = divmod(self.state.step - 1, self._length)
        raise InputError(
            f"The training loss is no longer a finite number at step {step + 1} of epoch "
            f"{epoch + 1}; lower optimisation.learning_rate, set optimisation.gradient_clip, or "
            "train with trainer.precision 32-true."
        )

    def _validate(self) -> dict[str, float]:
        """The means of the task's figures over all validation batches and ranks."""
        sums: dict[str, list[tuple[float, float]]] = {}
        self.eval()
        with torch.no_grad():
            for batch in self._own_validation_batches():
                if self._ranks == 1 and self._stop():
                    self._write()
                    raise Cancelled
                with self.trainer.precision_plugin.val_step_context():
                    figures = self._task.validation_figures(batch)
                for name, (total, count) in figures.items():
                    key = f"validation_{name}" if name in ROW else name
                    sums.setdefault(key, []).append((float(total), float(count)))
        self.train()
        means: dict[str, float] = {}
        everybody = ranks.of_all_ranks(sums)
        for name in dict.fromkeys(name for one in everybody for name in one):
            parts = [part for one in everybody for part in one.get(name, ())]
            counted = math.fsum(part[1] for part in parts)
            means[name] = math.fsum(part[0] for part in parts) / counted if counted else math.nan
        if means and not math.isfinite(next(iter(means.values()))):
            raise InputError(
                f"The validation figure {next(iter(means))} is not a finite number after epoch "
                f"{self.state.epoch + 1}; look at the validation patients, or lower "
                "optimisation.learning_rate."
            )
        return means

    def _own_validation_batches(self) -> Iterator[Batch]:
        batches = self._task.validation_batches()
        for n in range(self.global_rank, len(batches), self._ranks):
            yield self.trainer.strategy.batch_to_device(batches[n])

    def _keep_best(self, figures: dict[str, float]) -> str | None:
        """Keep the weights if they are the best; returns the file that is no longer needed."""
        best = self.state.best
        name, value = next(iter(figures.items()), ("", 0.0))
        if best and name and value >= best["value"]:
            return None
        path = self._folder.best_weights(self.state.epoch)
        if self.global_rank == 0:
            write_weights(path, self.network.state_dict())
        file = str(path.relative_to(self._folder.path))
        self.state.best = {"epoch": self.state.epoch, "name": name, "value": value, "file": file}
        return str(best["file"]) if best and best["file"] != file else None

    def _write(self) -> None:
        """Write a checkpoint; all ranks call this at the same step."""
        self._collect()
        self._count_seconds()
        self._written = time.monotonic()
        if self.global_rank > 0:
            return
        optimiser = self.optimizers(use_pl_optimizer=False)
        write_checkpoint(
            self._folder.checkpoint,
            Checkpoint(
                self.state,
                self.network.state_dict(),
                optimiser.state_dict(),  # type: ignore[union-attr]
                self.trainer.precision_plugin.state_dict(),
                self.companion.state_dict() if self.companion else {},
            ),
        )

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._counted
        self._counted = now

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._said < _SAY_EVERY_S or self.global_rank > 0:
            return
        self._said = now
        total = self._config.optimisation.epochs * self._length
        rate = (self.state.step - self._first_step) / max(now - self._started, 1e-6)
        epoch, step = divmod(self.state.step - 1, self._length)
        # Those since the last checkpoint, since the last row, and the row itself, if it was now.
        loss = float((self._losses or self.state.interval or [self.state.steps[-1][1]])[-1])
        self._say(
            self.state.step / total,
            f"Epoch {epoch + 1} of {self._config.optimisation.epochs}, step {step + 1} of "
            f"{self._length}, loss {loss:.4g}, {rate:.3g} steps/s, "
            f"{_in_words((total - self.state.step) / rate)} left",
        )


def _seed(seed: int, step: int, rank: int) -> int:
    mixed = np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]
    return int(mixed >> np.uint64(1))


def _sow(seed: int, device: torch.device) -> None:
    """Seed the generators that a step draws from.

    torch.manual_seed takes every kind of device, there or not, and keeps a stack for each.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def _device_in_words(device: torch.device, ranks: int) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{ranks} x {name}" if ranks > 1 else name


def _in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
