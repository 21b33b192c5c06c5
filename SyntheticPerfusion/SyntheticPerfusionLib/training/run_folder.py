"""The folder of a training: where its files lie, and to which configuration it belongs.

A run goes on where it was stopped when it is started again on its folder. A folder that belongs to
another configuration is refused, since going on in it would give weights that neither describes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..maps.write import usable_folder
from ..series.atomic import replacing
from .configuration import TrainingConfig

CONFIGURATION_FILE = "configuration.yaml"
BEGINNING_FILE = "beginning.json"

_OWN_NAMES = {
    "checkpoints",
    "patients",
    "tensorboard",
    "training.log",
    "epochs.csv",
    "steps.csv",
    "loss.png",
    BEGINNING_FILE,
    CONFIGURATION_FILE,
}
"""Of files and folders of a run, beside which its model is written."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of a training's files; only the process of rank 0 writes to them."""

    path: Path

    @property
    def configuration(self) -> Path:
        """The frozen configuration."""
        return self.path / CONFIGURATION_FILE

    @property
    def beginning(self) -> Path:
        """What the training began with: see beginning.py."""
        return self.path / BEGINNING_FILE

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint."""
        return self.path / "checkpoints" / "last.pt"

    @property
    def log(self) -> Path:
        """Epochs and the libraries' warnings, in lines."""
        return self.path / "training.log"

    @property
    def patients(self) -> Path:
        """Prepared patients, where the configuration names no cache."""
        return self.path / "patients"

    def best_weights(self, epoch: int) -> Path:
        """The weights of an epoch that was the best so far."""
        return self.path / "checkpoints" / f"best-epoch-{epoch:04d}.safetensors"

    def model(self, name: str) -> Path:
        """The model folder that the training ends with."""
        return self.path / name


def claim_folder(path: Path, config: TrainingConfig) -> RunFolder:
    """The run folder for a training, made or found again with the same configuration frozen in it.

    Where nothing was learned yet, as after patients that were refused, the configuration may
    change. To be called by who holds the folder (`held`). Raises InputError where it belongs to
    another training, cannot be written to, or has something else in the place of the model.
    """
    folder = RunFolder(usable_folder(path))
    _check_place(folder.model(config.name))
    if folder.checkpoint.exists():
        check_same_training(folder, config)
        return folder
    usable_folder(folder.checkpoint.parent)
    with replacing(folder.configuration) as temporary:
        temporary.write_text(config.as_yaml(), encoding="utf-8")
    return folder


def _check_place(model: Path) -> None:
    if model.name.lower() in _OWN_NAMES:
        raise InputError(
            f"The model cannot be called {model.name}, as a file of every training is; give this "
            "training another name."
        )
    other = model.is_file() or (model.is_dir() and any(model.iterdir()))
    if other and not (model / "model.json").is_file():
        raise InputError(
            f"{model}, where the model is to be written, is there and is no model; give this "
            "training another name or another output folder."
        )


@contextmanager
def held(folder: RunFolder) -> Iterator[None]:
    """Keep other processes from training in the folder; the system lets go when this one ends.

    The folder is made where it is not there. Raises InputError where another process trains in it
    or it cannot be written to. Where the system knows no such locks nothing is held.
    """
    usable_folder(folder.path)
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder.path / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder.path} is being trained in by another process; wait for it or stop it, or "
                "choose another output folder."
            ) from None
        except OSError:
            pass
        yield


def check_same_training(folder: RunFolder, config: TrainingConfig) -> None:
    """Raise InputError where the folder's configuration would give other weights than `config`."""
    frozen = TrainingConfig.read(folder.configuration)
    if frozen.same_training(config):
        return
    keys = ", ".join(_differences(frozen.as_json(), config.as_json()))
    raise InputError(
        f"{folder.path} holds a training with another configuration ({keys} changed); choose "
        f"another output folder, or go on with {folder.configuration}."
    )


def _differences(one: dict[str, Any], other: dict[str, Any], prefix: str = "") -> list[str]:
    found = []
    for key in {**one, **other}:
        if f"{prefix}{key}" == "data.cache" or (prefix == "trainer." and key != "precision"):
            continue
        left, right = one.get(key), other.get(key)
        if isinstance(left, dict) and isinstance(right, dict):
            found += _differences(left, right, f"{prefix}{key}.")
        elif left != right:
            found.append(f"{prefix}{key}")
    return found
