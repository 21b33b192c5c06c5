"""The patches that a network of the Hess family learns from (Hess 2018: 1 x 32 x 256)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..methods.hess_input import HessInput
from ..methods.hess_neighbours import neighbours_in_slice
from ..methods.hess_settings import HessArchitecture, HessPreprocessing
from ..methods.hess_window import allowed_shifts
from .opened_once import OpenedOnce, check_target
from .patients import TrainingPatient


@dataclass(frozen=True)
class Patch:
    """Rows `start` to `stop` of slice `k` of the patient of that number, all columns."""

    patient: int
    k: int
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class PatchContent:
    """What the network is given and should say; V voxels of the brain in the patch, N frames.

    sequences   (V, N) float32; times (N,); bolus by name, as HessInput.bolus_input.
    neighbours  (V, taps) int64, V where there is none.
    target      (V,) float32 in the map's unit, times since the first frame by its own
                clock.
    counted     (V,) bool, voxels that count in the loss.
    """

    sequences: np.ndarray
    times: np.ndarray
    bolus: dict[str, np.ndarray]
    neighbours: np.ndarray
    target: np.ndarray
    counted: np.ndarray


class PatchPatient:
    """A training patient, opened when a patch of it is first wanted."""

    def __init__(
        self,
        patient: TrainingPatient,
        quantity: str,
        clocked: bool,
        architecture: HessArchitecture,
        preprocessing: HessPreprocessing,
    ) -> None:
        check_target(patient, quantity)
        self.patient = patient
        self._quantity, self._clocked = quantity, clocked
        self._architecture, self._preprocessing = architecture, preprocessing
        self.input = OpenedOnce(patient, self._opened)

    def _opened(self) -> HessInput:
        patient = self.patient
        return HessInput(
            patient.signal,
            patient.frame_times_s,
            patient.mask,
            patient.spacing_mm,
            self._architecture,
            self._preprocessing,
            patient.direction,
        )

    def patches(self, number: int, rows: int) -> list[Patch]:
        """All patches with brain that counts, as those of patient `number`."""
        counted = np.asarray(self.patient.counted)
        height = counted.shape[1]
        return [
            Patch(number, int(k), start, min(start + rows, height))
            for k in np.flatnonzero(counted.any(axis=(1, 2)))
            for start in range(0, height, rows)
            if counted[k, start : start + rows].any()
        ]

    def shifts(self, lowest: int, highest: int) -> tuple[int, int]:
        """The shifts of that range that leave the bolus in the sequence."""
        opened = self.input()
        return allowed_shifts(
            opened.bolus, len(opened.times_s), self._architecture.frames, lowest, highest
        )

    def targets(self, voxels: np.ndarray, shift: int = 0) -> np.ndarray:
        """(V,) float32 targets of flat voxel indices, with the content shifted so many frames."""
        values = self.patient.targets[self._quantity].reshape(-1)[voxels].astype(np.float32)
        if not self._clocked:
            return values
        return values - np.float32(self.input().window(shift).middle_s)

    def counted_in(self, patch: Patch) -> int:
        """How many voxels of a patch count."""
        return int(np.count_nonzero(self.patient.counted[patch.k, patch.start : patch.stop]))

    def content(self, patch: Patch, shift: int = 0) -> PatchContent:
        """The patch with its sequence shifted by so many frames."""
        opened = self.input()
        window = opened.window(shift)
        rows = slice(patch.start, patch.stop)
        mask = np.asarray(self.patient.mask[patch.k, rows])
        columns = self.patient.mask.shape[2]
        before = (patch.k * self.patient.mask.shape[1] + patch.start) * columns
        voxels = before + np.flatnonzero(mask)
        return PatchContent(
            sequences=opened.sequences(window, voxels),
            times=opened.times(window),
            bolus=opened.bolus_input(window),
            neighbours=neighbours_in_slice(mask[None], self._architecture.spatial_kernel),
            target=self.targets(voxels, shift),
            counted=np.asarray(self.patient.counted[patch.k, rows])[mask],
        )


def target_moments(
    patients: Sequence[PatchPatient], lowest: int, highest: int
) -> tuple[float, float]:
    """Mean and standard deviation of the targets that count, over the shifts of training.

    Shifts move times alone, so that the two ends of their range and its middle say enough.
    """
    total = square = 0.0
    count = 0
    for one in patients:
        voxels = np.flatnonzero(one.patient.counted)
        values = one.targets(voxels).astype(np.float64)
        low, high = one.shifts(lowest, highest)
        base = one.input().window(0).middle_s
        for shift in sorted({low, (low + high) // 2, high}) if one._clocked else [0]:
            moved = values + (base - one.input().window(shift).middle_s)
            count += moved.size
            total += float(moved.sum())
            square += float(moved @ moved)
    if count == 0:
        raise InputError("No voxel of the training patients counts; check their brain masks.")
    mean = total / count
    return mean, max(float(np.sqrt(max(square / count - mean**2, 0.0))), 1e-6)
