"""Scaled maps of digital patients as pictures: scale, vessels, what stands for how many."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN, brain_regions
from SyntheticPerfusionLib.evaluation.evaluated_patient import COLLATERAL_NAMES, of_digital
from SyntheticPerfusionLib.evaluation.evaluation import evaluate, prepare_as_usual
from SyntheticPerfusionLib.evaluation.map_scale import MapScale, scales_of
from SyntheticPerfusionLib.evaluation.patient_figures import FITTED
from SyntheticPerfusionLib.evaluation.patient_sources import kept_source
from SyntheticPerfusionLib.evaluation.reference_phases import ReferencePhases
from SyntheticPerfusionLib.evaluation.similarity_figures import (
    INSIDE,
    INSIDE_WITHOUT_VESSELS,
    PLACES,
    SLICES,
    SLICES_WITHOUT_VESSELS,
    SimilarityFigures,
    over_patients,
)
from SyntheticPerfusionLib.evaluation.spread import spread
from SyntheticPerfusionLib.evaluation.trivial import (
    QUANTITY_NAMES,
    known_of_methods,
    trivial_predictors,
)
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.phantom.cohort import SMALL_GRID, CohortPlan
from SyntheticPerfusionLib.series.bolus import find_bolus

from .small_patients import coarse

SCALES = {
    "CBF": MapScale(0, 150),
    "Tmax": MapScale(0, 15),
    "TTP": MapScale(0, 60, before_arrival_s=15),
}


@pytest.fixture(scope="module")
def patient():
    return of_digital(coarse("stroke"), "sub-1")


def maps_of(patient, change=lambda name, values: values, method="made"):
    arrays = {
        QUANTITIES[name]: change(name, patient.truth[name]).astype(np.float32) for name in SCALES
    }
    return PerfusionMaps(arrays, patient.series.geometry, patient.brain, method)


def figures_of(patient, maps, by_arteries=()):
    look = SimilarityFigures(SCALES, by_arteries)
    look(patient, maps)
    return {(row.quantity, row.variant, row.place): row.figures for row in look.rows}


def test_the_truth_is_perfect_everywhere(patient):
    found = figures_of(patient, maps_of(patient))
    assert set(found) == {(name, "", place) for name in SCALES for place in PLACES}
    for one in found.values():
        assert one.mae == 0
        assert one.ssim == pytest.approx(1)
        assert one.r2 == pytest.approx(1)


def test_large_vessels_count_with_and_without(patient):
    vessels = patient.brain & ~brain_regions(patient.labels, patient.brain)[BRAIN]
    assert vessels.any()
    found = figures_of(
        patient, maps_of(patient, lambda name, values: np.where(vessels, values + 9, values))
    )
    for name in SCALES:
        for place in (SLICES_WITHOUT_VESSELS, INSIDE_WITHOUT_VESSELS):
            assert found[name, "", place].mae == 0
            assert found[name, "", place].ssim == pytest.approx(1)
        assert found[name, "", INSIDE].mae > found[name, "", SLICES].mae > 0
        assert found[name, "", INSIDE].ssim < 1 - 1e-4


def test_an_error_counts_once_in_its_place(patient):
    brain = brain_regions(patient.labels, patient.brain)[BRAIN]
    calm = brain & (patient.truth["Tmax"] > 0) & (patient.truth["Tmax"] < 13.5)
    found = figures_of(
        patient,
        maps_of(patient, lambda name, values: np.where(calm, values + 1.5, values)),
    )
    # 1.5 s of 15 s are 0.2 of a range of 2.
    expected = 0.2 * calm.sum() / brain.sum()
    assert found["Tmax", "", INSIDE_WITHOUT_VESSELS].mae == pytest.approx(expected, rel=1e-4)
    shown = patient.brain.any(axis=(1, 2))
    voxels = found["Tmax", "", SLICES].voxels
    assert voxels == patient.brain[shown].size
    assert found["Tmax", "", SLICES].mae == pytest.approx(0.2 * calm.sum() / voxels, rel=1e-4)


def test_whole_slices_flatter_a_constant_map(patient):
    level = float(np.median(patient.truth["Tmax"][patient.brain]))
    found = figures_of(patient, maps_of(patient, lambda name, values: np.full_like(values, level)))
    assert found["Tmax", "", SLICES].ssim > found["Tmax", "", INSIDE].ssim + 0.2
    assert np.isnan(found["Tmax", "", INSIDE].r2)


def test_a_scale_clips_and_times_count_from_the_arrival_of_the_bolus(patient):
    scale = MapScale(0, 20)
    np.testing.assert_allclose(
        scale.scaled(np.array([-5.0, 0.0, 10.0, 20.0, 30.0]), 99.0), [-1, -1, 0, 1, 1]
    )
    late = MapScale(0, 20, before_arrival_s=5)
    np.testing.assert_allclose(late.scaled(np.array([25.0, 35.0, 45.0]), 30.0), [-1, 0, 1])
    moved = replace(
        patient,
        series=replace(patient.series, frame_times_s=patient.series.frame_times_s + 7),
        truth={**patient.truth, "TTP": patient.truth["TTP"] + 7},
    )

    def rough(name, values):
        return np.round(values / 4) * 4 if name != "TTP" else values - 2

    before = figures_of(patient, maps_of(patient, rough))
    after = figures_of(moved, maps_of(moved, rough))
    assert before["TTP", "", INSIDE].mae == pytest.approx(after["TTP", "", INSIDE].mae, rel=1e-4)
    assert find_bolus(moved.series, moved.brain).arrival_time_s > 7


def test_scales_are_those_of_the_cards_and_of_the_first_who_states_one():
    def method(**preprocessing):
        return SimpleNamespace(describe=lambda: {"card": {"preprocessing": preprocessing}})

    ttp = method(target={"quantity": "TTP", "low": 5.0, "high": 50.0}, before_s=15.0)
    stretched = method(
        target={"quantity": "TTP", "low": 0, "high": 80}, time="series", before_s=15.0
    )
    assert scales_of([stretched]) == {"TTP": MapScale(0, 80)}
    flow = method(target={"quantity": "CBF", "low": 0.0, "high": 900.0}, before_s=15.0)
    later = method(target={"quantity": "CBF", "low": 0.0, "high": 300.0}, before_s=15.0)
    phases = method(highest={"Collateral_arterial": 5.0, "Collateral_delay": 4.0})
    other = method(target={"quantity": "Tmax", "mean": 3.0, "sd": 2.0})
    cards = [one.describe()["card"] for one in (ttp, flow)]
    group = SimpleNamespace(describe=lambda: {"card": cards[0], "cards": cards})
    found = scales_of([get_method("oSVD"), other, group, later, phases])
    assert found == {
        "TTP": MapScale(5, 50, before_arrival_s=15),
        "CBF": MapScale(0, 900),
        "Collateral_arterial": MapScale(0, 5),
        "Collateral_delay": MapScale(0, 4),
    }


def test_flow_by_an_artery_is_scaled_and_fitted(patient):
    factor = 1.3 / patient.arterial_share
    maps = maps_of(patient, lambda name, values: values * factor if name == "CBF" else values)
    found = figures_of(patient, maps, {"made"})
    assert found["CBF", FITTED, INSIDE].mae < 1e-4
    assert found["CBF", "", INSIDE].mae > 0.01
    plain = figures_of(patient, maps)
    assert ("CBF", FITTED, INSIDE) not in plain
    assert plain["CBF", "", INSIDE].mae > found["CBF", "", INSIDE].mae


def test_figures_spread_over_patients(patient):
    look = SimilarityFigures({"Tmax": SCALES["Tmax"]})
    for name, late_s in (("sub-1", 0.75), ("sub-2", 1.5), ("sub-3", 1.5)):
        other = replace(patient, identifier=name)
        look(other, maps_of(other, lambda name, values, late_s=late_s: values + late_s))
    found = over_patients(look.rows)
    assert set(found) == {("made", "Tmax", "", place) for place in PLACES}
    mae = found["made", "Tmax", "", INSIDE_WITHOUT_VESSELS]["mae"]
    assert mae.patients == 3
    # Voxels beyond 15 s are clipped in both: a little less than 0.1, 0.2 and 0.2.
    assert mae.most == mae.median == pytest.approx(0.2, rel=0.05)
    assert mae.least == pytest.approx(0.1, rel=0.05)
    assert mae.mean == pytest.approx((2 * mae.most + mae.least) / 3)


def test_a_spread_leaves_out_what_is_no_number():
    found = spread([1.0, None, 4.0, float("nan"), float("inf"), 2.5])
    assert (found.patients, found.mean, found.median) == (3, 2.5, 2.5)
    assert (found.least, found.most, found.sd) == (1.0, 4.0, 1.5)
    nothing = spread([float("nan")])
    assert nothing.patients == 0
    assert np.isnan(nothing.mean)
    assert np.isnan(spread([1.0]).sd)


def test_collateral_phases_are_judged_by_the_true_regions_too(patient):
    assert set(COLLATERAL_NAMES) <= set(patient.truth)
    look = SimilarityFigures({name: MapScale(0, 4) for name in COLLATERAL_NAMES})
    (found,) = trivial_predictors([patient], COLLATERAL_NAMES)[1:]
    result = evaluate([lambda: patient], [found], own_methods=[ReferencePhases], look=look)
    assert result.left_out == []
    r2 = {
        (row.method, row.quantity): row.figures.r2
        for row in look.rows
        if row.place == INSIDE_WITHOUT_VESSELS
    }
    for name in COLLATERAL_NAMES:
        assert r2["true regions", name] > 0.6
        assert np.isnan(r2["trivial-value", name])
    quantities = {one.quantity for one in result.found[1].figures.regions}
    assert quantities == set(COLLATERAL_NAMES)


def test_a_patient_without_a_region_has_no_maps_by_regions(patient):
    rois = {name: roi for name, roi in patient.rois.items() if name != "sss"}
    without = replace(patient, rois=rois)
    with pytest.raises(InputError, match="no region of the SSS"):
        ReferencePhases(without)
    (trivial, _) = trivial_predictors([patient])
    result = evaluate([lambda: without], [trivial], own_methods=[ReferencePhases])
    assert result.left_out == ["sub-1: There is no region of the SSS."]
    assert [one.method for one in result.found] == [trivial.name]


def test_trivial_predictors_know_what_the_methods_give_and_who_has_it(patient):
    assert known_of_methods([get_method("oSVD")]) == QUANTITY_NAMES
    assert known_of_methods([ReferencePhases(patient)]) == (*QUANTITY_NAMES, *COLLATERAL_NAMES)
    early = {name: map_ for name, map_ in patient.truth.items() if name not in COLLATERAL_NAMES}
    low = {**early, "CBF": patient.truth["CBF"] / 3}
    both = trivial_predictors([patient, replace(patient, truth=low)], ["CBF", COLLATERAL_NAMES[1]])
    prepared, _ = prepare_as_usual(patient.series)
    brain = brain_regions(patient.labels, prepared.mask & patient.brain)[BRAIN]
    maps = both[1].estimate(prepared.series, prepared.mask)
    for name, factor in (("CBF", 2 / 3), (COLLATERAL_NAMES[1], 1.0)):
        mean = factor * patient.truth[name][brain].mean()
        assert maps[name][brain].mean() == pytest.approx(mean, rel=1e-3)
    with pytest.raises(ValueError, match="no patient"):
        trivial_predictors([replace(patient, truth=early)], COLLATERAL_NAMES)


def test_patients_are_kept_for_the_next_evaluation(tmp_path, monkeypatch):
    plan = CohortPlan(
        patients=1, seed=8, mix=(("healthy", 1.0),), protocols=("standard",), grid=SMALL_GRID
    )
    monkeypatch.setattr("SyntheticPerfusionLib.evaluation.patient_sources._TRIVIAL_PATIENTS", 1)
    source = kept_source(plan, tmp_path)
    (drawn,) = (make() for make in source.patients)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nii.gz")}
    again = kept_source(plan, tmp_path)
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nii.gz")}
    assert again.identities == source.identities
    assert len(again.training) == 1
    assert {"CBF", "TTP"} <= set(drawn.truth)
    assert drawn.about["kind"] == "healthy"
    assert drawn.arterial_share is not None
    with pytest.raises(InputError, match="another plan"):
        kept_source(replace(plan, seed=9), tmp_path)
