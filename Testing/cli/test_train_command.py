"""`synthetic-perfusion train` in processes of its own: killed, shared by two, run by Slicer."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.training.checkpoints import read_checkpoint
from SyntheticPerfusionLib.training.run import train
from unit import toy_training
from unit.toy_training import configuration

from .command import environment

TOY = Path(toy_training.__file__)
SLICER_MODULE = TOY.parents[2] / "PerfusionTraining" / "PerfusionTraining.py"
LONGEST_S = 120

toy_training.register()


def training_command(config, folder, *arguments):
    """The command that trains `config`, written to a file in `folder`."""
    folder.mkdir(exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(config.as_yaml(), encoding="utf-8")
    return [sys.executable, str(TOY), "train", str(path), *map(str, arguments)]


def rows(path):
    with path.open(encoding="utf-8") as file:
        return [
            {key: float(value) for key, value in row.items() if key != "seconds"}
            for row in csv.DictReader(file)
        ]


def sha256(run):
    return json.loads((run / "toy-line" / "model.json").read_text())["weights"]["sha256"]


def wait_until(happened, process):
    end = time.monotonic() + LONGEST_S
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_killed_in_mid_epoch_it_goes_on_to_the_same_weights(tmp_path):
    config = configuration(
        trainer={"checkpoint_every_s": 0.05}, task={"steps": 60, "seconds": 0.01}
    )
    killed = tmp_path / "killed"
    last = killed / "checkpoints" / "last.pt"

    def within_the_second_epoch():
        if not last.exists():
            return False
        state = read_checkpoint(last).state
        return state.epoch == 1 and 65 < state.step < 110

    with subprocess.Popen(
        training_command(config, tmp_path / "files", "--output", killed),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        wait_until(within_the_second_epoch, process)
        process.kill()
    assert not (killed / "toy-line").exists()
    train(config, killed)
    train(config, tmp_path / "through")
    assert sha256(killed) == sha256(tmp_path / "through")
    for table in ("epochs.csv", "steps.csv"):
        assert rows(killed / table) == rows(tmp_path / "through" / table)


def test_two_processes_learn_as_one_does_with_the_same_global_batch(tmp_path):
    alone = configuration(task={"plain": True})
    train(alone, tmp_path / "one")
    shared = configuration(task={"plain": True}, trainer={"devices": 2, "strategy": "ddp"})
    done = subprocess.run(
        training_command(shared, tmp_path / "files", "--output", tmp_path / "two"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("3 epochs in") == 1
    for table in ("epochs.csv", "steps.csv"):
        one, two = (rows(tmp_path / run / table) for run in ("one", "two"))
        assert len(one) == len(two) > 0
        for left, right in zip(one, two, strict=True):
            np.testing.assert_allclose(
                list(right.values()), list(left.values()), rtol=1e-5, atol=1e-6
            )
    card = json.loads((tmp_path / "two" / "toy-line" / "model.json").read_text())
    assert card["training"]["device"] == "2 x cpu"
