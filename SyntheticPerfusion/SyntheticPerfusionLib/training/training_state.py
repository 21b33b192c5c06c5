"""How far a training is: plain numbers, saved with every checkpoint."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

ROW = ("epoch", "step", "seconds", "learning_rate", "loss")
"""What every row of an epoch begins with; validation figures have names of their own."""


@dataclass
class TrainingState:
    """What a run has to know to go on, beside the weights and the optimiser.

    step      steps done, over all epochs.
    epoch     epochs finished, their validation included.
    seconds   spent in training and validation, over all starts.
    interval  training losses of the steps since the last row of `steps`.
    epoch_sum, epoch_steps  sum and number of the losses of the epoch, up to that row.
    steps     rows [step, mean training loss since the row before, learning rate].
    epochs    one row an epoch: ROW, with epochs from 1 and the mean training loss, then the
              validation figures by name.
    device    where it last ran, in words.
    best      epoch, name and value of the figure, file of the weights; None before the first.
    """

    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    interval: list[float] = field(default_factory=list)
    epoch_sum: float = 0.0
    epoch_steps: int = 0
    steps: list[list[float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    device: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `TrainingState(**...)` makes the state again."""
        return asdict(self)

    @property
    def validated(self) -> list[float]:
        """The first validation figure of every finished epoch; empty where there is none."""
        return [
            next(value for name, value in row.items() if name not in ROW)
            for row in self.epochs
            if len(row) > len(ROW)
        ]

    def close_interval(self, learning_rate: float) -> None:
        """Turn the losses since the last row into a row."""
        if not self.interval:
            return
        total = math.fsum(self.interval)
        self.steps.append([self.step, total / len(self.interval), learning_rate])
        self.epoch_sum += total
        self.epoch_steps += len(self.interval)
        self.interval = []

    def close_epoch(self, figures: dict[str, float], learning_rate: float) -> dict[str, float]:
        """Finish the epoch; returns its row."""
        self.epoch += 1
        loss = self.epoch_sum / max(1, self.epoch_steps)
        values = (self.epoch, self.step, round(self.seconds, 3), learning_rate, loss)
        row = {**dict(zip(ROW, values, strict=True)), **figures}
        self.epochs.append(row)
        self.epoch_sum, self.epoch_steps = 0.0, 0
        return row
