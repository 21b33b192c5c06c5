"""The single voxel curves that PHAE learns from: the brain of each patient, read as for inference.

Nobody's maps are needed, only a series with its arterial curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..methods.phae_input import subject_curves
from ..series.bolus import find_bolus
from ..series.dsc_series import DscSeries
from ..series.geometry import Geometry
from ..series.voxel_curves import VoxelCurves
from .patients import TrainingPatient

ARTERIES = ("automatic", "true")


@dataclass(frozen=True, eq=False)
class PatientSamples:
    """N curves of one patient at T even times, all over the patient's maximum.

    tissue    (N, T) float16; `arterial` (T,) float32.
    volume    (N,) float32, equation 2 without unit.
    step_s    time between frames in seconds.
    true_mtt  (N,) float32 in seconds, NaN where it is not known or does not count.
    """

    identifier: str
    tissue: np.ndarray
    arterial: np.ndarray
    volume: np.ndarray
    step_s: float
    true_mtt: np.ndarray

    @property
    def frames(self) -> int:
        """How long the curves are."""
        return int(self.arterial.size)


def patient_samples(patient: TrainingPatient, artery: str, most: int, seed: int) -> PatientSamples:
    """Curves of the patient's brain in which a bolus is seen.

    artery  of ARTERIES: the curve found in the series, or the one that fed a digital patient.
    most    how many voxels are drawn from the brain; 0 for all.
    seed    of that draw.
    Raises InputError where the patient has no such arterial curve, or none with an area.
    """
    arterial = patient.aif if artery == "automatic" else patient.true_aif
    if arterial is None:
        raise InputError(f"There is no {artery} arterial curve.")
    series = DscSeries(
        patient.signal.astype(np.float32),
        patient.frame_times_s,
        Geometry(patient.mask.shape, patient.spacing_mm),
        patient.echo_time_s,
        name=patient.identifier,
    )
    bolus = find_bolus(series, patient.mask)
    voxels = VoxelCurves(series, patient.mask, bolus)
    chosen = np.arange(voxels.inside.size)
    if 0 < most < chosen.size:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(chosen, most, replace=False, shuffle=False))
    subject = subject_curves(
        voxels,
        bolus,
        series.frame_times_s,
        arterial,
        f"{artery} curve of {patient.identifier}",
        chosen,
    )
    seen = subject.known
    return PatientSamples(
        identifier=patient.identifier,
        tissue=subject.tissue[seen].astype(np.float16),
        arterial=subject.arterial,
        volume=subject.volume[seen],
        step_s=subject.step_s,
        true_mtt=_true_mtt(patient, voxels.inside[chosen[seen]]),
    )


def _true_mtt(patient: TrainingPatient, inside: np.ndarray) -> np.ndarray:
    """(N,) true MTT in seconds at flat indices, NaN where there is none that counts."""
    if "MTT" not in patient.targets:
        return np.full(inside.size, np.nan, np.float32)
    mtt = patient.targets["MTT"].ravel()[inside]
    counts = patient.counted.ravel()[inside] & (mtt > 0)
    return np.where(counts, mtt, np.nan).astype(np.float32)


class SampleTable:
    """The samples of several patients, counted through."""

    def __init__(self, patients: Sequence[PatientSamples]) -> None:
        self._patients = [patient for patient in patients if patient.volume.size]
        self._ends = np.cumsum([patient.volume.size for patient in self._patients], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._ends.size else 0

    @property
    def knows_mtt(self) -> bool:
        """Whether the true MTT of any sample is known."""
        return any(np.isfinite(patient.true_mtt).any() for patient in self._patients)

    def gather(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """Arrays of the samples (N,), curves of several lengths filled up with 0 at their end.

        curves    (N, 2, T) float32, C and Ca.
        volume, step_s, true_mtt  (N,) float32.
        measured  (N, T) bool, the frames there are; only where lengths differ.
        """
        owner = np.searchsorted(self._ends, samples, side="right")
        present = np.unique(owner)
        lengths = np.array([patient.frames for patient in self._patients])
        longest = int(lengths[present].max())
        curves = np.zeros((len(samples), 2, longest), np.float32)
        volume, step_s, true_mtt = np.zeros((3, len(samples)), np.float32)
        for number in present:
            patient = self._patients[number]
            here = np.flatnonzero(owner == number)
            rows = samples[here] - (self._ends[number] - patient.volume.size)
            curves[here, 0, : patient.frames] = patient.tissue[rows]
            curves[here, 1, : patient.frames] = patient.arterial
            volume[here], true_mtt[here] = patient.volume[rows], patient.true_mtt[rows]
            step_s[here] = patient.step_s
        gathered: dict[str, np.ndarray] = {
            "curves": curves,
            "volume": volume,
            "step_s": step_s,
            "true_mtt": true_mtt,
        }
        if (lengths[present] < longest).any():
            gathered["measured"] = np.arange(longest) < lengths[owner, None]
        return gathered
