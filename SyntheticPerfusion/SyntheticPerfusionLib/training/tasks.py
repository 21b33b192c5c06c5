"""Which task trains which family. Written as text, so that listing them loads no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from .task import Task

TASKS = {
    "hess": "SyntheticPerfusionLib.training.hess_task:HessTask",
    "collateral": "SyntheticPerfusionLib.training.collateral_task:CollateralTask",
    "pix2pix": "SyntheticPerfusionLib.training.pix2pix_task:Pix2PixTask",
    "phae": "SyntheticPerfusionLib.training.phae_task:PhaeTask",
    "phae-delay": "SyntheticPerfusionLib.training.phae_delay_task:PhaeDelayTask",
}
"""Family -> "module:Class" of its task."""


def task_class(family: str) -> type[Task]:
    """The task of a family; InputError where it has none."""
    if family not in TASKS:
        raise InputError(f"family is '{family}'; choose one of {', '.join(TASKS)}.")
    module, _, name = TASKS[family].partition(":")
    found: type[Task] = getattr(import_module(module), name)
    return found
