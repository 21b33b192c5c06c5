"""The trainings of the Hess family that are shipped: what tells one from another, and that all are
ones that their family can carry out."""

from __future__ import annotations

import pytest
from SyntheticPerfusionLib.methods.hess_settings import HessArchitecture, HessPreprocessing
from SyntheticPerfusionLib.phantom.cohort import CohortPlan, members
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration
from SyntheticPerfusionLib.training.hess_task import HessTask

ABLATIONS = {
    "b": {"task.shift": [0, 0]},
    "c": {"architecture.spatial_kernel": 1},
    "d": {"architecture.code": "none"},
    "e": {"task.loss_weighting": False},
}
MODELS = ("tmax-hess", "ttp-hess", "rbf-hess", "tmax-hess-attention", "tmax-hess-paper")
FILES = (*MODELS, *(f"ablations/tmax-hess-{letter}" for letter in ABLATIONS))


def read(name):
    return TrainingConfig.read(find_configuration(name))


def flat(content, prefix=""):
    """Values by their path."""
    found = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def differences(name):
    """What a file says otherwise than tmax-hess, but for its name."""
    model_a, other = flat(read("tmax-hess").as_json()), flat(read(name).as_json())
    assert model_a.keys() == other.keys()
    changed = {key: value for key, value in other.items() if value != model_a[key]}
    del changed["name"]
    return changed


@pytest.mark.parametrize("letter", ABLATIONS)
def test_an_ablation_differs_from_model_a_by_what_it_leaves_out_alone(letter):
    assert differences(f"ablations/tmax-hess-{letter}") == ABLATIONS[letter]


def test_attention_differs_from_the_patch_by_the_code_alone():
    assert differences("tmax-hess-attention") == {"architecture.code": "attention"}


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_a_training_that_can_be_carried_out(name):
    config = read(name)
    assert config.name == name.rpartition("/")[2]
    HessArchitecture.from_json(config.architecture)
    HessPreprocessing.from_json(config.preprocessing)
    parts = {member.split for member in members(CohortPlan.from_json(config.data.cohort))}
    assert {"train", "validation"} <= parts
    (quantity,) = HessTask.targets(config)
    assert quantity.lower() == config.name.partition("-")[0]


def test_the_paper_is_followed_where_it_gives_numbers():
    config = read("tmax-hess-paper")
    chosen = HessArchitecture.from_json(config.architecture)
    assert (chosen.frames, chosen.code_channels, chosen.encoding) == (80, 16, 256)
    assert config.task["shift"] == [-5, 30]
    assert (config.task["patch_rows"], config.optimisation.batch_size) == (32, 4)
    assert (config.optimisation.learning_rate, config.optimisation.halve_every) == (5e-4, 4)
    assert (config.optimisation.schedule, config.optimisation.epochs) == ("halving", 30)
    assert config.preprocessing["smoothing_frames"] == 1.0
