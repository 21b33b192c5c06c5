"""PerfusionTraining as Slicer runs it: flags in, tags on standard output, an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from SyntheticPerfusionLib.methods.registry import method_names
from SyntheticPerfusionLib.pipeline import make_maps
from unit.small_patients import coarse

SCRIPT = Path(__file__).parents[2] / "PerfusionTraining" / "PerfusionTraining.py"
TINY = """
name: tiny
family: phae
data:
  cohort: {patients: 2, seed: 5, mix: {healthy: 1}, protocols: [standard], grid: [5, 24, 24],
           split: [0.5, 0.5, 0.0]}
  cache: CACHE
architecture: {features: [4, 8, 8, 8]}
optimisation: {epochs: 2, batch_size: 64, learning_rate: 1e-3}
trainer: {accelerator: cpu, devices: 1, threads: 1}
task: {voxels_per_patient: 300, samples_per_epoch: 256, validation_samples: 64}
"""


def run_as_slicer(*arguments, prelude=""):
    """The module without PYTHONPATH, as from a source tree."""
    program = (
        f"import sys, runpy; sys.argv = {[str(SCRIPT), *map(str, arguments)]!r}\n{prelude}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    plain = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", program], env=plain, capture_output=True, text=True, timeout=300
    )


def test_it_trains_a_model_that_is_listed_at_once_and_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNTHETIC_PERFUSION_MODELS", str(tmp_path / "models"))
    configuration = tmp_path / "tiny.yaml"
    configuration.write_text(TINY.replace("CACHE", str(tmp_path / "cache")))
    assert "my-own" not in method_names()
    done = run_as_slicer(
        *("--recipe", "phae-delay", "--configuration", configuration, "--name", "my-own"),
        *("--output", tmp_path / "run", "--install", "--epochs", "1", "--device", "auto"),
        *("--threads", "1"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("<filter-start><filter-name>Perfusion Training</filter-name>")
    assert re.search(
        r"<filter-end>.*<filter-time>[\d.]+</filter-time></filter-end>\n$", done.stdout
    )
    told = [float(x) for x in re.findall(r"<filter-progress>(.*?)</filter-progress>", done.stdout)]
    assert told == sorted(told)
    assert told[-1] == 1.0

    assert "my-own" in method_names()
    patient = coarse("healthy")
    outcome = make_maps(patient.series, "my-own", tmp_path / "maps")
    inside = outcome.maps["MTT"][outcome.prepared.mask]
    assert np.isfinite(inside).all()
    assert np.ptp(inside) > 0


@pytest.mark.parametrize(
    ("arguments", "prelude", "said"),
    [
        ([], "", "no output folder"),
        (["--output", "{run}", "--configuration", "no.yaml"], "", "no configuration 'no.yaml'"),
        (
            ["--output", "{run}"],
            "sys.modules['lightning'] = sys.modules['yaml'] = None",
            "Training needs lightning, PyYAML, not installed here",
        ),
    ],
    ids=["no folder", "no configuration", "no packages"],
)
def test_what_is_missing_is_said_in_one_line(tmp_path, arguments, prelude, said):
    done = run_as_slicer(
        *(one.replace("{run}", str(tmp_path / "run")) for one in arguments), prelude=prelude
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
