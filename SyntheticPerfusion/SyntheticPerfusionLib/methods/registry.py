"""Every method that can be chosen, by name: classical ones, model folders, and groups of these."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from .classical import Deconvolution
from .collateral_roi import CollateralRegions
from .deconvolution.recipes import RECIPES
from .families import network_method
from .group import GroupMethod, describe_group
from .method import Method
from .model_registry import find_model, grouped, model_folders
from .network_method import describe_model

_RECIPES = {recipe.name: recipe for recipe in RECIPES}


def classical_names() -> list[str]:
    """Names of the methods without a network, in the order in which they are offered."""
    return list(_RECIPES)


def method_names() -> list[str]:
    """Names of all methods, in the order in which they are offered."""
    return [*_RECIPES, CollateralRegions.name, *grouped(model_folders())]


def get_method(name: str, leakage: bool = False, allow_for_transit: bool = False) -> Method:
    """The method called `name`, or that of the model folder that `name` is the path of.

    A group of models is a method by its name, and each of its models is one by its own.

    leakage            whether a classical method gives the leakage-corrected maps too.
    allow_for_transit  keeps slow transit from being taken for leakage (series/leakage.py).
    Raises InputError where there is no such method, or `leakage` is asked of a network.
    """
    if name in _RECIPES:
        return Deconvolution(_RECIPES[name], leakage, allow_for_transit)
    if leakage:
        raise InputError(
            f"{name} gives no leakage-corrected maps; leave the leakage correction out or choose "
            f"one of {', '.join(_RECIPES)}."
        )
    if name == CollateralRegions.name:
        return CollateralRegions()
    models = grouped(model_folders()).get(name, [])
    if len(models) > 1 or (models and models[0].name != name):
        return GroupMethod(name, [network_method(one) for one in models])
    return network_method(find_model(name))


def describe_methods() -> list[dict[str, Any]]:
    """Every method as plain JSON values. Loads no torch and no code of a network."""
    return [
        *(get_method(name).describe() for name in _RECIPES),
        CollateralRegions().describe(),
        *(
            describe_model(models[0]) if models[0].name == name else describe_group(name, models)
            for name, models in grouped(model_folders()).items()
        ),
    ]
