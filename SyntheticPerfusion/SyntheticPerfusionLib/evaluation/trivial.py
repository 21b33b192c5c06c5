"""What can be known of a patient without looking: the training set's mean value and mean map.

A figure that a trivial predictor reaches as well says nothing about a method. Only the brain's
outline and the time at which its mean signal is lowest are taken from the series: times of the
peak are counted from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import QUANTITIES
from ..methods.method import Method, Needs
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.bolus import find_bolus
from ..series.dsc_series import DscSeries
from ..series.prepare import prepare
from ..training.patient_content import relative_flow
from .brain_regions import BRAIN, brain_regions
from .evaluated_patient import COLLATERAL_NAMES, EvaluatedPatient

QUANTITY_NAMES = ("CBF", "CBV", "MTT", "Tmax", "TTP", "RBF")
TRIVIAL_MAP, TRIVIAL_VALUE = "trivial-map", "trivial-value"
TRIVIAL = (TRIVIAL_MAP, TRIVIAL_VALUE)

_BINS = (9, 24, 24)


class TrivialPredictor(Method):
    """The mean of the training set, by place or everywhere alike."""

    reference = "none"
    needs = Needs()

    def __init__(
        self, name: str, means: np.ndarray, quantities: Sequence[str] = QUANTITY_NAMES
    ) -> None:
        """A predictor by the means (Q, *_BINS) of the Q quantities over the box of the brain."""
        self.name = name
        self.quantities = tuple(QUANTITIES[one] for one in quantities)
        self.title = "Mean of the training set"
        self.description = "The training set's mean, whatever the series shows. For comparison."
        self._means = means

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """See `Method.estimate`."""
        bins = _bins(mask)
        peak_s = find_bolus(series, mask).peak_time_s
        arrays = {}
        for item, means in zip(self.quantities, self._means, strict=True):
            values = np.zeros(mask.shape, np.float32)
            values[mask] = means.ravel()[bins] + (peak_s if item.name == "TTP" else 0.0)
            arrays[item] = values
        return PerfusionMaps(arrays, series.geometry, mask, self.name)


def trivial_predictors(
    patients: Iterable[EvaluatedPatient], quantities: Sequence[str] = QUANTITY_NAMES
) -> list[TrivialPredictor]:
    """Mean map and mean value of the patients of a training set, in the order of TRIVIAL.

    quantities  their names; a patient counts for those that are known of it.
    ValueError where there is no patient for one of them.
    """
    size = int(np.prod(_BINS))
    total = np.zeros((len(quantities), size))
    count = np.zeros((len(quantities), size))
    for patient in patients:
        prepared = prepare(patient.series)
        inside = prepared.mask & patient.brain
        brain = brain_regions(patient.labels, inside)[BRAIN]
        truth = {**patient.truth, "RBF": relative_flow(patient.truth["CBF"], brain)}
        truth["TTP"] = truth["TTP"] - prepared.bolus.peak_time_s
        bins = _bins(prepared.mask)[brain[prepared.mask]]
        for row, name in enumerate(quantities):
            if name in truth:
                count[row] += np.bincount(bins, minlength=size)
                total[row] += np.bincount(bins, truth[name][brain], minlength=size)
    if not count.any(axis=1).all():
        raise ValueError("There is no patient to take the mean of.")
    overall = total.sum(axis=1, keepdims=True) / count.sum(axis=1, keepdims=True)
    by_place = np.where(count > 0, total / np.maximum(count, 1), overall)
    return [
        TrivialPredictor(name, means.reshape(-1, *_BINS), quantities)
        for name, means in (
            (TRIVIAL_MAP, by_place),
            (TRIVIAL_VALUE, np.repeat(overall, size, axis=1)),
        )
    ]


def known_of_methods(methods: Iterable[Method]) -> tuple[str, ...]:
    """The quantities that trivial predictors give beside these methods: collateral maps where one
    of them gives any."""
    given = {item.name for method in methods for item in method.quantities}
    return (*QUANTITY_NAMES, *(COLLATERAL_NAMES if given & set(COLLATERAL_NAMES) else ()))


def _bins(mask: np.ndarray) -> np.ndarray:
    """(N,) which of the bins of the box around the mask each of its voxels lies in."""
    axes: Sequence[np.ndarray] = np.nonzero(mask)
    found = []
    for places, bins in zip(axes, _BINS, strict=True):
        first, width = places.min(), np.ptp(places) + 1
        found.append((places - first) * bins // width)
    return np.ravel_multi_index(tuple(found), _BINS)
