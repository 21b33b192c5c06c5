"""`--set KEY=VALUE`: single values of a configuration from the command line."""

from __future__ import annotations

import argparse

import pytest
from SyntheticPerfusionLib.commands import train
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration


def config():
    return TrainingConfig.read(find_configuration("temp-pix2pix"))


def test_values_are_read_as_yaml_at_any_depth():
    changed = config().changed(
        [
            "task.quantity=CBF",
            "optimisation.betas=[0.9, 0.99]",
            "optimisation.learning_rate=5e-4",
            "data.cohort.mix={moyamoya: 1}",
            "group=''",
            "seed=7",
            "data.cohort.note=a=b",
        ]
    )
    assert changed.task["quantity"] == "CBF"
    assert changed.optimisation.betas == (0.9, 0.99)
    assert changed.optimisation.learning_rate == 5e-4
    assert changed.data.cohort["mix"] == {"moyamoya": 1}
    assert changed.data.cohort["patients"] == 120
    assert changed.data.cohort["note"] == "a=b"
    assert (changed.group, changed.seed) == ("", 7)
    assert TrainingConfig.from_json(changed.as_json()) == changed
    assert config().changed([]) == config()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("optimisation.epoch=3", "unknown key optimisation.epoch; did you mean epochs"),
        ("optimisation.epochs=many", "'many' as optimisation.epochs; expected a whole number"),
        ("optimisation.epochs", "write KEY=VALUE"),
        ("=3", "write KEY=VALUE"),
        ("task..quantity=CBF", "write KEY=VALUE"),
        ("name.first=a", "name holds no keys"),
        ("seed=[1", "is no YAML"),
        ("optimisation.epochs=0", "optimisation.epochs is 0"),
        ("group=a b", "group is 'a b'"),
    ],
)
def test_what_cannot_be_set_is_said(setting, said):
    with pytest.raises(InputError, match=said.replace("[", r"\[")):
        config().changed([setting])


def test_the_command_takes_several_and_its_own_options_win():
    parser = argparse.ArgumentParser()
    train.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(
        [
            "train",
            "temp-pix2pix",
            "--set",
            "task.quantity=CBV",
            "--set",
            "optimisation.epochs=3",
            "--epochs",
            "5",
            "--name",
            "mine",
        ]
    )
    found = train.configuration_of(arguments)
    assert found.task["quantity"] == "CBV"
    assert (found.name, found.optimisation.epochs) == ("mine", 5)
