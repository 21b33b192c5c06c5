"""What the card of a Hess model says in words, from its configuration, and what it is valid for.

Whoever holds a map beside the paper must know where this model is not the paper's: in its
patients, its size, its training. So the sentences follow from the configuration, and the same
configuration gives the same sentences for a model that was trained earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..methods.hess_settings import HessArchitecture, HessPreprocessing
from .configuration import OptimisationConfig, TrainingConfig
from .patients import TrainingPatient

_PAPER_SIZES = {"encoding": 256, "code_channels": 16}
"""Of the layers, all that the paper gives (section 2.2)."""
_PAPER_DROPOUT = (0.5, 0.0)
"""After convolutions and after the dense layer, by the table of appendix A."""
_PAPER_TRAINING = {
    "epochs": 30,
    "batch_size": 4,
    "learning_rate": 5e-4,
    "schedule": "halving",
    "halve_every": 4,
    "warmup_steps": 0,
    "optimiser": "adam",
    "weight_decay": 0.0,
    "gradient_clip": 0.0,
}
_PAPER_ROWS = 32


def card_texts(
    config: TrainingConfig, quantity: str, patch_rows: int, shift: tuple[int, int]
) -> dict[str, Any]:
    """`description` and `limitations` of model.json.

    quantity, patch_rows, shift  of the `task` section (see hess_task.HessTaskSettings).
    """
    architecture = HessArchitecture.from_json(config.architecture)
    drawn = config.data.source == "digital"
    seen = "digital patients only" if drawn else "the patients of one folder"
    limitations = [
        _of_patients(drawn),
        "Voxels count as independent but for their neighbours in the slice: motion that was not "
        "corrected shows in the map.",
        _of_the_bolus(architecture, HessPreprocessing.from_json(config.preprocessing)),
        _of_sizes(architecture),
        _of_dropout(architecture),
        _of_training(config.optimisation, patch_rows),
        _of_shifts(shift),
    ]
    return {
        "description": (
            f"A network reads {quantity} from the raw series, voxel by voxel with its neighbours "
            f"in the slice, without an arterial input function. It was trained on {seen} and is "
            "valid for series like theirs."
        ),
        "limitations": [sentence for sentence in limitations if sentence],
    }


def valid_range(patients: Sequence[TrainingPatient], code: str) -> dict[str, list[float]]:
    """What the patients span, as acquired.

    code  of HessArchitecture: a patch at a fixed place wants a stack like theirs as well.
    """
    spans: dict[str, Sequence[float]] = {
        "repetition_time_s": [float(np.median(np.diff(one.frame_times_s))) for one in patients],
        "frames": [
            len(one.frame_times_s) + int(one.about.get("dropped_frames", 0)) for one in patients
        ],
        "spacing_mm": [step for one in patients for step in one.spacing_mm[:2]],
        "echo_time_s": [one.echo_time_s for one in patients if one.echo_time_s],
    }
    if code == "patch":
        spans["slices"] = [one.mask.shape[0] for one in patients]
        spans["slice_spacing_mm"] = [one.spacing_mm[2] for one in patients]
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


def _of_the_bolus(architecture: HessArchitecture, preprocessing: HessPreprocessing) -> str:
    if architecture.code == "patch":
        x, y, z = preprocessing.patch_centre_mm
        return (
            f"The bolus is read at a place that is the same for everybody, {x:g}, {y:g}, {z:g} mm "
            "(left, posterior, superior) from the middle of the field of view along the patient's "
            "axes as the series' direction has them: a single slice, or a stack that is tilted or "
            "does not reach there, may not hold the artery."
        )
    if architecture.code == "attention":
        return (
            "The bolus is read by attention over early, strong voxels of the brain, which is this "
            "project's and not the paper's."
        )
    return ""


def _of_sizes(architecture: HessArchitecture) -> str:
    first, second = architecture.channels
    own = (
        f"convolutions of {first} and {second} channels in time and {architecture.spatial} in the "
        f"slice, {architecture.dense} neurons"
    )
    other = [
        f"{name} {getattr(architecture, name)} (paper: {value})"
        for name, value in _PAPER_SIZES.items()
        if getattr(architecture, name) != value
    ]
    return (
        f"Layer sizes that the paper does not give are this project's choice: {own}"
        f"{'; other than in the paper: ' + ', '.join(other) if other else ''}."
    )


def _of_dropout(architecture: HessArchitecture) -> str:
    chosen = (architecture.dropout_convolutional, architecture.dropout_dense)
    if chosen == _PAPER_DROPOUT:
        return (
            "Dropout of 0.5 stands after convolutions, as in the paper's table; its text has it "
            "after fully connected layers."
        )
    return (
        f"Dropout, of 0.5 in the paper, is {chosen[0]:g} after convolutions and {chosen[1]:g} "
        "after the dense layer: this project's choice."
    )


def _of_training(chosen: OptimisationConfig, patch_rows: int) -> str:
    same = all(getattr(chosen, name) == value for name, value in _PAPER_TRAINING.items())
    if same and patch_rows == _PAPER_ROWS:
        return ""
    fall = {
        "constant": "held",
        "halving": f"halved every {chosen.halve_every} epochs",
        "cosine": "falling by a cosine",
    }[chosen.schedule]
    return (
        f"It was trained by this project's choice of schedule: {chosen.epochs} epochs of batches "
        f"of {chosen.batch_size} patches of {patch_rows} rows, learning rate "
        f"{chosen.learning_rate:g} {fall} (paper: 30 epochs, batches of 4 patches of 32 rows, "
        "0.0005 halved every 4 epochs)."
    )


def _of_shifts(shift: tuple[int, int]) -> str:
    if shift == (0, 0):
        return "It never saw the bolus moved in time: another time of arrival may mislead it."
    return (
        f"In training the series was moved by {shift[0]} to {shift[1]} frames as far as baseline "
        "and bolus stayed in the sequence, which is less than the paper's -5 to 30 where they "
        "would have been lost."
    )
