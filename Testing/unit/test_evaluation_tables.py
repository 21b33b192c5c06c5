"""What the tables of pix2pix and of the collateral networks hang on: labels, pairs, averages."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from SyntheticPerfusionLib.analysis.agreement import Agreement
from SyntheticPerfusionLib.analysis.lesion_agreement import LesionAgreement
from SyntheticPerfusionLib.analysis.map_similarity import Similarity
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN, TISSUE
from SyntheticPerfusionLib.evaluation.evaluated_patient import COLLATERAL_NAMES
from SyntheticPerfusionLib.evaluation.evaluation import Evaluation, MethodOnPatient
from SyntheticPerfusionLib.evaluation.patient_figures import (
    FITTED,
    MapFigures,
    RegionFigures,
)
from SyntheticPerfusionLib.evaluation.similarity_figures import (
    INSIDE,
    PLACES,
    SLICES,
    SimilarityRow,
    over_patients,
)
from SyntheticPerfusionLib.evaluation.spread import spread
from SyntheticPerfusionLib.phantom.cohort import members
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

from unit.small_collateral import collateral_model

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import chosen_methods
import collateral_evaluation
import held_out
import kossen_tables
import spread_tables


def picture(method, patient, quantity, ssim, variant="", place=SLICES, kind="stroke", **others):
    figures = {"mae": 0.1, "nrmse": 0.1, "psnr": 20.0, "r2": 0.9, "tanimoto": 0.95, **others}
    return SimilarityRow(
        method, patient, kind, quantity, variant, place, Similarity(9, ssim=ssim, **figures)
    )


def judged(method, patient, quantity, error, r=0.8, variant="", region=BRAIN, dice=None):
    row = RegionFigures(
        quantity, variant, region, Agreement(100, r, 1.0, -0.5, error), error if dice else None
    )
    lesions = {} if dice is None else {variant: LesionAgreement(20.0, 20.0, dice)}
    return MethodOnPatient(method, patient, MapFigures((row,), lesions, None), 1.5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return [str(collateral_model(place / name).path) for name in ("a", "b")]


def test_models_of_one_name_are_told_apart_by_a_label(folders):
    found = chosen_methods.labelled([f"scratch={folders[0]}", f"tuned={folders[1]}", "oSVD"])
    assert [method.name for method in found] == ["scratch", "tuned", "oSVD"]
    with pytest.raises(InputError, match="Two of the methods are called collateral-small"):
        chosen_methods.labelled(folders)


def test_a_label_over_what_is_not_there_says_so(folders, capsys):
    found = chosen_methods.labelled([f"new={folders[0]}-none", f"old={folders[1]}"])
    assert [method.name for method in found] == ["old"]
    assert capsys.readouterr().err.count("is left out: ") == 1


def test_pairs_are_compared_in_the_patients_that_both_have():
    rows = [
        picture("a", "sub-1", "Tmax", 0.90),
        picture("b", "sub-1", "Tmax", 0.95),
        picture("a", "sub-2", "Tmax", 0.93),
        picture("b", "sub-2", "Tmax", 0.92),
        picture("a", "sub-3", "Tmax", 0.10),
        picture("b", "sub-2", "Tmax", 0.99, variant="offset removed"),
        picture("b", "sub-1", "Tmax", 0.20, place=INSIDE),
    ]
    result = Evaluation(
        found=[
            judged("a", "sub-1", "Tmax", 1.0),
            judged("b", "sub-1", "Tmax", 0.5),
            judged("a", "sub-2", "Tmax", 1.0),
            judged("b", "sub-2", "Tmax", 0.7),
            judged("b", "sub-2", "Tmax", 9.0, region=TISSUE),
        ]
    )
    (found,) = kossen_tables.comparison_rows(rows, result, [("a", "b"), ("a", "none")])
    assert (found["patients"], found["patients_ahead"], found["patients_nearer"]) == (2, 1, 2)
    assert found["ssim_ahead"] == pytest.approx(0.02)
    assert found["error_first"] == 1.0
    assert found["error_second"] == pytest.approx(0.6)


def test_physical_figures_are_of_the_brain_and_small_lesions_do_not_count():
    small = judged("net", "sub-2", "Tmax", 3.0, dice=0.1)
    small.figures.lesions[""] = LesionAgreement(20.0, 1.0, 0.1)
    result = Evaluation(
        found=[
            judged("net", "sub-1", "Tmax", 1.0, dice=0.8),
            small,
            judged("net", "sub-3", "Tmax", 2.0, dice=0.6),
            judged("net", "sub-3", "Tmax", 50.0, region=TISSUE),
            judged("net", "sub-1", "delay", 1.0),
        ]
    )
    found = kossen_tables.physical_figures(result)
    assert set(found) == {("net", "Tmax", "")}
    figures = found["net", "Tmax", ""]
    assert figures["mean_absolute"].mean == 2.0
    assert figures["clipped_error_s"].patients == 3
    assert figures["dice"].mean == pytest.approx(0.7)


def test_what_is_asked_is_held_against_the_best_of_osvd(capsys):
    result = Evaluation(
        found=[
            judged("net", "sub-1", "CBF", 20.0, r=0.9),
            judged("oSVD", "sub-1", "CBF", 40.0, r=0.85),
            judged("oSVD", "sub-1", "CBF", 18.0, r=0.85, variant=FITTED),
        ]
    )
    kossen_tables.print_physical(kossen_tables.physical_figures(result))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| net")]
    cells = [cell.strip() for cell in lines[0].split("|")]
    assert cells[3] == "no"
    assert cells[5] == "yes"


def test_pictures_are_held_against_what_is_asked(capsys):
    rows = [
        picture(method, "sub-1", "TTP", ssim, place=place)
        for method, ssim in (("good", 0.951), ("poor", 0.949))
        for place in PLACES
    ]
    kossen_tables.print_pictures(over_patients(rows))
    said = capsys.readouterr().out
    assert "| good | 0.951 ± - | yes |" in said
    assert "| poor | 0.949 ± - | no |" in said


def test_everything_asked_of_a_map_stands_in_one_line(capsys):
    rows = [
        picture("net", "sub-1", "Tmax", 0.93),
        picture("oSVD", "sub-1", "Tmax", 0.90),
        picture("oSVD", "sub-1", "Tmax", 0.94, variant="offset removed"),
        picture("trivial-map", "sub-1", "Tmax", 0.88),
        picture("trivial-value", "sub-1", "Tmax", 0.89),
    ]
    result = Evaluation(
        found=[
            judged("net", "sub-1", "Tmax", 0.6),
            judged("oSVD", "sub-1", "Tmax", 0.9),
            judged("oSVD", "sub-1", "Tmax", 0.5, variant="offset removed"),
            judged("trivial-map", "sub-1", "Tmax", 1.1),
            judged("trivial-value", "sub-1", "Tmax", 1.3),
        ]
    )
    kossen_tables.print_in_short(over_patients(rows), kossen_tables.physical_figures(result))
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "| net |" in one]
    assert line == (
        "| Tmax | net | 0.930 | yes (0.92) | 0.940 | 0.890 | 0.60 | yes | no | 0.90 (0.50) | 1.10 "
        "| 0.80 |"
    )


def test_the_average_over_phases_is_taken_in_each_patient():
    rows = [
        picture("net", patient, name, 0.9, place=INSIDE, kind=kind, r2=base + 0.1 * n, mae=0.05)
        for patient, kind, base in (("sub-1", "healthy", 0.4), ("sub-2", "stroke", 0.2))
        for n, name in enumerate(COLLATERAL_NAMES)
    ]
    found = collateral_evaluation.figures_of(rows, INSIDE, None)
    columns = found["net", "R2"]
    assert list(columns) == [*COLLATERAL_NAMES, collateral_evaluation.AVERAGE]
    average = columns[collateral_evaluation.AVERAGE]
    assert (average.least, average.most) == pytest.approx((0.4, 0.6))
    assert columns[COLLATERAL_NAMES[4]].mean == pytest.approx(0.7)
    healthy = collateral_evaluation.figures_of(rows, INSIDE, "healthy")
    assert healthy["net", "R2"][collateral_evaluation.AVERAGE].patients == 1
    assert collateral_evaluation.figures_of(rows, SLICES, None) == {}


def test_errors_are_reached_from_above_and_the_rest_from_below():
    assert collateral_evaluation.reached("MAE", 0.063) == "yes"
    assert collateral_evaluation.reached("MAE", 0.064) == "no"
    assert collateral_evaluation.reached("SSIM", 0.934) == "yes"
    assert collateral_evaluation.reached("R2", 0.899) == "no"
    assert collateral_evaluation.reached("R2", float("nan")) == "no"


def test_two_models_are_compared_phase_by_phase(capsys):
    rows = [
        picture(method, "sub-1", name, ssim, place=INSIDE, mae=mae)
        for method, ssim, mae in (("m", 0.9, 0.05), ("d", 0.8, 0.04))
        for name in COLLATERAL_NAMES
    ]
    collateral_evaluation.comparison(rows, ["m", "d"])
    said = capsys.readouterr().out
    assert "| SSIM | delay | 0.900 | 0.800 | yes | 1 of 1 |" in said
    assert "| MAE | early venous | 0.050 | 0.040 | no | 0 of 1 |" in said


def test_mean_and_deviation_share_a_cell():
    assert spread_tables.with_sd(spread([1.0, 2.0]), "+.1f") == "+1.5 ± 0.7"
    assert spread_tables.with_sd(spread([]), ".1f") == "-"
    assert spread_tables.with_sd(None, ".1f") == "-"


def test_held_out_patients_are_of_no_training():
    seeds = {}
    for name, trained in (("first", 2022), ("second", 2023)):
        plan = held_out.POPULATIONS[name]
        seeds[name] = {member.seed for member in members(plan)}
        training = replace(plan, seed=trained, patients=120)
        assert not seeds[name] & {member.seed for member in members(training)}
    assert not seeds["first"] & seeds["second"]


def test_patients_are_asked_for_by_arguments():
    parser = argparse.ArgumentParser()
    held_out.add_arguments(parser)
    wanted = {"--population": ["second"], "--seed": ["5"], "--patients": ["3"]}
    wanted["--grid"] = ["9", "64", "64"]
    given = parser.parse_args([word for key in wanted for word in (key, *wanted[key])])
    plan = held_out.plan_of(given)
    assert dict(plan.mix) == {"steno-occlusive": 0.7, "moyamoya": 0.3}
    assert (plan.seed, plan.grid) == (5, (9, 64, 64))
    source = held_out.source_of(given, "cpu")
    assert len(source.patients) == len(source.identities) == 3


def test_a_labelled_model_is_run_under_its_label(folders):
    (method,) = chosen_methods.labelled([f"mine={folders[0]}"])
    series = np.random.default_rng(0).uniform(90, 100, (45, 3, 20, 20)).astype(np.float32)
    series[12:20] *= 0.6
    whole = DscSeries(series, np.arange(45) * 1.5, Geometry((3, 20, 20), (2, 2, 5)), 0.03)
    mask = np.zeros((3, 20, 20), bool)
    mask[:, 4:16, 4:16] = True
    assert method.estimate(whole, mask).method == "mine"
