"""What Slicer is asked to install is what the library needs elsewhere, and never PyTorch."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from SyntheticPerfusionLib.training.requirements import TRAINING_PACKAGES

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FILES = ("requirements.txt", "training-requirements.txt")


def listed(name):
    text = (ROOT / "SyntheticPerfusion" / "Resources" / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {item.name: item for item in map(Requirement, lines)}


def needed():
    extras = [item for group in PROJECT["optional-dependencies"].values() for item in group]
    return {item.name: item for item in map(Requirement, [*PROJECT["dependencies"], *extras])}


@pytest.mark.parametrize("file", FILES)
def test_versions_are_those_of_the_project(file):
    for name, item in listed(file).items():
        assert str(item.specifier) == str(needed()[name].specifier), name
        assert str(item.specifier).startswith(">="), name
        assert name != "torch"


def test_all_that_training_cannot_do_without_is_offered():
    assert set(TRAINING_PACKAGES.values()) - {"torch"} <= set(listed("training-requirements.txt"))


@pytest.mark.parametrize("name", ["jsonschema", "safetensors", "dcm2niix"])
def test_what_the_panel_asks_for_by_name_is_listed(name):
    assert name in listed("requirements.txt")
