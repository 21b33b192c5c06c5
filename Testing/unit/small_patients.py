"""Digital patients that several test files share, made once per run."""

from __future__ import annotations

from functools import lru_cache

from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import DigitalPatient, make_patient
from SyntheticPerfusionLib.series.prepare import Prepared, prepare

SLAB = (14, 128, 128)
"""The middle of the head at clinical resolution, circle of Willis included: arteries fill whole
voxels there, as they do not in coarser ones."""


@lru_cache(maxsize=4)
def slab(kind: str, seed: int = 0) -> DigitalPatient:
    return make_patient(kind, seed, Acquisition(shape=SLAB))


@lru_cache(maxsize=4)
def prepared_slab(kind: str, seed: int = 0) -> Prepared:
    return prepare(slab(kind, seed).series)


@lru_cache(maxsize=4)
def coarse(kind: str, seed: int = 0) -> DigitalPatient:
    return make_patient(kind, seed, Acquisition.small())
