"""The packages that training needs beyond those that make maps, and what to say where they lack.

Nothing is installed here: in Slicer the panel offers to, elsewhere the person does.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from ..errors import InputError

TRAINING_PACKAGES = {
    "torch": "torch",
    "lightning": "lightning",
    "yaml": "PyYAML",
    "safetensors": "safetensors",
    "jsonschema": "jsonschema",
}
"""What cannot be done without: name to import -> name to install."""


def missing_packages() -> list[str]:
    """Names to install of the packages that are not there; loads none of them."""
    return [package for module, package in TRAINING_PACKAGES.items() if find_spec(module) is None]


def require_training_packages() -> None:
    """Raise InputError, which names them all, where packages are missing."""
    missing = missing_packages()
    if missing:
        raise InputError(
            f"Training needs {', '.join(missing)}, not installed here; install with "
            f"`pip install {' '.join(missing)}`, or let the panel in Slicer do it."
        )


def require(module: str) -> ModuleType:
    """The module, imported; InputError where training's packages are missing."""
    require_training_packages()
    return import_module(module)
