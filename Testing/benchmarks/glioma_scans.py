"""Digital gliomas scanned without noise on a coarse grid, to which noise is added afterwards.

So one patient is the same at every noise level. What is made once is kept in a cache, where one is
named: a scan takes about a second, and 80 of them 250 MB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.noise import rician
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

COARSE = Acquisition(shape=(12, 56, 56), spacing_mm=(4.0, 4.0, 8.0), snr=math.inf)
_VERSION = 1
"""Raised where what is made changes, so that older files are not taken for it."""


@dataclass(frozen=True, eq=False)
class GliomaScan:
    """A glioma without noise; arrays on one grid.

    series   float32 signal; baseline its mean in the brain before the bolus.
    truth    CBF and CBV; rois tumor and reference (bool).
    """

    kind: str
    seed: int
    who_grade: int
    series: DscSeries
    baseline: float
    truth: Mapping[str, np.ndarray]
    rois: Mapping[str, np.ndarray]

    def with_noise(self, snr: float, seed: int) -> DscSeries:
        """The series with Rician noise of baseline / snr, as neighbours of a scan share it."""
        signal = torch.tensor(self.series.signal)
        rician(signal, self.baseline / snr, seed, smoothness=COARSE.noise_smoothness)
        return replace(self.series, signal=signal.numpy())


def glioma_scan(kind: str, seed: int, cache: Path | None = None) -> GliomaScan:
    """The scan of a glioma; kept in and read from the folder `cache`."""
    if cache is None:
        return _scan_of(_made(kind, seed), kind, seed)
    path = cache / f"{kind}-{seed}-v{_VERSION}.npz"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, **_made(kind, seed))
        unfinished.replace(path)
    with np.load(path) as stored:
        return _scan_of(dict(stored), kind, seed)


def _made(kind: str, seed: int) -> dict[str, np.ndarray]:
    patient = make_patient(kind, seed, COARSE)
    steady = patient.series.signal[8:12, patient.mask]
    return {
        "signal": patient.series.signal.astype(np.float16),
        "baseline": np.array(steady.mean(dtype=np.float64)),
        "who_grade": np.array(patient.settings["disease"]["who_grade"]),
        **{name: patient.truth[name] for name in ("CBF", "CBV")},
        **{name: patient.rois[name] for name in ("tumor", "reference")},
    }


def _scan_of(made: Mapping[str, np.ndarray], kind: str, seed: int) -> GliomaScan:
    series = DscSeries(
        signal=made["signal"].astype(np.float32),
        frame_times_s=COARSE.frame_times_s,
        geometry=Geometry(COARSE.shape, COARSE.spacing_mm),
        echo_time_s=COARSE.echo_time_s,
    )
    return GliomaScan(
        kind=kind,
        seed=seed,
        who_grade=int(made["who_grade"]),
        series=series,
        baseline=float(made["baseline"]),
        truth={name: made[name] for name in ("CBF", "CBV")},
        rois={name: made[name] for name in ("tumor", "reference")},
    )
