"""Every model that is shipped is whole, described, and small enough to be shipped."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from SyntheticPerfusionLib.methods.model_folder import read_model_folder
from SyntheticPerfusionLib.methods.model_registry import broken_folders, model_folders
from SyntheticPerfusionLib.methods.registry import get_method, method_names

MODELS = Path(__file__).resolve().parents[2] / "Resources" / "Models"
FOLDERS = sorted(path for path in MODELS.iterdir() if path.is_dir())
GENERATORS = [
    f"{group}-{name}"
    for group in ("pix2pix", "temp-pix2pix")
    for name in ("cbf", "cbv", "mtt", "tmax", "ttp")
]
NAMES = sorted(
    [
        "collateral-drnn",
        "collateral-mdrnn",
        "phae",
        "phae-delay",
        "rbf-hess",
        "tmax-hess",
        "ttp-hess",
        *GENERATORS,
    ]
)
"""The models that people are told of; one that comes is added here."""
MOST_BYTES = 35e6


@pytest.fixture(autouse=True)
def no_models_of_the_person(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHETIC_PERFUSION_MODELS", str(tmp_path))


def test_the_schema_is_one():
    schema = json.loads((MODELS / "model.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_model_is_as_its_card_says(folder):
    model = read_model_folder(folder)
    assert model.name == folder.name
    assert model.card["valid_range"]
    assert "only" in model.card["intended_use"]
    beside = {path.name for path in folder.iterdir()} - {"model.json", model.weights_file.name}
    assert not beside, f"{beside} need not be shipped"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_card_names_no_place_on_the_machine_that_trained_it(folder):
    text = (folder / "model.json").read_text(encoding="utf-8")
    # An absolute path as a text of its own, or within one.
    assert not re.findall(r'"/\w[^"]*|["\s(\[=](?:/\w+/|~/|[A-Za-z]:\\|\\\\)[^"]*', text)


def test_every_shipped_model_is_offered():
    assert broken_folders() == []
    assert sorted(model_folders()) == NAMES == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("group", ["pix2pix", "temp-pix2pix"])
def test_the_generators_of_kossen_are_one_method_of_five_maps(group):
    assert group in method_names()
    assert not set(GENERATORS) & set(method_names())
    given = {item.name for item in get_method(group).quantities}
    assert given == {"CBF", "CBV", "MTT", "Tmax", "TTP"}


def test_all_weights_together_stay_small():
    assert sum(path.stat().st_size for path in MODELS.rglob("*") if path.is_file()) < MOST_BYTES
