"""What a network sees of a training patient, made when it is first wanted, and what it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

from ..errors import InputError
from .digital_source import VESSELS
from .patients import TrainingPatient

Input = TypeVar("Input")


class OpenedOnce(Generic[Input]):
    """The examination of `patient` as `open_it` makes it: once, whichever thread asks first.

    Its InputError is raised with the patient's name before it.
    """

    def __init__(self, patient: TrainingPatient, open_it: Callable[[], Input]) -> None:
        self._patient, self._open = patient, open_it
        self._opening = Lock()
        self._opened: list[Input] = []

    def __call__(self) -> Input:
        """The examination."""
        with self._opening:
            if not self._opened:
                try:
                    self._opened.append(self._open())
                except InputError as error:
                    raise InputError(f"{self._patient.identifier}: {error}") from error
            return self._opened[0]


def check_target(patient: TrainingPatient, quantity: str) -> None:
    """Raise InputError where the patient has no map `quantity` to learn from."""
    if quantity not in patient.targets:
        raise InputError(
            f"{patient.identifier} has no {quantity} to learn from, only "
            f"{', '.join(patient.targets) or 'none'}."
        )


def counted_with_vessels(patient: TrainingPatient, quantities: Sequence[str]) -> np.ndarray:
    """(K, J, I) bool: what counts, and of a digital patient the large vessels of the brain as well.

    quantities  maps that are learned. A voxel that holds 0 in all of them is left out: one that
                blood fills has no flow of tissue, one beyond the true brain no truth.
    """
    counted = np.asarray(patient.counted)
    if patient.labels is None:
        return counted
    known = np.any([np.asarray(patient.targets[name]) != 0 for name in quantities], axis=0)
    return counted | (np.isin(patient.labels, VESSELS) & np.asarray(patient.mask) & known)
