"""Maps as pictures scaled to [-1, 1], as the papers of Kossen and Le measure theirs.

One scale for a quantity and all methods, so that they can be compared: a figure of the picture
depends on it. What lies outside the brain is -1 in both maps. Large vessels are in the pictures of
the papers, but not every training of ours counts them: figures stand with them and without.
Without, the voxels of vessels hold the truth in both maps, so that no window of the structural
similarity sees them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..analysis.map_similarity import Similarity, similarity, structural_similarity
from ..maps.perfusion_maps import PerfusionMaps
from ..series.bolus import find_bolus
from .brain_regions import BRAIN, brain_regions
from .evaluated_patient import EvaluatedPatient
from .map_scale import MapScale
from .patient_figures import map_variants
from .spread import Spread, spread

SLICES, SLICES_WITHOUT_VESSELS = "whole slices", "whole slices without vessels"
INSIDE, INSIDE_WITHOUT_VESSELS = "brain with vessels", "brain"
PLACES = (SLICES, SLICES_WITHOUT_VESSELS, INSIDE, INSIDE_WITHOUT_VESSELS)
"""Where pictures are compared: slices that hold brain, whole; or the voxels of the brain alone."""

FIGURES = ("mae", "nrmse", "ssim", "psnr", "r2", "tanimoto")

OUTSIDE = -1.0


@dataclass(frozen=True)
class SimilarityRow:
    """Of one map of one patient in one of PLACES; `variant` as in patient_figures."""

    method: str
    patient: str
    kind: str
    quantity: str
    variant: str
    place: str
    figures: Similarity


class SimilarityFigures:
    """Keeps the figures of every map that it is given: a `look` of `evaluation.evaluate`.

    scales        by name of the quantity; others are not looked at.
    by_arteries   names of the methods whose flow and volume are by an arterial curve.
    """

    def __init__(self, scales: Mapping[str, MapScale], by_arteries: Collection[str] = ()) -> None:
        self._scales, self._by_arteries = scales, by_arteries
        self._arrival_s: dict[str, float] = {}
        self.rows: list[SimilarityRow] = []

    def __call__(self, patient: EvaluatedPatient, maps: PerfusionMaps) -> None:
        """Look at the slices that have both maps and brain."""
        inside = maps.mask & patient.brain
        regions = brain_regions(patient.labels, inside)
        shown = inside.any(axis=(1, 2))
        truth = {name: patient.truth[name] for name in self._scales if name in patient.truth}
        by_artery = maps.method in self._by_arteries
        for name, variant, values in map_variants(maps, patient, truth, regions, by_artery):
            if name not in self._scales:
                continue
            x, y = (
                np.where(inside, self._scales[name].scaled(one, self._arrival(patient)), OUTSIDE)
                for one in (values, truth[name])
            )
            found = similarity_by_place(x[shown], y[shown], inside[shown], regions[BRAIN][shown])
            self.rows += [
                SimilarityRow(
                    maps.method,
                    patient.identifier,
                    str(patient.about.get("kind", "")),
                    name,
                    variant,
                    place,
                    figures,
                )
                for place, figures in found.items()
            ]

    def _arrival(self, patient: EvaluatedPatient) -> float:
        """When the bolus arrives in the brain of a patient, in s on the clock of its series."""
        if all(scale.before_arrival_s is None for scale in self._scales.values()):
            return 0.0
        if patient.identifier not in self._arrival_s:
            bolus = find_bolus(patient.series, patient.brain)
            self._arrival_s[patient.identifier] = bolus.arrival_time_s
        return self._arrival_s[patient.identifier]


def similarity_by_place(
    estimate: np.ndarray, truth: np.ndarray, inside: np.ndarray, brain: np.ndarray
) -> dict[str, Similarity]:
    """The figures in each of PLACES of scaled maps (K, J, I) that are OUTSIDE out of `inside`.

    brain  (K, J, I) bool, `inside` without large vessels.
    """
    whole = np.ones(inside.shape, bool)
    without = np.where(inside & ~brain, truth, estimate)
    found = {}
    for values, places in (
        (estimate, ((SLICES, whole), (INSIDE, inside))),
        (without, ((SLICES_WITHOUT_VESSELS, whole), (INSIDE_WITHOUT_VESSELS, brain))),
    ):
        picture = structural_similarity(values, truth)
        for place, region in places:
            found[place] = similarity(values, truth, region, picture=picture)
    return {place: found[place] for place in PLACES}


Key = tuple[str, str, str, str]
"""Method, quantity, variant and place."""


def over_patients(rows: Iterable[SimilarityRow]) -> dict[Key, dict[str, Spread]]:
    """How each of FIGURES spreads over the patients, by method, quantity, variant and place."""
    groups: dict[Key, list[Similarity]] = {}
    for row in rows:
        key = (row.method, row.quantity, row.variant, row.place)
        groups.setdefault(key, []).append(row.figures)
    return {
        key: {name: spread(getattr(one, name) for one in members) for name in FIGURES}
        for key, members in groups.items()
    }
