"""The end of a training: its best weights and its card as a model folder, and that installed."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError
from ..methods.model_folder import ModelFolder, read_model_folder, write_model_folder
from ..methods.model_registry import model_folders, user_model_folder
from .configuration import TrainingConfig
from .run_folder import RunFolder
from .task import Task
from .training_state import ROW, TrainingState
from .weights_file import read_weights

_LICENCE = "Apache-2.0"
_PACKAGES = ("torch", "lightning", "numpy")
_OF_THE_RUN = ("data", "metrics", "version", "licence")
"""What a task's card may hold that the run puts elsewhere or has a value for."""


def write_model(
    config: TrainingConfig, task: Task, state: TrainingState, folder: RunFolder
) -> ModelFolder:
    """Write the best weights of the run as its model folder; returns it as read back."""
    assert state.best is not None
    card = _card(config, task, state)
    weights = read_weights(folder.path / state.best["file"])
    return write_model_folder(folder.model(config.name), card, weights, config.weights_dtype)


def install_model(model: ModelFolder) -> ModelFolder:
    """Copy the model into the person's own folder of models, where the registry lists it.

    Raises InputError where that is not possible (see `check_installable`).
    """
    check_installable(TrainingConfig.from_json(model.card["training"]["configuration"]))
    place = user_model_folder() / model.name
    card = {key: value for key, value in model.card.items() if key != "weights"}
    return write_model_folder(place, card, model.weights(), model.card["weights"]["dtype"])


def check_installable(config: TrainingConfig) -> None:
    """Raise InputError where another method or model already has the training's name.

    A model of the same configuration is the same training's, and is replaced.
    """
    from ..methods.registry import method_names

    name = config.name
    place = user_model_folder() / name
    taken = {known.lower() for known in method_names()} | {
        known.lower() for known in model_folders()
    }
    if place.exists():
        if _is_of(config, place):
            return
        where = f"in {place}"
    elif name.lower() in taken:
        where = "among the methods"
    else:
        return
    raise InputError(
        f"There is already a {name} {where}; give this training another name, or train without "
        "installing."
    )


def _is_of(config: TrainingConfig, place: Path) -> bool:
    """Whether the model that lies there is of this configuration."""
    try:
        earlier = read_model_folder(place).card["training"]["configuration"]
    except (InputError, OSError) as error:
        raise InputError(
            f"{place}, where the model is to be installed, is there and is no model that can be "
            f"read; remove it, give this training another name, or train without installing. "
            f"({error})"
        ) from error
    try:
        return TrainingConfig.from_json(earlier).same_training(without_places(config))
    except InputError:
        # A configuration of another version of this program is another training's.
        return False


def without_places(config: TrainingConfig) -> TrainingConfig:
    """The configuration as it is handed on with a model: folders by their names alone.

    Where they lie is nobody else's business, and may say whose patients are in them.
    """
    data = replace(config.data, folder=Path(config.data.folder).name, cache="")
    start = Path(config.start_from).name if config.start_from else None
    return replace(config, data=data, start_from=start)


def _card(config: TrainingConfig, task: Task, state: TrainingState) -> dict[str, Any]:
    own = task.card()
    best = state.best or {}
    validation = next((row for row in state.epochs if row["epoch"] == best["epoch"]), {})
    card = {
        "architecture": dict(config.architecture),
        "preprocessing": dict(config.preprocessing),
        **{key: value for key, value in own.items() if key not in _OF_THE_RUN},
        "name": config.name,
        "family": config.family,
        "version": config.version,
        "licence": own.get("licence", _LICENCE),
        "training": {
            "data": own.get("data") or _data_in_words(config),
            "patients": sum(patient.split == "train" for patient in task.patients),
            "configuration": without_places(config).as_json(),
            "epochs": state.epoch,
            "best_epoch": best["epoch"],
            "steps": state.step,
            "seconds": round(state.seconds, 1),
            "device": state.device,
            "seed": config.seed,
            "software": _software(),
            "started_from": without_places(config).start_from,
        },
        "metrics": {
            "validation": {key: value for key, value in validation.items() if key not in ROW[1:]},
            **own.get("metrics", {}),
            "command": "synthetic-perfusion train FILE, which holds training.configuration",
        },
    }
    for key in ("title", "description", "group"):
        if getattr(config, key):
            card[key] = getattr(config, key)
    return card


def _data_in_words(config: TrainingConfig) -> str:
    data = config.data
    if data.source == "curves":
        return "Simulated curves of single voxels."
    if data.source == "digital":
        return f"{data.cohort.get('patients', 'Some')} digital patients, drawn by phantom.cohort."
    return f"Patients of the folder {Path(data.folder).name}."


def _software() -> dict[str, str]:
    found = {"synthetic-perfusion": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
