"""Model folders on the command line: listed, chosen, and refused in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from SyntheticPerfusionLib import cli
from SyntheticPerfusionLib.series.write import write_series
from unit.small_models import small_model
from unit.small_series import small_geometry, small_series

from .command import environment


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's folder, with a good model and a broken one."""
    place = tmp_path / "models"
    small_model(place, "site-model")
    broken = small_model(place, "broken").path
    (broken / "weights.safetensors").unlink()
    monkeypatch.setenv("SYNTHETIC_PERFUSION_MODELS", str(place))
    return place


def test_models_are_listed_as_methods_with_their_cards(models, capsys):
    assert cli.main(["methods", "--json"]) == 0
    said = capsys.readouterr()
    (found,) = (item for item in json.loads(said.out) if item["name"] == "site-model")
    assert found["card"]["licence"] == "Apache-2.0"
    assert Path(found["folder"]) == models / "site-model"
    (warning,) = said.err.strip().splitlines()
    assert warning.startswith("Warning: The weights")
    assert "broken" in warning


def test_models_are_listed_for_a_person(models, capsys):
    assert cli.main(["methods"]) == 0
    text = capsys.readouterr().out
    assert "site-model Mean of the voxel" in text
    assert "valid for repetition_time_s 1 to 2" in text
    assert str(models) in text
    assert "research only" in text


@pytest.mark.parametrize("method", ["broken", "{models}/broken"])
def test_a_broken_model_is_refused_in_one_sentence(models, tmp_path, capsys, method):
    series = tmp_path / "dsc.nii"
    write_series(small_series(12, small_geometry((4, 12, 12))), series)
    chosen = method.format(models=models)
    code = cli.main(["maps", str(series), "--method", chosen, "--output", str(tmp_path / "out")])
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert "weights" in sentence
    assert "are missing" in sentence


def test_help_and_the_list_load_no_torch(tmp_path):
    small_model(tmp_path, "site-model")
    program = (
        "import sys\n"
        "from SyntheticPerfusionLib.cli import main\n"
        "main(['methods'])\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    print(*sorted({'torch', 'lightning', 'SimpleITK'} & set(sys.modules)), 'loaded')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment(), "SYNTHETIC_PERFUSION_MODELS": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "site-model" in found.stdout
    assert found.stdout.splitlines()[-1].strip() == "loaded"
