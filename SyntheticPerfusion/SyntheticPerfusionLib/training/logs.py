"""What a training leaves to look at: tables, a plot, a log, and TensorBoard's files.

The tables are written anew each time from the run's state, so that they stay one curve however
often the run was stopped.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..series.atomic import replacing
from .loss_plot import plot_losses
from .training_state import TrainingState

_PLOT_EVERY_S = 60.0
STEP_COLUMNS = ("step", "loss", "learning_rate")


class TrainingLogs:
    """Writes the logs of the leading process; those of the others go nowhere."""

    def __init__(self, folder: Path, log: Path, leading: bool, writer: Any) -> None:
        self._folder, self._log, self._leading, self._writer = folder, log, leading, writer
        self._plotted = time.monotonic()

    def step(self, row: Sequence[float]) -> None:
        """A row of the training loss."""
        if self._writer:
            self._writer.add_scalar("training/loss", row[1], int(row[0]))
            self._writer.add_scalar("training/learning_rate", row[2], int(row[0]))

    def epoch(self, row: dict[str, float], state: TrainingState) -> None:
        """A finished epoch."""
        if not self._leading:
            return
        for name, value in row.items():
            if self._writer and name not in ("epoch", "step", "learning_rate"):
                self._writer.add_scalar(f"epoch/{name}", value, int(row["epoch"]))
        self.line(", ".join(f"{name} {value:.6g}" for name, value in row.items()))
        self.tables(state)
        if time.monotonic() - self._plotted > _PLOT_EVERY_S:
            self.plot(state)

    def tables(self, state: TrainingState) -> None:
        """Write epochs.csv and steps.csv."""
        columns = list(dict.fromkeys(name for row in state.epochs for name in row))
        rows = [[row.get(name, "") for name in columns] for row in state.epochs]
        _write_table(self._folder / "epochs.csv", columns, rows)
        _write_table(self._folder / "steps.csv", STEP_COLUMNS, state.steps)

    def plot(self, state: TrainingState) -> None:
        """Write loss.png, where matplotlib is installed."""
        if self._leading and state.epochs and find_spec("matplotlib"):
            plot_losses(self._folder / "loss.png", state)
            self._plotted = time.monotonic()

    def line(self, text: str) -> None:
        """A line with the time of day in training.log."""
        if self._leading:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")


@contextmanager
def training_logs(
    folder: Path, log: Path, state: TrainingState, leading: bool, ended: bool
) -> Iterator[TrainingLogs]:
    """The logs of a run from `state` on, closed at the end of the block.

    leading  whether this is the process that writes; ended, whether there is nothing left to train.
    """
    writer = _tensorboard(folder / "tensorboard", state.step) if leading and not ended else None
    try:
        yield TrainingLogs(folder, log, leading, writer)
    finally:
        if writer:
            writer.close()


def _tensorboard(folder: Path, step: int) -> Any:
    """TensorBoard's writer, which drops what an earlier start wrote beyond `step`; None without."""
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=step or None)


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
