"""What the panel's training fields come to on the command line, and how a run is found again."""

from pathlib import Path

import pytest
from SyntheticPerfusionLib.cli import build_parser
from SyntheticPerfusionLib.commands.train import configuration_of
from SyntheticPerfusionLib.gui.training_job import (
    FINISHED,
    NEW,
    STOPPED,
    LogTail,
    TrainingJob,
    shipped_configurations,
    write_job,
)
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration

from .small_models import small_card, small_model

CONFIGURATION = {
    "name": "elsewhere",
    "family": "hess",
    "data": {"source": "digital", "cohort": {"patients": 3}, "cache": "/another/machine"},
    "optimisation": {"epochs": 7},
    "trainer": {"precision": "bf16-mixed", "devices": 8, "strategy": "ddp", "accelerator": "cuda"},
}


def understood(arguments) -> TrainingConfig:
    """What `synthetic-perfusion` makes of the arguments."""
    return configuration_of(build_parser().parse_args(arguments))


def model_trained_elsewhere(place):
    training = {**small_card()["training"], "configuration": CONFIGURATION}
    return small_model(place, "elsewhere", {"training": training})


def test_a_model_is_trained_further_on_this_machine_with_its_own_configuration(tmp_path):
    model = model_trained_elsewhere(tmp_path / "Models")
    patients = tmp_path / "patients"
    job = TrainingJob(
        "mine", tmp_path / "runs", model=model, patients=patients, epochs=2, device="cpu"
    )
    arguments = write_job(job)
    config = understood(arguments)
    assert (config.name, config.family, config.start_from) == ("mine", "hess", "elsewhere")
    assert (config.data.source, config.data.folder) == ("folder", str(patients))
    assert config.data.cache == ""
    assert config.optimisation.epochs == 2
    assert (config.trainer.precision, config.trainer.accelerator) == ("bf16-mixed", "cpu")
    assert (config.trainer.devices, config.trainer.strategy) == (0, "auto")
    assert Path(arguments[arguments.index("--output") + 1]) == tmp_path / "runs" / "mine"


def test_what_is_left_open_is_as_configured(tmp_path):
    config = understood(write_job(TrainingJob("mine", tmp_path, configuration="tmax-hess")))
    shipped = TrainingConfig.read(find_configuration("tmax-hess"))
    assert config.optimisation == shipped.optimisation
    assert config.data == shipped.data
    assert config.start_from is None


@pytest.mark.parametrize("name", shipped_configurations())
def test_every_configuration_that_is_offered_can_be_started(name, tmp_path):
    assert understood(write_job(TrainingJob("mine", tmp_path, configuration=name))).name == "mine"


def test_a_run_is_found_again(tmp_path):
    job = TrainingJob("mine", tmp_path, configuration="phae")
    assert job.state() == NEW
    job.folder.mkdir()
    (job.folder / "configuration.yaml").write_text("{}", encoding="utf-8")
    assert job.state() == STOPPED
    small_model(job.folder, "mine")
    assert job.state() == FINISHED


def test_only_whole_lines_that_are_new_are_read_from_the_log(tmp_path):
    log = tmp_path / "training.log"
    log.write_text("of an earlier start\n", encoding="utf-8")
    tail = LogTail(tmp_path)
    assert tail.lines() == []
    with log.open("a", encoding="utf-8") as file:
        file.write("epoch 1\nepo")
    assert tail.lines() == ["epoch 1"]
    with log.open("a", encoding="utf-8") as file:
        file.write("ch 2\n")
    assert tail.lines() == ["epoch 2"]
