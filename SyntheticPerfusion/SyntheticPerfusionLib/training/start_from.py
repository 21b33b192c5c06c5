"""Fine-tuning: a training that begins with the weights of a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .configuration import TrainingConfig

if TYPE_CHECKING:
    from ..methods.model_folder import ModelFolder
    from .task import Task


def with_start(
    config: TrainingConfig, kind: type[Task]
) -> tuple[TrainingConfig, ModelFolder | None]:
    """The configuration with what it takes over from its start, and the model it starts from.

    Where architecture or preprocessing are not given, they are those of the model; a path becomes
    one that means the same wherever it is read again.
    Raises InputError where there is no such model, or it is of another family or architecture; one
    that lacks an optional layer (Task.optional_layers) which the configuration asks for will do.
    """
    if not config.start_from:
        return config, None
    from ..methods.model_registry import find_model

    start = find_model(config.start_from)
    given = Path(config.start_from).expanduser().resolve()
    if given == start.path.resolve():
        config = replace(config, start_from=str(given))
    if start.family != config.family:
        raise InputError(
            f"start_from is {start.name}, of the family {start.family}, but this training is of "
            f"the family {config.family}; choose a model of that family."
        )
    config = replace(
        config,
        architecture=config.architecture or start.card["architecture"],
        preprocessing=config.preprocessing or start.card["preprocessing"],
    )
    wanted, found = config.architecture, start.card["architecture"]
    # A family fills in what a configuration leaves out, so only keys of both can disagree.
    different = [
        key
        for key in wanted
        if key in found
        and wanted[key] != found[key]
        and not (key in kind.optional_layers and wanted[key] and not found[key])
    ]
    if different:
        raise InputError(
            f"start_from is {start.name}, whose architecture differs in {', '.join(different)}; "
            "leave architecture out of the configuration to take over that of the model."
        )
    return config, start


def load_start(task: Task, start: ModelFolder) -> None:
    """Put the weights of the model into the task's network.

    Optional layers that the configuration asks for, and that the model lacks, stay as a new network
    has them. Raises InputError where the others do not fit.
    """
    weights = start.weights()
    asked = task.config.architecture
    new = tuple(f"{layer}." for key, layer in task.optional_layers.items() if asked.get(key))
    own = {
        name: tuple(value.shape)
        for name, value in task.network.state_dict().items()
        if name in weights or not name.startswith(new)
    }
    given = {name: tuple(value.shape) for name, value in weights.items()}
    if own != given:
        name = min(set(own.items()) ^ set(given.items()))[0]
        raise InputError(
            f"The weights of {start.name} do not fit this architecture: {name} is "
            f"{_shape(given, name)} there and {_shape(own, name)} here; leave architecture out of "
            "the configuration to take over that of the model."
        )
    task.network.load_state_dict({**task.network.state_dict(), **weights})


def _shape(shapes: Mapping[str, Any], name: str) -> str:
    return " x ".join(map(str, shapes[name])) or "a number" if name in shapes else "missing"
