"""A family of its own for the tests of training: a straight line through noisy points.

Small enough that an epoch takes milliseconds, with dropout and batch normalisation, which are what
makes going on to the same weights hard. Run as a program it is `synthetic-perfusion` with this
family added, so that processes of their own can train it.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import torch
from SyntheticPerfusionLib.methods.families import FAMILIES
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.task import Task
from SyntheticPerfusionLib.training.tasks import TASKS
from torch import nn

FAMILY = "toy"
FEATURES = 6


def register():
    """Add the family; its models are listed, and run by nobody."""
    TASKS[FAMILY] = f"{__name__}:ToyTask"
    FAMILIES.setdefault(FAMILY, "methods.toy:ToyMethod")


def configuration(**changes):
    """A training of it, with sections given as dictionaries."""
    content = {
        "name": "toy-line",
        "family": FAMILY,
        "seed": 3,
        "architecture": {"width": 8},
        "data": {"source": "curves"},
        "optimisation": {"epochs": 3, "batch_size": 8, "learning_rate": 0.01},
        "trainer": {"accelerator": "cpu", "devices": 1, "threads": 1, "log_every_steps": 5},
        "task": {"steps": 20},
    }
    for key, value in changes.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) else value
    return TrainingConfig.from_json(content)


class ToyTask(Task):
    """Settings: steps per epoch; seconds that a batch takes; plain leaves out dropout and norm;
    diverges; companion, a second network that learns what the first one's values are; figures, the
    validation figures epoch by epoch in place of the true ones."""

    def __init__(self, config, patients):
        super().__init__(config, patients)
        width = config.architecture["width"]
        between = [] if config.task.get("plain") else [nn.BatchNorm1d(width), nn.Dropout(0.5)]
        self.network = nn.Sequential(
            nn.Linear(FEATURES, width), *between, nn.SELU(), nn.Linear(width, 1)
        )
        if config.task.get("companion"):
            self.companion = nn.Sequential(nn.Linear(FEATURES, width), nn.BatchNorm1d(width))
        self._validated = 0
        self.steps_per_epoch = config.task["steps"]
        self._truth = np.random.default_rng(config.seed).normal(size=FEATURES).astype(np.float32)

    def batch(self, epoch, step, rank, ranks):
        time.sleep(self.config.task.get("seconds", 0.0))
        share = self.config.optimisation.batch_size // ranks
        return self._points(
            (self.config.seed, epoch, step), slice(rank * share, (rank + 1) * share)
        )

    def loss(self, batch):
        predicted = self.network(batch["x"])[:, 0]
        self.computed_in = predicted.dtype
        if self.config.task.get("diverges"):
            return predicted.sum() * torch.inf
        loss = ((predicted - batch["y"]) ** 2).mean()
        if self.companion:
            guessed = self.companion(batch["x"]).mean(dim=1)
            loss = loss + ((guessed - predicted.detach()) ** 2).mean()
        return loss

    def validation_batches(self):
        return [self._points((99, n), slice(None)) for n in range(3)]

    def validation_figures(self, batch):
        if self.config.task.get("figures"):
            self._validated += 1
            epoch = (self._validated - 1) // len(self.validation_batches())
            return {"loss": (float(self.config.task["figures"][epoch]), 1)}
        error = (self.network(batch["x"])[:, 0].float() - batch["y"]).abs()
        return {"error": (error.sum(), error.numel()), "large": ((error > 1).sum(), error.numel())}

    def card(self):
        return {
            "title": "Straight line",
            "description": "Draws a line. Good for nothing else.",
            "quantities": ["Tmax"],
            "needs": {"aif": False, "echo_time": False, "minimum_frames": 10},
            "valid_range": {},
            "limitations": ["Knows lines alone."],
            "paper": "None.",
        }

    def _points(self, key, share):
        rng = np.random.default_rng(key)
        x = rng.normal(size=(self.config.optimisation.batch_size, FEATURES)).astype(np.float32)
        y = x @ self._truth + 0.1 * rng.normal(size=len(x)).astype(np.float32)
        return {"x": torch.from_numpy(x[share]), "y": torch.from_numpy(y[share])}


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(__file__))
    import toy_training
    from SyntheticPerfusionLib.cli import main

    toy_training.register()
    sys.exit(main())
