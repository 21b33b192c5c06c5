"""What the card of a pix2pix model says in words, and what it is valid for.

Whoever holds a map beside the paper must know where this model is not the paper's, so the sentences
follow from the configuration.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..maps.quantity import quantity
from ..methods.pix2pix_settings import Pix2PixArchitecture, Pix2PixPreprocessing, TargetRange
from .configuration import OptimisationConfig, TrainingConfig
from .patients import TrainingPatient

_PAPER_TRAINING = {"epochs": 100, "batch_size": 4, "learning_rate": 1e-4, "betas": (0.5, 0.999)}
_PAPER_EPOCHS_OF_FINE_TUNING = 50
_PAPER_L1_WEIGHT = 1.0
_ISOLA_L1_WEIGHT = 100.0
_ABSOLUTE = ("CBF", "CBV")
_TAKEN_OVER = "the range of the model that the training started from"
_JUDGED = (
    "How far its discriminator told true maps from made ones in the epoch that was kept stands in "
    "metrics.validation, as the mean probability of being true that it gave to either "
    "(judged_true, judged_made): where both are alike it told nothing, and the map was in effect "
    "learned by its absolute error."
)
_READS = {
    "pix2pix": "with its time points as channels, knowing no order among them",
    "temp-pix2pix": "first over time, voxel by voxel, then over the slice",
}


def card_texts(
    config: TrainingConfig,
    architecture: Pix2PixArchitecture,
    preprocessing: Pix2PixPreprocessing,
    target: TargetRange,
    l1_weight: float,
    vessels: bool,
) -> dict[str, Any]:
    """`title`, `description` and `limitations` of model.json.

    l1_weight  lambda of the absolute error beside the adversarial loss.
    vessels    whether large vessels were learned.
    preprocessing, target  as they are after training, with the ranges that were found.
    """
    drawn = config.data.source == "digital"
    seen = "digital patients only" if drawn else "the patients of one folder"
    name = target.quantity
    limitations = [
        _of_patients(drawn),
        _of_scale(name),
        "Slices are worked on one by one: what only a neighbouring slice shows is not known.",
        _of_time(preprocessing, architecture.points),
        _of_source(preprocessing, config),
        _of_target(target, bool(config.preprocessing.get("target"))),
        _of_vessels(vessels, drawn, name),
        _of_sizes(architecture),
        _of_training(config),
        _of_absolute_error(l1_weight),
        _JUDGED,
    ]
    return {
        "title": f"Synthetic {name} ({architecture.generator}, Kossen 2022)",
        "description": (
            f"A generative adversarial network reads {name} from the raw series, slice by slice, "
            f"{_READS[architecture.generator]}, without an arterial input function. It was trained "
            f"on {seen} and is valid for series like theirs."
        ),
        "limitations": [sentence for sentence in limitations if sentence],
    }


def valid_range(patients: Sequence[TrainingPatient]) -> dict[str, list[float]]:
    """What the patients span, as acquired. Slices of any matrix are brought to the network's."""
    spans: dict[str, Sequence[float]] = {
        "repetition_time_s": [float(np.median(np.diff(one.frame_times_s))) for one in patients],
        "frames": [
            len(one.frame_times_s) + int(one.about.get("dropped_frames", 0)) for one in patients
        ],
        "slice_spacing_mm": [one.spacing_mm[2] for one in patients],
        "echo_time_s": [one.echo_time_s for one in patients if one.echo_time_s],
    }
    return {
        name: [round(min(span), 4), round(max(span), 4)] for name, span in spans.items() if span
    }


def _of_patients(drawn: bool) -> str:
    if drawn:
        return (
            "It learned from digital patients alone, by their true maps: how far its values hold "
            "for series of a hospital has to be looked at there."
        )
    return "The value is only as good as the maps that the network learned from."


def _of_scale(name: str) -> str:
    if name not in _ABSOLUTE:
        return ""
    return (
        f"Absolute {name} cannot be known without an arterial input function: its scale is that of "
        "the patients of the training; read it as a ratio."
    )


def _of_time(preprocessing: Pix2PixPreprocessing, points: int) -> str:
    if preprocessing.frame_order_seed >= 0:
        order = " Their order is one fixed permutation, an experiment on what the order tells."
    else:
        order = ""
    if preprocessing.time == "series":
        return (
            f"The whole series is stretched to {points} points, as in the paper: one point means "
            f"another time for every length of a series.{order}"
        )
    return (
        f"The series is read at {points} points of {preprocessing.step_s:g} s from "
        f"{preprocessing.before_s:g} s before the bolus arrives on, its first and last value held "
        "beyond it: this project's choice, where the paper stretches the whole series to 80 "
        f"points.{order}"
    )


def _of_source(preprocessing: Pix2PixPreprocessing, config: TrainingConfig) -> str:
    low, high = preprocessing.source_range
    taken_over = Pix2PixPreprocessing.from_json(config.preprocessing).ranged
    origin = _TAKEN_OVER if taken_over else "its 99.9th percentile in the training patients"
    what = (
        "each voxel's signal over its own baseline, this project's choice, where the paper takes "
        "the signal as it is"
        if preprocessing.source == "relative"
        else "the signal over the baseline of the brain"
    )
    return (
        f"The source is {what}; {low:g} to {high:g}, {origin}, is -1 to 1, and values beyond are "
        "clipped."
    )


def _of_target(target: TargetRange, taken_over: bool) -> str:
    known = quantity(target.quantity)
    unit = f" {known.unit}" if known.unit else ""
    clock = ", counted from the first time point" if target.clocked else ""
    origin = (
        _TAKEN_OVER if taken_over else "the 99.9th percentile of tissue in the training patients"
    )
    return (
        f"{known.name} of {target.low:g} to {target.high:g}{unit}{clock}, {origin}, is -1 to 1: it "
        "gives no values beyond."
    )


def _of_vessels(learned: bool, drawn: bool, name: str) -> str:
    if not drawn:
        return (
            "Voxels of the brain without a value in the map that was learned are left out of the "
            "absolute error, which the paper takes over whole slices."
        )
    if not learned:
        return (
            "Large vessels are left out of the absolute error, which the paper takes over whole "
            "slices: what is shown there means nothing."
        )
    of_tissue = (
        f" {name} there is that of the tissue in the voxel; where blood fills it, nothing was "
        "learned and what is shown means nothing."
        if name in ("CBF", "MTT")
        else ""
    )
    return (
        "Large vessels of the digital patients were learned with the tissue, as far as their "
        "values lie within that range: what exceeds it is shown as its highest value, and counted "
        f"so in the validation error.{of_tissue}"
    )


def _of_sizes(architecture: Pix2PixArchitecture) -> str:
    path = (
        f"temporal convolutions of {_listed(architecture.temporal_widths)} channels, "
        if architecture.is_temporal
        else ""
    )
    return (
        f"Layer widths, which the paper does not give, are this project's choice for a CPU: {path}"
        f"a U-Net of {_listed(architecture.widths)}, a discriminator that begins with "
        f"{architecture.discriminator_width} and whose weights for the map start larger by the "
        "root of the number of time points."
    )


def _of_training(config: TrainingConfig) -> str:
    chosen: OptimisationConfig = config.optimisation
    paper = dict(_PAPER_TRAINING)
    # Fine-tuning keeps the map and its range; from the model of another map only weights are taken.
    if config.start_from and config.preprocessing.get("target"):
        paper["epochs"] = _PAPER_EPOCHS_OF_FINE_TUNING
    other = [
        f"{name.replace('_', ' ')} {_said(getattr(chosen, name))} (paper: {_said(value)})"
        for name, value in paper.items()
        if getattr(chosen, name) != value
    ]
    if config.start_from and not config.preprocessing.get("target"):
        start = Path(config.start_from).name
        other.append(f"weights that began as those of {start} (paper: as random numbers)")
    if chosen.companion_rate != 1:
        other.append(
            f"the discriminator at {chosen.companion_rate:g} of the generator's learning rate "
            "(paper: at the same)"
        )
    if chosen.schedule != "constant":
        other.append(f"a learning rate that falls ({chosen.schedule}; paper: constant)")
    if not other:
        return ""
    return f"It was trained other than in the paper: {', '.join(other)}."


def _of_absolute_error(weight: float) -> str:
    if weight == _PAPER_L1_WEIGHT:
        return ""
    as_isola = weight == _ISOLA_L1_WEIGHT
    origin = "as in pix2pix itself (Isola 2017)" if as_isola else "this project's choice"
    return (
        f"The absolute error, a mean over the slice, counts {weight:g} times as much as the "
        f"judgement of the discriminator, {origin}; the paper says {_PAPER_L1_WEIGHT:g}, by which "
        "a short training did not learn the map."
    )


def _said(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " and ".join(f"{one:g}" for one in value)
    return f"{value:g}"


def _listed(widths: Sequence[int]) -> str:
    return ", ".join(str(width) for width in widths)
