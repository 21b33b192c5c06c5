"""Where models are looked for: those that came with the program, and the person's own.

A model is a folder; putting one into the user's folder is all that installing it takes. One that
cannot be used is set aside with a sentence on what is wrong with it, and the others stay usable.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import InputError
from ..maps.quantity import QUANTITIES
from ..resources import resource
from .collateral_roi import CollateralRegions
from .deconvolution.recipes import RECIPES
from .families import FAMILIES
from .model_folder import ModelFolder, read_model_folder

USER_FOLDER_VARIABLE = "SYNTHETIC_PERFUSION_MODELS"

_BUILT_IN = {recipe.name.lower() for recipe in RECIPES} | {CollateralRegions.name}


def shipped_model_folder() -> Path:
    """Where the models lie that came with this installation."""
    return resource("Models")


def user_model_folder() -> Path:
    """Where a person's own models lie; the folder need not exist.

    The environment variable SYNTHETIC_PERFUSION_MODELS names it, else it is
    SyntheticPerfusion/Models in the folder that the system gives to programs for a person's data.
    """
    chosen = os.environ.get(USER_FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        data = home / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return data / "SyntheticPerfusion" / "Models"


def model_folders() -> dict[str, ModelFolder]:
    """Every model that can be chosen, by name: the shipped ones, then the user's."""
    return _survey()[0]


def grouped(folders: Mapping[str, ModelFolder]) -> dict[str, list[ModelFolder]]:
    """What is offered, by name: the models of each group together, all others alone.

    A model that gives a map which its group has already, as a person's own beside a shipped one, is
    offered alone. So are those of a group that is called as a model or another method is.
    """
    taken = _BUILT_IN | {name.lower() for name in folders}
    offered: dict[str, list[ModelFolder]] = {}
    for name, folder in folders.items():
        group = str(folder.card.get("group", ""))
        if not group or group.lower() in taken:
            offered[name] = [folder]
            continue
        given = {item for one in offered.get(group, []) for item in one.card["quantities"]}
        if given & set(folder.card["quantities"]):
            offered[name] = [folder]
        else:
            offered.setdefault(group, []).append(folder)
    return offered


def broken_folders() -> list[tuple[Path, str]]:
    """Folders that cannot be used, each with what is wrong with it."""
    return _survey()[1]


def find_model(name: str) -> ModelFolder:
    """The model called `name`, or in the folder that `name` is the path of.

    Raises InputError where there is none, or with what is wrong with it.
    """
    usable, broken = _survey()
    if name in usable:
        return usable[name]
    if "/" in name or os.sep in name or Path(name).is_dir():
        return read_model_folder(Path(name).expanduser())
    for path, sentence in broken:
        if path.name == name:
            raise InputError(sentence)
    names = ", ".join(
        [*(recipe.name for recipe in RECIPES), CollateralRegions.name, *grouped(usable)]
    )
    raise InputError(
        f"There is no method called {name!r}; choose one of {names}, or give the path of a model "
        "folder."
    )


def _survey() -> tuple[dict[str, ModelFolder], list[tuple[Path, str]]]:
    """All usable models by name, and all folders that are not."""
    usable: dict[str, ModelFolder] = {}
    broken: list[tuple[Path, str]] = []
    places = {"shipped": shipped_model_folder, "user": user_model_folder}
    for kind, place in places.items():
        found = []
        for path in _candidates(place, broken):
            try:
                folder = read_model_folder(path, digest=False, shipped=kind == "shipped")
            except (InputError, OSError) as error:
                broken.append((path, str(error)))
            else:
                found.append(folder)
        for folder in sorted(found, key=_rank):
            taken = _taken_by(folder, usable)
            if taken:
                broken.append((folder.path, taken))
            else:
                usable[folder.name] = folder
    return usable, broken


def _candidates(place: Callable[[], Path], broken: list[tuple[Path, str]]) -> list[Path]:
    """Folders in `place`, without half-written or hidden ones, whose names begin with a dot.

    Where `place` cannot be looked into it is added to `broken`.
    """
    try:
        folder = place()
        return [
            path
            for path in sorted(folder.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        ]
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        if place is shipped_model_folder and missing:
            broken.append((Path("Models"), str(error)))
        elif not missing or os.environ.get(USER_FOLDER_VARIABLE):
            reason = error.strerror or error
            broken.append((folder, f"The folder of models {folder} cannot be read ({reason})."))
        return []


def _rank(folder: ModelFolder) -> tuple[int, int, str]:
    """By family, then by the first map, as these are listed."""
    first = folder.card["quantities"][0]
    return list(FAMILIES).index(folder.family), list(QUANTITIES).index(first), folder.name


def _taken_by(folder: ModelFolder, usable: dict[str, ModelFolder]) -> str:
    """What to say where another method has the model's name; empty where none has."""
    others = {name.lower(): f"the model in {known.path}" for name, known in usable.items()}
    others |= dict.fromkeys(_BUILT_IN, "a method of this program")
    other = others.get(folder.name.lower())
    if other is None:
        return ""
    return (
        f"The model in {folder.path} is called {folder.name}, as is {other}; "
        "give it another name in its model.json."
    )
