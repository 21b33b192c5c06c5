"""`synthetic-perfusion evaluate`: figures of drawn and stored patients, and its refusals."""

from __future__ import annotations

import json

import pytest
from SyntheticPerfusionLib.cli import main
from SyntheticPerfusionLib.phantom.cohort import CohortPlan
from SyntheticPerfusionLib.phantom.cohort_writing import write_cohort

DRAWN = ("--patients", "1", "--small", "--mix", "healthy=1", "--protocol", "standard")


def test_methods_are_compared_on_drawn_patients(tmp_path, capsys):
    path = tmp_path / "figures" / "evaluation.json"
    assert main(["evaluate", "Tikhonov", "--alone", *DRAWN, "--json", str(path)]) == 0
    said = capsys.readouterr().out
    assert "Tmax [s]" in said
    assert "For research only" in said
    content = json.loads(path.read_text())
    (patient,) = content["patients"]
    assert patient["kind"] == "healthy"
    assert patient["shape"] == [9, 64, 64]
    assert {row["method"] for row in content["summary"]["maps"]} == {"Tikhonov"}
    assert content["arguments"]["seed"] == 90_000


def test_the_test_part_of_a_folder_with_osvd_and_the_mean_beside_it(tmp_path, capsys):
    plan = CohortPlan(
        patients=2,
        mix=(("healthy", 1.0),),
        protocols=("standard",),
        split=(0.5, 0.0, 0.5),
        grid=(5, 32, 32),
    )
    write_cohort(plan, tmp_path / "cohort", workers=1)
    path = tmp_path / "evaluation.json"
    folder = str(tmp_path / "cohort")
    assert main(["evaluate", "oSVD", "--folder", folder, "--json", str(path)]) == 0
    content = json.loads(path.read_text())
    methods = {row["method"] for row in content["summary"]["maps"]}
    assert methods == {"oSVD", "trivial-map", "trivial-value"}
    assert len(content["patients"]) == 1


def test_only_the_trivial_predictor_wants_training_patients(tmp_path, capsys):
    plan = CohortPlan(
        patients=2,
        mix=(("healthy", 1.0),),
        protocols=("standard",),
        split=(0.0, 0.0, 1.0),
        grid=(5, 32, 32),
    )
    write_cohort(plan, tmp_path, workers=1)
    assert main(["evaluate", "oSVD", "--folder", str(tmp_path)]) == 2
    assert "'train'" in capsys.readouterr().err
    (broken,) = (tmp_path / "sub-002").rglob("*_dsc.nii.gz")
    broken.write_bytes(b"nothing")
    path = tmp_path / "evaluation.json"
    alone = ["--folder", str(tmp_path), "--alone", "--json", str(path)]
    assert main(["evaluate", "oSVD", *alone]) == 0
    content = json.loads(path.read_text())
    assert len(content["patients"]) == 1
    (said,) = content["left_out"]
    assert said.startswith("Patient 2: ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "There is no method called 'nothing'"),
        (["./nowhere"], "nowhere"),
        (["oSVD", "--patients", "0"], "--patients is 0"),
        (["oSVD", "--slice-step", "0"], "--slice-step is 0"),
        (["oSVD", "--grid", "9x64"], "--grid is '9x64'"),
        (["oSVD", "--folder", ".", "--small"], "--small and --folder were given"),
        (["oSVD", "--folder", ".", "--seed", "90000"], "--seed and --folder were given"),
        (["oSVD", "--json", "."], "--json . is a folder"),
        (["oSVD", "--json", __file__ + "/figures.json"], "is, or lies below, a file"),
        (["oSVD", "--mix", "unicorn=1"], "no digital patient called 'unicorn'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, sentence, capsys):
    assert main(["evaluate", *arguments]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.strip().splitlines()) == 1
