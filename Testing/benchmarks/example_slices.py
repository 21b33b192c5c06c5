"""Slices of patients kept while an evaluation runs, as pictures for the eyes: truth and methods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.analysis.contact_sheet import Panel, Row, contact_sheet
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN, brain_regions
from SyntheticPerfusionLib.evaluation.evaluated_patient import EvaluatedPatient
from SyntheticPerfusionLib.evaluation.trivial import TRIVIAL
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import quantity
from SyntheticPerfusionLib.training.patient_content import relative_flow

_LATE_S = 6.0
_SIGMA_S = (0.0, 4.0)
_SHOWN = 4


class ExampleSlices:
    """One slice of the first few patients, of every method, kept while maps are made.

    without  methods of which alone no picture is made.
    """

    def __init__(self, without: Sequence[str] = ()) -> None:
        self._without = {"truth", *without}
        self.slices: dict[str, int] = {}
        self.patients: dict[str, EvaluatedPatient] = {}
        self.maps: dict[str, dict[str, dict[str, np.ndarray]]] = defaultdict(dict)

    def __call__(self, patient: EvaluatedPatient, maps: PerfusionMaps) -> None:
        """Keep the slice with most of the lesion, or the middle one."""
        name = patient.identifier
        if name not in self.slices:
            if len(self.slices) == _SHOWN:
                return
            late = maps.mask & patient.brain & (patient.truth["Tmax"] > _LATE_S)
            area, shown_at = late.sum(axis=(1, 2)), np.flatnonzero(maps.mask.any(axis=(1, 2)))
            middle = int(shown_at[shown_at.size // 2])
            self.slices[name] = int(area.argmax()) if area.any() else middle
            self.patients[name] = patient
            brain = brain_regions(patient.labels, maps.mask & patient.brain)[BRAIN]
            truth = {**patient.truth, "RBF": relative_flow(patient.truth["CBF"], brain)}
            self.maps[name]["truth"] = self._slice(name, truth, maps.mask)
        values = {key: maps[key] for key in maps.names}
        if maps.method not in TRIVIAL:
            # Models under one label give a map each.
            self.maps[name].setdefault(maps.method, {}).update(self._slice(name, values, maps.mask))

    def _slice(
        self, name: str, values: dict[str, np.ndarray], mask: np.ndarray
    ) -> dict[str, np.ndarray]:
        at = self.slices[name]
        return {key: np.where(mask[at], one[at], np.nan)[None] for key, one in values.items()}

    def picture(self, quantity_name: str, path: Path) -> None:
        """The truth, every method and its uncertainty side by side, a patient a row."""
        sets = next(iter(self.maps.values()), {})
        shown_names = [key for key, values in sets.items() if quantity_name in values]
        if set(shown_names) <= self._without:
            return
        truths = np.concatenate(
            [values["truth"][quantity_name].ravel() for values in self.maps.values()]
        )
        window = window_of(quantity_name, truths)
        rows = []
        for name, values in self.maps.items():
            patient = self.patients[name]
            panels = [
                Panel(key, values[key][quantity_name], window, quantity(quantity_name))
                for key in shown_names
            ]
            panels += [
                Panel(f"sigma, {key}", np.sqrt(values[key][uncertain]), _SIGMA_S, quantity("Tmax"))
                for key in shown_names
                if (uncertain := f"{quantity_name}_uncertainty") in values[key]
            ]
            geometry = replace(
                patient.series.geometry, shape=(1, *patient.series.geometry.shape[1:])
            )
            title = f"{patient.about['kind']}\n{patient.about.get('protocol', '')}"
            rows.append(Row(title, geometry, 0, panels))
        contact_sheet(path, rows)

    def side_by_side(
        self, quantity_names: Sequence[str], path: Path, by_arteries: Collection[str] = ()
    ) -> None:
        """The truth and every method that gives all of these maps, a row each, of the patient with
        the most of late tissue.

        by_arteries  methods whose flow and volume are on the scale of an artery: shown on tissue's.
        """
        if not self.maps:
            return
        name = max(
            self.maps, key=lambda one: float(np.nansum(self.maps[one]["truth"]["Tmax"] > _LATE_S))
        )
        patient, sets = self.patients[name], self.maps[name]
        geometry = replace(patient.series.geometry, shape=(1, *patient.series.geometry.shape[1:]))
        rows = []
        for method, values in sets.items():
            if set(quantity_names) <= set(values):
                share = patient.arterial_share if method in by_arteries else None
                panels = [
                    Panel(
                        one.removeprefix("Collateral_").replace("_", " "),
                        values[one] * (share or 1.0 if one in ("CBF", "CBV") else 1.0),
                        window_of(one, sets["truth"][one])
                        if one == "TTP"
                        else quantity(one).display_range,
                        quantity(one),
                    )
                    for one in quantity_names
                ]
                rows.append(Row(method, geometry, 0, panels))
        contact_sheet(path, rows)


def window_of(name: str, values: np.ndarray) -> tuple[float, float]:
    """One window for a picture: the usual one of Tmax, else what the truth holds."""
    if name == "Tmax":
        return quantity(name).display_range
    low, high = np.nanpercentile(values, (2, 98))
    return (0.0 if name == "RBF" else float(low)), float(high)
