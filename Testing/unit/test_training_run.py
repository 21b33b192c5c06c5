"""The training loop with a toy family: what it leaves, how it goes on, what it refuses."""

from __future__ import annotations

import csv
import json
import os
import pickle
import re
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.methods.model_folder import read_model_folder
from SyntheticPerfusionLib.methods.model_registry import model_folders
from SyntheticPerfusionLib.training import lightning_module, run
from SyntheticPerfusionLib.training.batch_stream import BatchStream
from SyntheticPerfusionLib.training.beginning import check_beginning
from SyntheticPerfusionLib.training.checkpoints import read_checkpoint, write_checkpoint
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.finish import without_places
from SyntheticPerfusionLib.training.requirements import TRAINING_PACKAGES
from SyntheticPerfusionLib.training.run import train
from SyntheticPerfusionLib.training.run_folder import RunFolder, held
from SyntheticPerfusionLib.training.task import plateaus
from SyntheticPerfusionLib.training.tasks import TASKS

from . import toy_training
from .toy_training import configuration

toy_training.register()


@pytest.fixture(autouse=True)
def _models_of_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHETIC_PERFUSION_MODELS", str(tmp_path / "models"))


def rows(path):
    with path.open(encoding="utf-8") as file:
        return [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def same(one, other):
    """Whether two runs ended alike to the last bit: weights, optimiser, curves, model."""
    left, right = (read_checkpoint(run / "checkpoints" / "last.pt") for run in (one, other))
    assert left.network.keys() == right.network.keys()
    for name, tensor in left.network.items():
        assert torch.equal(tensor, right.network[name]), name
    for number, moments in left.optimiser["state"].items():
        for name, tensor in moments.items():
            assert torch.equal(tensor, right.optimiser["state"][number][name]), name
    for table in ("epochs.csv", "steps.csv"):
        assert rows(one / table) == rows(other / table)
    shas = {
        json.loads((run / "toy-line" / "model.json").read_text())["weights"]["sha256"]
        for run in (one, other)
    }
    assert len(shas) == 1


def test_a_run_leaves_a_model_and_what_it_came_from(tmp_path):
    said = []
    config = configuration()
    model = train(config, tmp_path / "run", lambda fraction, _: said.append(fraction))
    assert model.path == tmp_path / "run" / "toy-line"
    assert read_model_folder(model.path).weights().keys() == model.weights().keys()
    training = model.card["training"]
    assert TrainingConfig.from_json(training["configuration"]) == config
    assert training["epochs"] == 3
    assert training["steps"] == 60
    assert training["device"] == "cpu"
    assert training["seconds"] > 0
    assert {"torch", "lightning", "numpy", "synthetic-perfusion"} <= training["software"].keys()
    assert TrainingConfig.read(tmp_path / "run" / "configuration.yaml") == config
    epochs = rows(tmp_path / "run" / "epochs.csv")
    assert float(epochs[2]["loss"]) < 0.7 * float(epochs[0]["loss"])
    assert model.card["metrics"]["validation"]["error"] == float(epochs[2]["error"])
    assert [int(row["step"]) for row in rows(tmp_path / "run" / "steps.csv")] == [*range(5, 61, 5)]
    assert (tmp_path / "run" / "loss.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert list((tmp_path / "run" / "tensorboard").iterdir())
    assert "epoch 3" in (tmp_path / "run" / "training.log").read_text()
    assert said == sorted(said)
    assert said[-1] == 1.0


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("asked_by", ["caller", "SIGTERM"])
def test_stopped_within_an_epoch_it_goes_on_to_the_same_weights(tmp_path, asked_by, precision):
    config = configuration(trainer={"precision": precision})
    asked = iter(range(1000))

    def cancelled():
        # Asked a few times on the way in and while validating, else after each step.
        if next(asked) != 37:
            return False
        if asked_by == "SIGTERM":
            os.kill(os.getpid(), signal.SIGTERM)
        return asked_by == "caller"

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Cancelled):
        train(config, tmp_path / "stopped", cancelled=cancelled)
    assert signal.getsignal(signal.SIGTERM) == before
    state = read_checkpoint(tmp_path / "stopped" / "checkpoints" / "last.pt").state
    assert state.epoch == 1
    assert 30 < state.step < 40
    assert not (tmp_path / "stopped" / "toy-line").exists()
    train(config, tmp_path / "stopped")
    train(config, tmp_path / "through")
    same(tmp_path / "stopped", tmp_path / "through")


def test_what_learns_beside_the_network_goes_on_too_and_is_not_shipped(tmp_path):
    config = configuration(task={"companion": True})
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        train(config, tmp_path / "stopped", cancelled=lambda: next(asked) == 37)
    kept = read_checkpoint(tmp_path / "stopped" / "checkpoints" / "last.pt").companion
    train(config, tmp_path / "stopped")
    train(config, tmp_path / "through")
    same(tmp_path / "stopped", tmp_path / "through")
    ends = [
        read_checkpoint(tmp_path / folder / "checkpoints" / "last.pt").companion
        for folder in ("stopped", "through")
    ]
    assert kept.keys() == ends[0].keys()
    for name, value in ends[0].items():
        torch.testing.assert_close(value, ends[1][name], rtol=0, atol=0)
    assert not torch.equal(kept["0.weight"], ends[0]["0.weight"])
    alone = train(configuration(), tmp_path / "alone")
    shipped = read_model_folder(tmp_path / "through" / "toy-line").weights()
    assert shipped.keys() == alone.weights().keys()


def test_a_companion_learns_at_its_share_of_the_rate(tmp_path):
    rates = []
    for share in (1.0, 0.1):
        config = configuration(
            task={"companion": True}, optimisation={"companion_rate": share, "epochs": 1}
        )
        folder = tmp_path / str(share)
        asked = iter(range(1000))
        with pytest.raises(Cancelled):
            train(config, folder, cancelled=lambda asked=asked: next(asked) == 3)
        groups = read_checkpoint(folder / "checkpoints" / "last.pt").optimiser["param_groups"]
        rates.append([group["lr"] for group in groups])
    assert rates[0][0] == rates[0][1] == rates[1][0] > 0
    assert rates[1][1] == pytest.approx(0.1 * rates[0][1])


def test_a_checkpoint_of_another_optimiser_is_refused_in_one_sentence(tmp_path):
    config = configuration(task={"companion": True})
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        train(config, tmp_path, cancelled=lambda: next(asked) == 7)
    path = tmp_path / "checkpoints" / "last.pt"
    checkpoint = read_checkpoint(path)
    checkpoint.optimiser["param_groups"].pop()
    write_checkpoint(path, checkpoint)
    before = path.read_bytes()
    with pytest.raises(InputError, match="another version of the program") as refused:
        train(config, tmp_path)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before


def test_the_rate_is_halved_where_validation_stands_still(tmp_path):
    figures = [3.0, 2.0, 2.5, 2.0, 1.0, 1.5, 1.5, 1.5]
    config = configuration(
        optimisation={"epochs": 8, "schedule": "plateau", "patience": 2, "learning_rate": 0.01},
        task={"figures": figures},
    )
    train(config, tmp_path)
    rates = [float(row["learning_rate"]) for row in rows(tmp_path / "epochs.csv")]
    np.testing.assert_allclose(rates, [0.01] * 4 + [0.005] * 3 + [0.0025])


def test_an_epoch_without_improvement_is_counted_once():
    assert plateaus([], 1) == 0
    assert plateaus([1.0, 1.0, 1.0], 1) == 2
    assert plateaus([1.0, 1.0, 1.0, 1.0, 1.0], 2) == 2
    assert plateaus([2.0, 3.0, 1.0, 3.0, 3.0], 2) == 1


class Impatient(toy_training.ToyTask):
    """Has somebody ask to stop as soon as it validates."""

    validating = False

    def validation_figures(self, batch):
        type(self).validating = True
        return super().validation_figures(batch)


def test_stopped_while_validating_it_validates_before_it_goes_on(tmp_path, monkeypatch):
    config = configuration()
    with monkeypatch.context() as patched:
        patched.setitem(TASKS, toy_training.FAMILY, f"{__name__}:Impatient")
        with pytest.raises(Cancelled):
            train(config, tmp_path / "stopped", cancelled=lambda: Impatient.validating)
    state = read_checkpoint(tmp_path / "stopped" / "checkpoints" / "last.pt").state
    assert (state.step, state.epoch) == (20, 0)
    train(config, tmp_path / "stopped")
    train(config, tmp_path / "through")
    same(tmp_path / "stopped", tmp_path / "through")


def test_a_finished_run_is_not_trained_again(tmp_path):
    config = configuration()
    first = train(config, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoints" / "last.pt").stat().st_mtime_ns
    again = train(config, tmp_path / "run")
    assert again.card == first.card
    assert (tmp_path / "run" / "checkpoints" / "last.pt").stat().st_mtime_ns == before


def test_a_changed_configuration_is_refused_in_an_old_folder(tmp_path):
    train(configuration(optimisation={"epochs": 1}), tmp_path / "run")
    with pytest.raises(InputError, match=r"another configuration \(seed, optimisation\.epochs"):
        train(configuration(seed=4, optimisation={"epochs": 2}), tmp_path / "run")


def test_a_configuration_may_be_mended_as_long_as_nothing_was_learned(tmp_path):
    lacking = configuration(data={"source": "folder", "folder": str(tmp_path / "nobody")})
    with pytest.raises(InputError, match="holds no patients"):
        train(lacking, tmp_path / "run")
    assert train(configuration(), tmp_path / "run").card["training"]["epochs"] == 3
    with pytest.raises(InputError, match="another configuration"):
        train(lacking, tmp_path / "run")


@pytest.mark.parametrize("name", ["checkpoints", "Training.log", "letters"])
def test_a_name_that_the_model_could_not_be_written_by_is_refused_before_training(tmp_path, name):
    run = tmp_path / "run"
    (run / "letters").mkdir(parents=True)
    (run / "letters" / "from-home.txt").write_text("Dear all")
    with pytest.raises(InputError, match="another name"):
        train(configuration(name=name), run)
    assert not (run / "checkpoints" / "last.pt").exists()


def test_progress_is_told_where_a_checkpoint_comes_before_the_first_row(tmp_path, monkeypatch):
    monkeypatch.setattr(lightning_module, "_SAY_EVERY_S", 0.0)
    said = []
    config = configuration(
        trainer={"checkpoint_every_s": 0.0, "log_every_steps": 1000}, optimisation={"epochs": 1}
    )
    train(config, tmp_path / "run", lambda _, message: said.append(message))
    told = [float(x) for x in re.findall(r"loss ([\d.]+),", " ".join(said))]
    assert len(told) == 20
    assert len(set(told)) > 10


def test_the_best_model_is_the_one_that_is_kept(tmp_path):
    def config(epochs):
        return configuration(
            optimisation={"epochs": epochs}, task={"steps": 20, "figures": [3.0, 1.0, 2.0]}
        )

    kept = train(config(3), tmp_path / "three")
    assert kept.card["training"]["best_epoch"] == 2
    assert kept.card["metrics"]["validation"] == {"epoch": 2, "validation_loss": 1.0}
    assert "loss" in rows(tmp_path / "three" / "epochs.csv")[0]
    two = train(config(2), tmp_path / "two")
    for name, tensor in two.weights().items():
        assert torch.equal(tensor, kept.weights()[name]), name
    left = [path.name for path in (tmp_path / "three" / "checkpoints").iterdir()]
    assert sorted(left) == ["best-epoch-0002.safetensors", "last.pt"]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"steps": 20, "diverges": True}, "loss is no longer a finite number at step 5 of epoch 1"),
        ({"steps": 20, "figures": ["inf"]}, "validation figure validation_loss is not a finite"),
    ],
)
def test_numbers_that_are_none_end_the_run_with_a_sentence(tmp_path, task, said):
    with pytest.raises(InputError, match=said):
        train(configuration(task=task), tmp_path / "run")
    assert not (tmp_path / "run" / "toy-line").exists()


def test_mixed_precision_computes_in_it_on_the_cpu(tmp_path, monkeypatch):
    seen = set()
    loss = toy_training.ToyTask.loss

    def watched(self, batch):
        value = loss(self, batch)
        seen.add(self.computed_in)
        return value

    monkeypatch.setattr(toy_training.ToyTask, "loss", watched)
    model = train(configuration(trainer={"precision": "bf16-mixed"}), tmp_path / "run")
    assert seen == {torch.bfloat16}
    assert {tensor.dtype for tensor in model.weights().values()} <= {torch.float32, torch.int64}


def test_fine_tuning_begins_with_the_weights_of_the_model(tmp_path):
    start = train(configuration(), tmp_path / "start")
    still = configuration(
        name="toy-tuned",
        architecture={},
        start_from=str(start.path),
        optimisation={"epochs": 1, "learning_rate": 1e-9},
        task={"steps": 1, "plain": False},
    )
    still = TrainingConfig.from_json({**still.as_json(), "architecture": {}})
    tuned = train(still, tmp_path / "tuned")
    assert tuned.card["architecture"] == {"width": 8}
    assert tuned.card["training"]["started_from"] == "toy-line"
    for name, tensor in start.weights().items():
        if "running" not in name and "tracked" not in name:
            assert torch.allclose(tensor, tuned.weights()[name], atol=1e-6), name


def test_fine_tuning_says_what_does_not_fit(tmp_path):
    start = train(configuration(optimisation={"epochs": 1}), tmp_path / "start")
    with pytest.raises(InputError, match="whose architecture differs in width"):
        train(configuration(start_from=str(start.path), architecture={"width": 9}), tmp_path / "a")
    with pytest.raises(InputError, match="do not fit this architecture"):
        train(configuration(start_from=str(start.path), task={"plain": True}), tmp_path / "b")
    with pytest.raises(InputError, match=r"of the family toy, but .* hess"):
        train(configuration(start_from=str(start.path), family="hess"), tmp_path / "c")
    with pytest.raises(InputError, match="no method called 'nowhere'"):
        train(configuration(start_from="nowhere"), tmp_path / "d")


def test_an_installed_model_is_listed_and_its_name_stays_its_own(tmp_path):
    model = train(configuration(), tmp_path / "run", install=True)
    assert model.path == tmp_path / "models" / "toy-line"
    assert "toy-line" in model_folders()
    train(configuration(), tmp_path / "run", install=True)
    with pytest.raises(InputError, match="There is already a toy-line"):
        train(configuration(seed=9), tmp_path / "other", install=True)
    with pytest.raises(InputError, match="There is already a osvd among the methods"):
        train(configuration(name="osvd"), tmp_path / "third", install=True)
    assert not (tmp_path / "third" / "checkpoints" / "last.pt").exists()


def test_a_broken_folder_under_the_name_is_named_before_training(tmp_path):
    place = tmp_path / "models" / "toy-line"
    place.mkdir(parents=True)
    (place / "model.json").write_text("{")
    with pytest.raises(InputError, match="toy-line, where the model is to be installed, is there"):
        train(configuration(), tmp_path / "run", install=True)
    assert not (tmp_path / "run" / "checkpoints" / "last.pt").exists()


def test_a_run_goes_on_with_what_it_began_with_alone(tmp_path):
    config = configuration(optimisation={"epochs": 1})
    train(config, tmp_path)
    file = tmp_path / "beginning.json"
    kept = json.loads(file.read_text())
    train(config, tmp_path)
    file.write_text(json.dumps({**kept, "patients": "others"}))
    with pytest.raises(InputError, match="the patients are no longer the same"):
        train(config, tmp_path)
    file.write_text(json.dumps({**kept, "start_from": "another"}))
    with pytest.raises(InputError, match="it started from has other weights"):
        train(config, tmp_path)
    file.unlink()
    train(config, tmp_path)
    assert not file.exists()


def test_patients_are_compared_whatever_their_order(tmp_path):
    folder = RunFolder(tmp_path)
    folder.checkpoint.parent.mkdir()
    check_beginning(folder, ["b train", "a test"], None, leading=False)
    assert not folder.beginning.exists()
    check_beginning(folder, ["b train", "a test"], None, leading=True)
    folder.checkpoint.touch()
    check_beginning(folder, ["a test", "b train"], None, leading=False)
    with pytest.raises(InputError, match="patients"):
        check_beginning(folder, ["a train", "b train"], None, leading=False)


def test_a_path_to_start_from_is_the_same_when_it_is_read_again(tmp_path, monkeypatch):
    start = train(configuration(optimisation={"epochs": 1}), tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    config = configuration(optimisation={"epochs": 1}, start_from="first/toy-line")
    train(config, tmp_path / "second")
    frozen = TrainingConfig.read(tmp_path / "second" / "configuration.yaml")
    assert frozen.start_from == str(start.path)
    train(config, tmp_path / "second")


def test_processes_that_cannot_share_a_batch_are_refused_before_the_first_step(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(run, "make_trainer", lambda *_: SimpleNamespace(world_size=3))
    with pytest.raises(InputError, match="A batch of 8 cannot be shared by 3 processes"):
        train(configuration(), tmp_path)


def test_processes_on_the_cpu_do_not_normalise_together(tmp_path):
    config = configuration()
    task = toy_training.ToyTask(config, [])
    plain = toy_training.ToyTask(configuration(task={"plain": True}), [])
    assert run._normalises_apart(config, task, 2)
    assert not run._normalises_apart(config, task, 1)
    assert not run._normalises_apart(config, plain, 2)


def test_a_card_says_what_data_are_called_and_not_where_they_lie():
    config = configuration(
        data={"source": "folder", "folder": "/clinic/site/patients", "cache": "/clinic/cache"},
        start_from="/clinic/models/earlier",
    )
    told = without_places(config)
    assert (told.data.folder, told.data.cache, told.start_from) == ("patients", "", "earlier")
    assert "clinic" not in json.dumps(told.as_json())


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
def test_one_process_at_a_time_trains_in_a_folder(tmp_path):
    with (
        held(RunFolder(tmp_path / "run")),
        pytest.raises(InputError, match="trained in by another process"),
    ):
        train(configuration(), tmp_path / "run")
    train(configuration(), tmp_path / "run")


def test_a_damaged_or_dangerous_checkpoint_is_refused(tmp_path):
    config = configuration()
    run = tmp_path / "run"
    train(config, run)
    path = run / "checkpoints" / "last.pt"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InputError, match="is damaged"):
        train(config, run)
    ran = tmp_path / "ran"

    class Malice:
        def __reduce__(self):
            return os.mkdir, (str(ran),)

    with path.open("wb") as file:
        pickle.dump(Malice(), file)
    with pytest.raises(InputError, match="no checkpoint"):
        train(config, run)
    assert not ran.exists()


def test_missing_packages_are_all_named(monkeypatch, tmp_path):
    monkeypatch.setitem(TRAINING_PACKAGES, "no_such_module", "no-such-package")
    monkeypatch.setitem(TRAINING_PACKAGES, "nor_this", "nor-this-one")
    with pytest.raises(InputError, match="needs no-such-package, nor-this-one, not installed"):
        train(configuration(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"schedule": "constant"}, [1, 1, 1, 1]),
        ({"schedule": "halving", "halve_every": 2}, [1, 1, 0.5, 0.25]),
        ({"schedule": "constant", "warmup_steps": 19}, [0.05, 0.55, 1, 1]),
    ],
)
def test_learning_rates(schedule, expected):
    config = configuration(
        optimisation={"epochs": 6, "learning_rate": 1.0, **schedule}, task={"steps": 10}
    )
    task = toy_training.ToyTask(config, [])
    rates = [task.learning_rate(step) for step in (0, 10, 20, 40)]
    np.testing.assert_allclose(rates, expected)


def test_cosine_falls_to_a_hundredth():
    config = configuration(
        optimisation={"epochs": 2, "learning_rate": 1.0, "schedule": "cosine"}, task={"steps": 50}
    )
    rates = [toy_training.ToyTask(config, []).learning_rate(step) for step in range(100)]
    assert rates == sorted(rates, reverse=True)
    np.testing.assert_allclose([rates[0], rates[-1]], [1.0, 0.01])


@pytest.mark.parametrize("prefetch", [0, 1, 3, 100])
def test_batches_come_in_order_whatever_is_made_ahead(prefetch):
    stream = BatchStream(lambda step: {"step": step}, lambda: range(4, 11), prefetch)
    for _ in range(2):
        assert [batch["step"] for batch in stream] == list(range(4, 11))


def test_what_goes_wrong_while_a_batch_is_made_ahead_is_heard():
    def make(step):
        if step == 5:
            raise InputError("The patient is gone.")
        return {}

    with pytest.raises(InputError, match="gone"):
        list(BatchStream(make, lambda: range(9), 2))
