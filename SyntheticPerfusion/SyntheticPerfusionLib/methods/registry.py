"""Every method that can be chosen, by name."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from .classical import Deconvolution
from .deconvolution.recipes import RECIPES

_RECIPES = {recipe.name: recipe for recipe in RECIPES}


def method_names() -> list[str]:
    """Names of all methods, in the order in which they are offered."""
    return list(_RECIPES)


def get_method(name: str, leakage: bool = False, allow_for_transit: bool = False) -> Deconvolution:
    """The method called `name`; `leakage` adds the leakage-corrected maps where it can.

    `allow_for_transit` keeps slow transit from being taken for leakage (series/leakage.py).

    Raises InputError where there is no such method.
    """
    if name not in _RECIPES:
        raise InputError(
            f"There is no method called {name!r}; choose one of {', '.join(method_names())}."
        )
    return Deconvolution(_RECIPES[name], leakage, allow_for_transit)


def describe_methods() -> list[dict[str, Any]]:
    """Every method as plain JSON values."""
    return [get_method(name).describe() for name in method_names()]
