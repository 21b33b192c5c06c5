"""The slices that a generator of the pix2pix family learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import InputError
from ..methods.pix2pix_input import Pix2PixInput
from ..methods.pix2pix_settings import Pix2PixArchitecture, Pix2PixPreprocessing, TargetRange
from .opened_once import OpenedOnce, check_target, counted_with_vessels
from .patients import TrainingPatient

LEAST_VOXELS = 200
"""Brain that counts in a slice that is learned from."""
_HIGHEST_SHARE = 0.999
_SOURCE_SLICES = 3
"""Of each patient, from which the range of the source is read."""


@dataclass(frozen=True)
class Drawn:
    """Slice `k` of the patient of that number, its time points moved, left and right exchanged."""

    patient: int
    k: int
    moved_s: float = 0.0
    flipped: bool = False


@dataclass(frozen=True, eq=False)
class SliceContent:
    """What the networks are given and should say, on the network's plane.

    source   (points, M, M) float32 within [-1, 1].
    brain    (M, M) bool.
    target   (1, M, M) float32 in the map's unit, times since the first frame from the first
             time point on; 0 outside the brain.
    counted  (M, M) bool, brain whose target counts.
    """

    source: np.ndarray
    brain: np.ndarray
    target: np.ndarray
    counted: np.ndarray


class SlicePatient:
    """A training patient, opened when a slice of it is first wanted."""

    def __init__(
        self,
        patient: TrainingPatient,
        quantity: str,
        clocked: bool,
        architecture: Pix2PixArchitecture,
        preprocessing: Pix2PixPreprocessing,
        vessels: bool = False,
    ) -> None:
        """A patient with the map `quantity`, a time since the first frame where `clocked`.

        vessels  whether the large vessels of a digital patient are learned as well.
        """
        check_target(patient, quantity)
        self.patient = patient
        self._quantity, self._clocked = quantity, clocked
        self._architecture, self._preprocessing = architecture, preprocessing
        self._vessels = vessels
        self.input = OpenedOnce(patient, self._opened)

    def _opened(self) -> Pix2PixInput:
        patient = self.patient
        return Pix2PixInput(
            patient.signal,
            patient.frame_times_s,
            np.asarray(patient.mask),
            patient.spacing_mm,
            self._architecture,
            self._preprocessing,
            patient.direction,
        )

    @cached_property
    def _learned(self) -> np.ndarray:
        """(K, J, I) bool, voxels whose targets are learned."""
        if self._vessels:
            return counted_with_vessels(self.patient, (self._quantity,))
        return np.asarray(self.patient.counted)

    def slices(self) -> list[int]:
        """Slices with enough tissue that counts."""
        counts = np.count_nonzero(self.patient.counted, axis=(1, 2))
        return [int(k) for k in np.flatnonzero(counts >= LEAST_VOXELS)]

    def targets(self) -> np.ndarray:
        """(V,) float32 targets of the tissue that counts, as learned: by the first time point."""
        values = np.asarray(self.patient.targets[self._quantity])[self.patient.counted]
        clock = self.input().times_s()[0] if self._clocked else 0.0
        return values.astype(np.float32) - np.float32(clock)

    def content(self, drawn: Drawn, preprocessing: Pix2PixPreprocessing) -> SliceContent:
        """The slice; `preprocessing` says how its source is scaled."""
        k, patient, plane = drawn.k, self.patient, self.input().plane
        seen = self.input().slice(k, drawn.moved_s)
        counted = self._learned[k]
        clock = np.float32(seen.start_s if self._clocked else 0.0)
        values = np.where(counted, patient.targets[self._quantity][k] - clock, 0)
        share = plane.to_network(counted)
        counts = (share >= 0.5) & seen.brain
        mean = np.divide(plane.to_network(values), share, out=np.zeros_like(share), where=counts)
        turn = slice(None, None, -1 if drawn.flipped else 1)
        return SliceContent(
            source=preprocessing.scaled(seen.source)[:, :, turn],
            brain=seen.brain[:, turn],
            target=mean[None, :, turn],
            counted=counts[:, turn],
        )

    def source_values(self) -> np.ndarray:
        """(N,) values of the source in the brain of some slices, not yet scaled."""
        slices = self.slices()
        some = np.linspace(0, len(slices) - 1, min(_SOURCE_SLICES, len(slices))).round()
        seen = [self.input().slice(slices[int(n)]) for n in some]
        return np.concatenate([one.source[:, one.brain].ravel() for one in seen] or [np.zeros(0)])


def source_range(patients: Sequence[SlicePatient]) -> tuple[float, float]:
    """0, which is no signal, and the 99.9th percentile of the source over the patients' brains."""
    values = np.concatenate([one.source_values() for one in patients])
    if not values.size:
        raise InputError("No slice of the training patients holds brain; check their masks.")
    return 0.0, _rounded(float(np.quantile(values, _HIGHEST_SHARE)))


def target_range(patients: Sequence[SlicePatient], quantity: str) -> TargetRange:
    """0 and the 99.9th percentile of the targets that count."""
    values = np.concatenate([one.targets() for one in patients])
    high = float(np.quantile(values, _HIGHEST_SHARE)) if values.size else 0.0
    if high <= 0:
        raise InputError(
            f"{quantity} is 0 or below in 999 of 1000 voxels of the training patients that count; "
            "check their maps and masks."
        )
    return TargetRange(quantity, 0.0, _rounded(high))


def _rounded(value: float) -> float:
    """To four digits, as the card has it: the same from it as in training."""
    return float(f"{value:.4g}")
