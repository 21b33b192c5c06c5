"""The families of networks: which class runs a model folder of which family.

A model folder names its family; the family's code lies here. A new network is one more line, a
retrained one is none. Classes are named by strings, so that models can be listed without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model_folder import ModelFolder
    from .network_method import NetworkMethod

FAMILIES: dict[str, str] = {
    "hess": "methods.hess:HessMethod",
    "collateral": "methods.collateral:CollateralMethod",
    "pix2pix": "methods.pix2pix:Pix2PixMethod",
    "phae": "methods.phae:PhaeMethod",
    "phae-delay": "methods.phae_delay:PhaeDelayMethod",
}
"""Family -> "module:Class" below the library, in the order in which models are offered."""

_LIBRARY = __name__.partition(".")[0]


def network_method(folder: ModelFolder) -> NetworkMethod:
    """The method that runs a model folder; its family's code is loaded now, its weights later."""
    module, _, name = FAMILIES[folder.family].partition(":")
    method: NetworkMethod = getattr(import_module(f"{_LIBRARY}.{module}"), name)(folder)
    return method
