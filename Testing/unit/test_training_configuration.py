"""Configurations of trainings: read key by key, and wrong ones answered with a sentence."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration
from SyntheticPerfusionLib.training.digital_source import digital_sources

LEAST = {"name": "own", "family": "hess"}


def test_yaml_gives_the_same_configuration_again(tmp_path):
    config = TrainingConfig.from_json(
        {
            **LEAST,
            "architecture": {"widths": [1, 2], "code": "patch"},
            "data": {"source": "digital", "cohort": {"patients": 3}, "split": [0.5, 0.25, 0.25]},
            "optimisation": {"epochs": 2, "schedule": "halving"},
            "trainer": {"precision": "bf16-mixed", "accelerator": "cuda:1"},
            "start_from": "tmax-hess",
        }
    )
    path = tmp_path / "own.yaml"
    path.write_text(config.as_yaml(), encoding="utf-8")
    assert TrainingConfig.read(path) == config


def test_numbers_as_yaml_writers_write_them(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: own\nfamily: hess\noptimisation: {learning_rate: 5e-4, gradient_clip: 1}\ntask:\n"
    )
    config = TrainingConfig.read(path)
    assert config.optimisation.learning_rate == 5e-4
    assert config.optimisation.gradient_clip == 1.0
    assert config.task == {}


def test_folder_of_data_is_meant_from_the_file(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "name: own\nfamily: hess\ndata: {source: folder, folder: patients}\n"
    )
    assert TrainingConfig.read(tmp_path / "own.yaml").data.folder == str(tmp_path / "patients")


def test_a_path_to_start_from_is_meant_from_the_file_and_a_name_is_one(tmp_path):
    path = tmp_path / "own.yaml"
    for given, meant in (
        ("models/earlier", str(tmp_path / "models" / "earlier")),
        ("/models/earlier", "/models/earlier"),
        ("tmax-hess", "tmax-hess"),
    ):
        path.write_text(f"name: own\nfamily: hess\nstart_from: {given}\n")
        assert TrainingConfig.read(path).start_from == meant


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ({"patients": 3, "colour": "red"}, "data.cohort has the unknown key colour"),
        ({}, "data.cohort lacks patients"),
        ({"patients": 3, "seed": 1.5}, "seed of the cohort is 1.5"),
        ({"patients": 3, "split": 1}, "data.cohort is none that can be made"),
    ],
)
def test_a_cohort_that_is_no_plan_is_to_be_mended_in_the_configuration(cohort, said):
    with pytest.raises(InputError, match=said) as refused:
        digital_sources(cohort)
    assert "folder" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"name": "own"}, "lacks family"),
        ([1], r"\[1\] at its top"),
        ({**LEAST, "optimization": {}}, "did you mean optimisation"),
        ({**LEAST, "optimisation": {"epoch": 3}}, r"optimisation\.epoch; did you mean epochs"),
        ({**LEAST, "optimisation": {"epochs": 2.5}}, r"2\.5 as optimisation\.epochs; .* whole"),
        ({**LEAST, "optimisation": {"epochs": True}}, r"True as optimisation\.epochs"),
        ({**LEAST, "optimisation": {"epochs": 0}}, r"optimisation\.epochs is 0; give 1"),
        ({**LEAST, "optimisation": {"learning_rate": "fast"}}, "'fast' as .*expected a number"),
        ({**LEAST, "optimisation": {"learning_rate": float("nan")}}, "expected a number"),
        ({**LEAST, "optimisation": {"betas": [0.5, 1]}}, r"betas is \[0.5, 1.0\]; give two"),
        ({**LEAST, "optimisation": {"patience": 0}}, r"optimisation\.patience is 0; give 1"),
        ({**LEAST, "optimisation": 3}, "3 as optimisation; expected keys"),
        ({**LEAST, "data": {"split": [1, 0]}}, r"data\.split; expected a list of 3"),
        ({**LEAST, "data": {"split": [1, 1, 0]}}, "add up to 1"),
        ({**LEAST, "data": {"source": "folder"}}, r"data\.folder names none"),
        ({**LEAST, "trainer": {"precision": "8"}}, "choose one of 32-true"),
        ({**LEAST, "trainer": {"accelerator": "tpu"}}, "choose auto, cpu"),
        ({**LEAST, "architecture": [1]}, "expected keys with values"),
        ({**LEAST, "name": "my model/"}, "letters, digits"),
        ({**LEAST, "seed": -1}, "seed is -1"),
        ({**LEAST, "seed": 2**64}, "seed is 18446744073709551616; give .* or less"),
        ({**LEAST, "version": "v2"}, "version is 'v2'; give numbers"),
        ({**LEAST, "task": {"share": float("inf")}}, r"inf as task\.share; expected finite"),
        ({**LEAST, "task": {"since": date(2026, 1, 1)}}, r"as task\.since; expected finite"),
    ],
)
def test_wrong_ones_are_answered_with_the_key(content, said):
    with pytest.raises(InputError, match=said):
        TrainingConfig.from_json(content, "own.yaml")


def test_files_that_are_none(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("name: [")
    with pytest.raises(InputError, match="is no YAML"):
        TrainingConfig.read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        TrainingConfig.read(path)
    with pytest.raises(
        InputError,
        match=r"neither a file nor one that is shipped; .* collateral-drnn, .*ttp-hess\.",
    ):
        find_configuration("no-such-recipe")


def test_what_decides_leaves_out_where_it_computes():
    config = TrainingConfig.from_json(LEAST)
    elsewhere = replace(
        config,
        trainer=replace(config.trainer, accelerator="cpu", devices=2, strategy="ddp", threads=3),
        data=replace(config.data, cache="/elsewhere"),
    )
    assert config.same_training(elsewhere)
    assert not config.same_training(
        replace(config, trainer=replace(config.trainer, precision="bf16-mixed"))
    )
    assert not config.same_training(replace(config, seed=1))
