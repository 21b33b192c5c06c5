"""loss.png: how training loss and validation figures went, epoch by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis.figure import new_figure, save
from .training_state import ROW, TrainingState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_FIGURES = 5
_BLUE, _RED = "#14395b", "#b8331f"
_WIDTH, _HEIGHT = 4.2, 3.0
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.62, 0.15, 0.5, 0.4


def plot_losses(path: Path, state: TrainingState) -> Path:
    """Draw one plot for the loss and one for each figure; returns the file.

    Raises InputError where matplotlib is missing.
    """
    names = [name for name in state.epochs[-1] if name not in ROW][:_MOST_FIGURES]
    plots = ["loss", *names]
    width = _WIDTH * len(plots)
    figure = new_figure(width, _HEIGHT, "white")
    from matplotlib.ticker import MaxNLocator

    size = ((_WIDTH - _LEFT - _RIGHT) / width, (_HEIGHT - _BOTTOM - _TOP) / _HEIGHT)
    for n, name in enumerate(plots):
        corner = ((n * _WIDTH + _LEFT) / width, _BOTTOM / _HEIGHT)
        axis = figure.add_axes((*corner, *size))
        if name == "loss":
            _draw_steps(axis, state)
        axis.plot(
            [row["epoch"] for row in state.epochs],
            [row.get(name, float("nan")) for row in state.epochs],
            color=_BLUE if name == "loss" else _RED,
            marker=".",
            linewidth=1.3,
        )
        if name == "loss":
            _fit_to_epochs(axis, [row["loss"] for row in state.epochs])
        _mark_best(axis, state, name)
        title = (
            "Training loss"
            if name == "loss"
            else f"Validation: {name.removeprefix('validation_').replace('_', ' ')}"
        )
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_xlabel("Epoch", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return save(figure, path)


def _draw_steps(axis: Axes, state: TrainingState) -> None:
    """The loss within the epochs, faintly."""
    last = state.epochs[-1]
    length = last["step"] / last["epoch"]
    done = [row for row in state.steps if row[0] <= last["step"]]
    axis.plot(
        [row[0] / length for row in done],
        [row[1] for row in done],
        color="#b9d3ee",
        linewidth=0.8,
    )


def _fit_to_epochs(axis: Axes, means: list[float]) -> None:
    """Height of the plot, which the first steps, far above all others, would else decide."""
    low, high = min(means), max(means)
    if high > low:
        axis.set_ylim(low - 0.3 * (high - low), high + 0.3 * (high - low))


def _mark_best(axis: Axes, state: TrainingState, name: str) -> None:
    if state.best and state.best["name"] == name:
        axis.axvline(state.best["epoch"], color="#2a8c4a", linestyle=":", linewidth=1)
        axis.annotate(
            f"best: {state.best['value']:.4g}",
            (state.best["epoch"], 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-3, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color="#2a8c4a",
        )
