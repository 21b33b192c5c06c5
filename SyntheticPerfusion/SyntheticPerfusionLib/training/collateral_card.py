"""What the card of a collateral model says in words, from its configuration.

Whoever holds a map beside the paper must know where this model is not the paper's, so the
sentences follow from the configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..methods.collateral_settings import CollateralArchitecture, CollateralPreprocessing
from .collateral_task_settings import CollateralTaskSettings
from .configuration import TrainingConfig

_PAPER_LAYERS = {
    "first": 8,
    "blocks": (6, 12, 24, 48),
    "transitions": (32, 64, 128, 256),
    "classes": 5,
}
_PAPER_TRAINING = {
    "epochs": 300,
    "learning_rate": 1e-3,
    "schedule": "plateau",
    "patience": 10,
    "optimiser": "adam",
    "weight_decay": 0.0,
    "gradient_clip": 0.0,
}
_PAPER_PLANE = (224, 224)
_PAPER_SHARE = 0.75
_SOURCES = {
    "signal": "",
    "relative": "each voxel's signal over its own baseline, where the paper takes the raw signal",
    "tracer": "-ln of each voxel's signal over its own baseline, over the brain's level, where the "
    "paper takes the raw signal between the extremes in the brain",
}
_FALLS = {
    "constant": "held",
    "halving": "halved at even distances",
    "cosine": "falling by a cosine",
}


def card_texts(
    config: TrainingConfig,
    architecture: CollateralArchitecture,
    preprocessing: CollateralPreprocessing,
    settings: CollateralTaskSettings,
) -> dict[str, Any]:
    """`description` and `limitations` of model.json."""
    drawn = config.data.source == "digital"
    seen = "digital patients only" if drawn else "the patients of one folder"
    head = "; it learned to class voxels by intensity besides" if architecture.ordinal else ""
    limitations = [
        _of_patients(drawn),
        "The regions and the phases behind the maps it learned from are this program's "
        "(series/phases.py), not those of a neuroradiologist; values are in units of the brain's "
        "own level, and what lies above the highest value of a phase (preprocessing.highest: of "
        "one voxel in two hundred) is cut off.",
        _of_layers(architecture),
        _of_the_source(preprocessing),
        _of_training(config, settings.crop),
        _of_the_loss(architecture, settings.regression_weight),
        ""
        if settings.lesion_weight == 1
        else f"A voxel of core or penumbra counted {settings.lesion_weight:g} times as much in the "
        "loss as any other of the same patient (paper: all alike), as tissue that hardly any "
        "tracer reaches, or late, is rare.",
        ""
        if settings.vessels or not drawn
        else "Voxels with a large vessel did not count in training, so their values mean little.",
        "It looks at whole brains: a single slice, or part of a brain, runs, with a warning, and "
        "may be wrong without looking so.",
    ]
    return {
        "description": (
            "A network gives the collateral maps of the five phases from the series alone, without "
            f"regions drawn by a person{head}. It was trained on {seen} and is valid for series "
            "like theirs."
        ),
        "limitations": [sentence for sentence in limitations if sentence],
    }


def _of_patients(drawn: bool) -> str:
    if drawn:
        return (
            "It learned from digital patients alone, by the maps of their noise-free curves: how "
            "far its values hold for series of a hospital has to be looked at there."
        )
    return "The maps are only as good as those that the network learned from."


def _of_layers(architecture: CollateralArchitecture) -> str:
    other = [
        f"{name} {_shown(getattr(architecture, name))} (paper: {_shown(value)})"
        for name, value in _PAPER_LAYERS.items()
        if getattr(architecture, name) != value
    ]
    return (
        "What the paper leaves open about the layers is its predecessor's or chosen here: "
        f"{architecture.points} time points as channels, growth {architecture.growth}, bottleneck "
        f"{architecture.bottleneck}, normalisation of {architecture.group_channels} channels "
        f"together before each convolution, a decoder of {_shown(architecture.decoder)} maps, "
        "skips joined as channels, no pooling behind the last block"
        f"{'; other than in the paper: ' + ', '.join(other) if other else ''}."
    )


def _of_the_source(preprocessing: CollateralPreprocessing) -> str:
    chosen = [
        _SOURCES[preprocessing.source],
        f"time points {preprocessing.step_s:g} s apart from {preprocessing.before_s:g} s before "
        "the arrival of the bolus on, so that series of any repetition time fit"
        if preprocessing.time == "bolus"
        else "",
        "the mask of this program in place of the paper's threshold, which keeps the scalp"
        if preprocessing.mask == "given"
        else "",
    ]
    said = "; ".join(part for part in chosen if part)
    return f"Its input is this project's choice: {said}." if said else ""


def _of_training(config: TrainingConfig, crop: tuple[int, int, int]) -> str:
    chosen = config.optimisation
    same = all(getattr(chosen, name) == value for name, value in _PAPER_TRAINING.items())
    if same and crop[1:] == _PAPER_PLANE and not config.start_from:
        return ""
    slices = f"{crop[0]} slices" if crop[0] else "all slices"
    plane = f"{crop[1]} x {crop[2]} voxels" if all(crop[1:]) else "the brain's own rows and columns"
    fall = _FALLS.get(chosen.schedule, f"halved after {chosen.patience} epochs without improvement")
    start = f", from the weights of {Path(config.start_from).name} on" if config.start_from else ""
    return (
        f"It was trained by this project's choice of schedule: {chosen.epochs} epochs of batches "
        f"of {chosen.batch_size}, each {slices} of {plane}, learning rate {chosen.learning_rate:g} "
        f"{fall}{start} (paper: 300 epochs of all slices of 224 x 224 voxels, 0.001 halved after "
        "10 epochs without improvement)."
    )


def _of_the_loss(architecture: CollateralArchitecture, regression_weight: float) -> str:
    if not architecture.ordinal or regression_weight == _PAPER_SHARE:
        return ""
    return (
        f"Its squared error, a mean over the five maps, weighed {regression_weight:g} in the loss "
        f"and the cross entropy of the classes {1 - regression_weight:g} (paper: 0.75 and 0.25, "
        "without saying whether as means or sums)."
    )


def _shown(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, tuple) else str(value)
