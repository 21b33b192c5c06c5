"""A Hess model's card says where the model is not the paper's, whichever configuration made it."""

from dataclasses import replace

import pytest
import yaml
from SyntheticPerfusionLib.resources import resource
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.hess_card import card_texts, valid_range

from unit.small_hess import GRID, SPACING, hess_patient


def texts(name="tmax-hess", **data):
    content = yaml.safe_load(resource(f"Training/{name}.yaml").read_text(encoding="utf-8"))
    content["data"] |= data
    task = content["task"]
    config = TrainingConfig.from_json(content)
    return card_texts(config, task["quantity"], task["patch_rows"], tuple(task["shift"]))


def said(found):
    return " ".join([found["description"], *found["limitations"]])


def test_digital_patients_are_said_and_maps_of_other_programs_only_where_they_taught():
    drawn, read = said(texts()), said(texts(source="folder", folder="somewhere"))
    assert "digital patients only" in drawn
    assert "only as good as the maps" not in drawn
    assert "digital" not in read
    assert "only as good as the maps" in read
    assert "somewhere" not in read


def test_what_the_paper_has_otherwise_is_said_and_what_it_has_is_not():
    small, paper = said(texts()), said(texts("tmax-hess-paper"))
    for choice in ("32 and 64 channels", "0 after convolutions", "batches of 16 patches of 8 rows"):
        assert choice in small
        assert choice not in paper
    assert "this project's choice of schedule" not in paper
    assert "64 and 128 channels" in paper
    assert "as in the paper's table" in paper


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("tmax-hess", "0, -5, -26 mm"), ("tmax-hess-attention", "by attention"), ("ttp-hess", "")],
)
def test_where_the_bolus_is_read(name, sentence):
    found = said(texts(name))
    assert sentence in found
    assert ("tilted" in found) == (name == "tmax-hess")
    assert ("attention" in found) == (name == "tmax-hess-attention")


def test_the_shifts_that_were_learned_from():
    assert "-5 to 30 frames as far as baseline and bolus stayed in" in said(texts())
    assert "never saw the bolus moved" in said(texts("ablations/tmax-hess-b"))


def test_a_patch_wants_stacks_like_those_it_learned_from():
    patients = [hess_patient(0), replace(hess_patient(1), spacing_mm=(2.0, 2.0, 6.5))]
    found = valid_range(patients, "patch")
    assert found["slices"] == [GRID[0], GRID[0]]
    assert found["slice_spacing_mm"] == [SPACING[2], 6.5]
    assert found["spacing_mm"] == [2.0, 2.0]
    others = valid_range(patients, "none")
    assert {"slices", "slice_spacing_mm"} == found.keys() - others.keys()
    assert "echo_time_s" not in valid_range([replace(patients[0], echo_time_s=0.0)], "none")
