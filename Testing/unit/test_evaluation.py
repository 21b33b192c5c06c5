"""Methods against the truth: what is taken out, what is left out, and what stands beside it."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation import evaluated_patient
from SyntheticPerfusionLib.evaluation.brain_regions import brain_regions
from SyntheticPerfusionLib.evaluation.constant_transit import ConstantTransit
from SyntheticPerfusionLib.evaluation.evaluated_patient import TRUTH, of_digital
from SyntheticPerfusionLib.evaluation.evaluation import evaluate, prepare_as_usual
from SyntheticPerfusionLib.evaluation.patient_figures import FITTED, WITHOUT_OFFSET
from SyntheticPerfusionLib.evaluation.seen_before import seen_before
from SyntheticPerfusionLib.evaluation.summary import per_patient, summary
from SyntheticPerfusionLib.evaluation.tables import tables
from SyntheticPerfusionLib.evaluation.trivial import trivial_predictors
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.method import Method, Needs
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.phantom.cohort import CohortPlan, members
from SyntheticPerfusionLib.phantom.truth import TissueLabel

from .small_models import small_model
from .small_patients import coarse


@pytest.fixture(scope="module")
def patient():
    return of_digital(coarse("stroke"), "sub-1")


class Oracle(Method):
    """The truth, changed as it is told to: what a perfect method would give."""

    name = title = description = reference = "oracle"

    def __init__(self, patient, by_artery=False, scale=1.0, late_s=0.0, variance=None):
        self.needs = Needs(aif=by_artery)
        self._patient, self._variance = patient, variance
        self._change = {
            "CBF": lambda x: x * scale,
            "CBV": lambda x: x * scale,
            "Tmax": lambda x: x + late_s,
        }
        names = [*patient.truth, *(["Tmax_uncertainty"] if variance is not None else [])]
        self.quantities = tuple(QUANTITIES[name] for name in names)

    def estimate(self, series, mask, aif=None, device="cpu", progress=None, cancelled=None):
        assert (aif is not None) == self.needs.aif
        arrays = {}
        for item in self.quantities:
            if item.name == "Tmax_uncertainty":
                values = np.full(mask.shape, self._variance)
            else:
                values = self._change.get(item.name, lambda x: x)(self._patient.truth[item.name])
            arrays[item] = np.where(mask, values, 0).astype(np.float32)
        return PerfusionMaps(arrays, series.geometry, mask, self.name)


def rows_of(method, patient, **options):
    """Rows of the summary by quantity, variant and region, and the summary."""
    found = summary(evaluate([lambda: patient], [method], **options))
    return {(row["quantity"], row["variant"], row["region"]): row for row in found["maps"]}, found


def test_a_perfect_method_is_perfect_in_every_region(patient):
    rows, found = rows_of(Oracle(patient), patient)
    assert {key[0] for key in rows} == set(TRUTH)
    assert {key[2] for key in rows} >= {"brain", "tissue", "grey matter", "penumbra", "core"}
    for row in rows.values():
        assert row["mean_absolute"] == pytest.approx(0, abs=1e-5)
        assert row["correlation"] == pytest.approx(1, abs=1e-6)
    assert rows["Tmax", "", "brain"]["clipped_error_s"] == pytest.approx(0, abs=1e-5)
    assert found["lesions"][0]["dice"] == 1.0
    assert found["lesions"][0]["true_ml"] > 5


def test_what_an_artery_shows_is_taken_out_by_the_known_factor(patient):
    rows, _ = rows_of(Oracle(patient, True, 1 / patient.arterial_share), patient)
    assert rows["CBF", "", "tissue"]["median_ratio"] == pytest.approx(1, rel=1e-4)
    assert rows["CBV", "", "penumbra"]["median_ratio"] == pytest.approx(1, rel=1e-4)
    assert rows["RBF", "", "brain"]["mean_absolute"] == pytest.approx(0, abs=1e-3)


def test_a_wrong_height_of_the_arterial_curve_is_left_in_one_figure_and_out_of_another(patient):
    rows, _ = rows_of(Oracle(patient, True, 1.3 / patient.arterial_share), patient)
    assert rows["CBF", "", "white matter"]["median_ratio"] == pytest.approx(1.3, rel=1e-3)
    assert rows["CBF", FITTED, "white matter"]["median_ratio"] == pytest.approx(1, rel=1e-3)


def test_the_offset_of_deconvolution_is_taken_out_beside_tmax_as_it_is(patient):
    rows, found = rows_of(Oracle(patient, True, 1 / patient.arterial_share, late_s=2.0), patient)
    assert rows["Tmax", "", "brain"]["median_difference"] == pytest.approx(2, abs=1e-4)
    assert rows["Tmax", WITHOUT_OFFSET, "brain"]["clipped_error_s"] < 1e-4
    lesions = {row["variant"]: row for row in found["lesions"]}
    assert lesions[""]["volume_error_ml"] > 0
    assert lesions[WITHOUT_OFFSET]["dice"] == 1.0


def test_calibration_is_reported_where_there_is_an_uncertainty(patient):
    _, found = rows_of(Oracle(patient, late_s=1.0, variance=2.0), patient)
    (row,) = found["calibration"]
    # b = 1 s and an error of 1 s everywhere: outside below 1 - 1/e, inside above.
    assert row["observed"][:5] == [0, 0, 0, 0, 0]
    assert row["observed"][-3:] == [1, 1, 1]
    assert row["with_error"] is None
    assert [table.title for table in tables(found)][-1] == "Uncertainty of Tmax"


def test_every_third_slice_stands_for_three(patient):
    whole = rows_of(Oracle(patient), patient)[1]["lesions"][0]["true_ml"]
    some = rows_of(Oracle(patient), patient, slice_step=3)[1]["lesions"][0]["true_ml"]
    assert some == pytest.approx(whole, rel=0.4)
    seen = []
    evaluate([lambda: patient], [Oracle(patient)], slice_step=3, look=lambda p, m: seen.append(m))
    assert set(np.flatnonzero(seen[0].mask.any(axis=(1, 2)))) <= {1, 4, 7}


def test_large_vessels_are_no_brain_and_fluid_is_no_tissue():
    labels = np.repeat(np.array(list(TissueLabel), np.uint8), 40).reshape(1, 1, -1)
    regions = brain_regions(labels, np.ones(labels.shape, bool))
    at = {name: {TissueLabel(label).name for label in labels[r]} for name, r in regions.items()}
    assert {"ARTERY", "VEIN"}.isdisjoint(at["brain"])
    assert "CSF" in at["brain"]
    assert at["tissue"] == {"GREY_MATTER", "WHITE_MATTER", "CORE", "PENUMBRA", "OEDEMA", "TUMOUR"}
    assert at["penumbra"] == {"PENUMBRA"}
    few = brain_regions(labels, labels == TissueLabel.GREY_MATTER)
    assert "white matter" not in few


def test_who_cannot_be_used_is_left_out_and_said(patient):
    flat = replace(
        patient,
        identifier="sub-2",
        series=patient.series.with_signal(np.full_like(patient.series.signal, 100.0)),
    )

    class Refusing(Oracle):
        name = "refusing"

        def estimate(self, *arguments, **options):
            raise InputError("It does not like this one.")

    result = evaluate([lambda: flat, lambda: patient], [Refusing(patient), Oracle(patient)])
    assert [one.method for one in result.found] == ["oracle"]
    assert [one["identifier"] for one in result.patients] == ["sub-1"]
    assert result.left_out[0].startswith("sub-2: ")
    assert result.left_out[1] == "sub-1, refusing: It does not like this one."


@pytest.mark.parametrize("text", ["{", "[]", '{"acquisition": {"arterial_relaxivity": "much"}}'])
def test_a_broken_description_of_a_patient_is_named(tmp_path, text):
    drawn = tmp_path / "sub-1_patient.json"
    drawn.write_text(text)
    with pytest.raises(InputError, match=r"sub-1_patient\.json does not say what was drawn"):
        evaluated_patient._arterial_share(SimpleNamespace(drawn=drawn, identifier="sub-1"))


def test_trivial_predictors_are_the_mean_of_their_patients(patient):
    by_place, by_value = trivial_predictors([patient])
    prepared, _ = prepare_as_usual(patient.series)
    brain = brain_regions(patient.labels, prepared.mask & patient.brain)["brain"]
    value = by_value.estimate(prepared.series, prepared.mask)
    for name in ("CBF", "Tmax", "TTP"):
        assert np.ptp(value[name][prepared.mask]) == pytest.approx(0, abs=1e-3)
        mean = patient.truth[name][brain].mean()
        assert value[name][brain].mean() == pytest.approx(mean, rel=1e-3)
        place = by_place.estimate(prepared.series, prepared.mask)
        assert place[name][brain].mean() == pytest.approx(mean, rel=1e-3)
    r = np.corrcoef(place["Tmax"][brain], patient.truth["Tmax"][brain])[0, 1]
    assert r > 0.7
    assert not value["CBF"][~prepared.mask].any()


def test_no_patients_no_trivial_predictor():
    with pytest.raises(ValueError, match="no patient"):
        trivial_predictors([])


def test_constant_transit_is_volume_alone(patient):
    prepared, aif = prepare_as_usual(patient.series)
    maps = ConstantTransit(5.0).estimate(prepared.series, prepared.mask, aif)
    np.testing.assert_allclose(maps["CBF"], maps["CBV"] * 12, rtol=1e-5)
    assert set(np.unique(maps["MTT"])) <= {0.0, 5.0}


def test_patients_of_the_training_are_known_by_the_card(tmp_path):
    plan = CohortPlan(patients=6, seed=4, split=(0.5, 0.25, 0.25))
    data = {"source": "digital", "cohort": plan.as_json()}
    trained = small_model(tmp_path, "trained", {"training": _training({"data": data})})
    other = small_model(tmp_path, "other", {"training": _training({"data": {"source": "curves"}})})
    methods = [_Holder(trained), _Holder(other), get_method("oSVD")]
    everybody = members(plan)
    seen = [(one.kind, one.seed) for one in everybody if one.split != "test"]
    unseen = [(one.kind, one.seed) for one in everybody if one.split == "test"]
    (sentence,) = seen_before(methods, seen + unseen)
    assert sentence.startswith(f"{len(seen)} of the 6 patients were in the training of trained")
    assert seen_before(methods, unseen) == []
    cards = [one.describe()["card"] for one in methods[:2]]
    group = SimpleNamespace(name="both", describe=lambda: {"card": cards[1], "cards": cards[::-1]})
    (sentence,) = seen_before([group], seen)
    assert sentence.startswith(f"{len(seen)} of the {len(seen)} patients were in the training of b")


class _Holder:
    def __init__(self, folder):
        self.name, self._card = folder.name, dict(folder.card)

    def describe(self):
        return {"card": self._card}


def _training(configuration):
    return {
        "data": "none",
        "patients": 0,
        "configuration": configuration,
        "epochs": 0,
        "seed": 1,
        "software": {},
        "started_from": None,
    }


def test_every_figure_of_every_patient_is_kept(patient):
    result = evaluate([lambda: patient, lambda: patient], [Oracle(patient)])
    rows = per_patient(result)
    assert len(rows) == 2 * len(result.found[0].figures.regions)
    assert rows[0]["patient"] == "sub-1"
    assert rows[0]["method"] == "oracle"
    assert summary(result)["maps"][0]["patients"] == 2


def test_tables_name_units_and_methods(patient):
    found = rows_of(Oracle(patient), patient)[1]
    console = Console(width=140, record=True, file=io.StringIO())
    for table in tables(found):
        console.print(table)
    text = console.export_text()
    assert "Tmax [s]" in text
    assert "CBF [ml/100g/min]" in text
    assert "oracle" in text
    assert "MAEC" in text
