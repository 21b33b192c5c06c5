"""Which models are offered, which are set aside and why, and how they run as methods."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods import families, model_registry
from SyntheticPerfusionLib.methods.model_registry import (
    USER_FOLDER_VARIABLE,
    broken_folders,
    model_folders,
    shipped_model_folder,
    user_model_folder,
)
from SyntheticPerfusionLib.methods.registry import describe_methods, get_method, method_names
from SyntheticPerfusionLib.pipeline import MapOptions, make_maps

from .small_models import MeanMethod, small_model
from .small_series import small_geometry, small_series

LIBRARY = Path(model_registry.__file__).parents[2]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The user's folder, and nothing shipped."""
    user, shipped = tmp_path / "user", tmp_path / "shipped"
    user.mkdir()
    shipped.mkdir()
    monkeypatch.setenv(USER_FOLDER_VARIABLE, str(user))
    monkeypatch.setattr(model_registry, "shipped_model_folder", lambda: shipped)
    monkeypatch.setitem(sys.modules, "SyntheticPerfusionLib.small", sys.modules[__name__])
    monkeypatch.setitem(families.FAMILIES, "hess", "small:MeanMethod")
    return user


@pytest.fixture(scope="module")
def series():
    return small_series(30, small_geometry((6, 24, 28), (8.0, 8.0, 12.0)))


def test_a_folder_put_into_the_users_place_is_a_method(place):
    before = method_names()
    small_model(place, "site-model")
    assert method_names() == [*before, "site-model"]
    assert list(model_folders()) == ["site-model"]
    method = get_method("site-model")
    assert isinstance(method, MeanMethod)
    assert method.title == "Mean of the voxel"
    assert not method.needs.aif
    assert [item.name for item in method.quantities] == ["TTP"]


def test_broken_folders_are_named_and_the_others_work(place):
    small_model(place, "good")
    broken = small_model(place, "broken").path
    (broken / "model.json").write_text("{")
    altered = small_model(place, "pickled").path
    (altered / "last.ckpt").write_bytes(b"x")
    (place / "notes").mkdir()
    (place / ".12345678-half-written").mkdir()
    (place / "readme.txt").write_text("mine")
    assert list(model_folders()) == ["good"]
    said = {path.name: sentence for path, sentence in broken_folders()}
    assert set(said) == {"broken", "pickled", "notes"}
    assert "is not JSON" in said["broken"]
    assert "pickled file" in said["pickled"]
    assert "no model.json" in said["notes"]
    with pytest.raises(InputError, match="is not JSON"):
        get_method("broken")
    assert get_method("good").name == "good"


def test_a_users_folder_that_is_a_file_or_missing(tmp_path, monkeypatch, place):
    small_model(model_registry.shipped_model_folder(), "shipped-model")
    (tmp_path / "file").write_text("")
    for name in ("file", "nowhere"):
        monkeypatch.setenv(USER_FOLDER_VARIABLE, str(tmp_path / name))
        assert list(model_folders()) == ["shipped-model"]
        ((path, sentence),) = broken_folders()
        assert path == tmp_path / name
        assert "cannot be read" in sentence


def test_a_persons_own_place_need_not_exist(tmp_path, monkeypatch):
    monkeypatch.delenv(USER_FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert user_model_folder() == tmp_path / "data" / "SyntheticPerfusion" / "Models"
    assert broken_folders() == []


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ".local/share"),
        ("darwin", "Library/Application Support"),
        ("win32", "AppData/Local"),
    ],
)
def test_the_place_of_each_system(monkeypatch, tmp_path, platform, expected):
    for variable in (USER_FOLDER_VARIABLE, "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert user_model_folder() == tmp_path / expected / "SyntheticPerfusion" / "Models"


def test_two_models_of_one_name(place):
    first = small_model(model_registry.shipped_model_folder(), "twin").path
    shutil.copytree(first, place / "copy")
    assert model_folders()["twin"].path == first
    ((path, sentence),) = broken_folders()
    assert path == place / "copy"
    assert str(first) in sentence
    assert "another name" in sentence


def test_a_model_cannot_take_the_name_of_a_classical_method(place):
    small_model(place, "osvd")
    assert "osvd" not in method_names()
    assert "a method of this program" in broken_folders()[0][1]


def test_models_are_offered_by_family_and_first_map(place):
    for name, changes in {
        "b-flow": {"family": "phae", "quantities": ["CBF"]},
        "a-peak": {"quantities": ["TTP"]},
        "z-tmax": {"quantities": ["Tmax", "Tmax_uncertainty"]},
        "a-flow": {"family": "phae", "quantities": ["CBF"]},
    }.items():
        small_model(place, name, changes)
    assert list(model_folders()) == ["z-tmax", "a-peak", "a-flow", "b-flow"]


def test_a_model_is_chosen_by_the_path_of_its_folder(tmp_path, monkeypatch):
    folder = small_model(tmp_path / "elsewhere", "by-path").path
    assert get_method(str(folder)).name == "by-path"
    monkeypatch.chdir(folder.parent)
    assert get_method("by-path").name == "by-path"
    assert get_method("./by-path").name == "by-path"
    with pytest.raises(InputError, match="not a model folder"):
        get_method("./nothing")


def test_an_unknown_name_lists_the_known_ones(place):
    small_model(place, "known")
    with pytest.raises(InputError, match=r"choose one of sSVD, .*known, or give the path"):
        get_method("unknown")


def test_networks_correct_for_no_leakage(place):
    small_model(place, "model")
    with pytest.raises(InputError, match="no leakage-corrected maps"):
        get_method("model", leakage=True)


def test_a_model_describes_itself_as_a_method_does_and_with_its_card(place):
    written = small_model(place, "model")
    *classical, described = describe_methods()
    assert set(described) == {*classical[0], "card", "folder"}
    assert described == get_method("model").describe()
    assert described["card"]["limitations"] == ["It measures nothing."]
    assert described["folder"] == str(written.path)
    for key in ("needs", "quantities"):
        example = classical[0][key]
        assert type(described[key]) is type(example)
    assert set(described["quantities"][0]) == set(classical[0]["quantities"][0])
    json.dumps(described)


def test_weights_that_do_not_fit_the_architecture(place):
    small_model(place, "model", {"architecture": {"outputs": 2}})
    with pytest.raises(InputError, match=r"do not fit the architecture.*size mismatch"):
        get_method("model").network("cpu")


def test_an_architecture_that_the_family_cannot_build(place):
    small_model(place, "model", {"architecture": {"exits": 1}})
    with pytest.raises(InputError, match=r"family hess cannot build .*KeyError: 'outputs'"):
        get_method("model").network("cpu")


def test_a_network_is_loaded_once_ready_to_run(place):
    small_model(place, "model")
    method = get_method("model")
    network = method.network("cpu")
    assert method.network("cpu") is network
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


def test_maps_of_a_model(place, series, tmp_path):
    small_model(place, "model")
    options = MapOptions(device="cpu", aif_file=tmp_path / "artery.csv")
    outcome = make_maps(series, "model", tmp_path / "out", options)
    report = json.loads(Path(outcome.files["report"]).read_text())
    assert list(report["seconds"]) == ["start", "weights", "preparation", "method", "writing"]
    assert report["aif"] is None
    assert not (tmp_path / "out" / "aif.csv").exists()
    assert report["settings"]["model"] == {
        "name": "model",
        "version": "1.0",
        "family": "hess",
        "weights_sha256": model_folders()["model"].card["weights"]["sha256"],
    }
    assert report["warnings"][-1] == (
        "model uses no arterial input function; artery.csv was not used."
    )
    prepared = outcome.prepared
    expected = 2 * prepared.series.signal.mean(axis=0, dtype=np.float64) + 0.1
    np.testing.assert_allclose(outcome.maps["TTP"], np.where(prepared.mask, expected, 0), rtol=1e-5)


def test_voxels_without_a_finite_value_hold_0_and_are_counted(place, series):
    small_model(place, "model")
    mask = np.ones(series.geometry.shape, bool)
    mask[0] = False
    values = np.full(mask.shape, 3.0)
    values[0], values[1, 2, 3], values[2, 3, 4] = np.nan, np.nan, np.inf
    maps = get_method("model").maps({"TTP": values}, series, mask, warnings=("first",))
    assert np.count_nonzero(maps["TTP"]) == mask.sum() - 2
    assert maps["TTP"].dtype == np.float32
    assert maps.warnings == (
        "first",
        "model gave no finite value in 2 voxels, which hold 0.",
    )


def test_a_series_outside_the_valid_range_is_said_to_be(place, series, tmp_path):
    changes = {"valid_range": {"repetition_time_s": [1.8, 2.5], "slices": [6, 30]}}
    small_model(place, "model", changes)
    outcome = make_maps(series, "model", tmp_path / "out", MapOptions(device="cpu"))
    said = "The repetition time is 1.5 s; model was trained on 1.8 to 2.5 s and may be wrong here"
    assert any(sentence.startswith(said) for sentence in outcome.report["warnings"])
    assert not any("slices" in sentence for sentence in outcome.report["warnings"])


def test_a_quantity_that_the_model_does_not_give(place, series, tmp_path):
    small_model(place, "model")
    with pytest.raises(InputError, match="does not give K2; it gives TTP"):
        make_maps(series, "model", tmp_path / "out", MapOptions(quantities=("K2",)))


def test_too_few_frames_for_the_model(place, series, tmp_path):
    needs = {"aif": False, "echo_time": False, "minimum_frames": 40}
    small_model(place, "model", {"needs": needs})
    with pytest.raises(InputError, match="model needs at least 40"):
        make_maps(series, "model", tmp_path / "out")


def test_altered_weights_stop_the_run_before_the_series_is_prepared(place, series, tmp_path):
    folder = small_model(place, "model")
    content = folder.weights_file.read_bytes()
    folder.weights_file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    seen = []
    with pytest.raises(InputError, match="altered"):
        make_maps(
            series,
            "model",
            tmp_path / "out",
            MapOptions(device="cpu"),
            lambda fraction, message: seen.append(message),
        )
    assert seen == []


def test_without_jsonschema_shipped_models_are_listed_and_own_ones_say_what_to_install(
    place, monkeypatch
):
    small_model(model_registry.shipped_model_folder(), "shipped-model")
    small_model(place, "own-model")
    for name in ("jsonschema", "jsonschema.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    assert list(model_folders()) == ["shipped-model"]
    assert "pip install jsonschema" in broken_folders()[0][1]


def test_an_installation_without_models_still_has_its_methods(monkeypatch):
    monkeypatch.setattr(model_registry, "resource", lambda name: Path("/nowhere/at/all"))
    monkeypatch.setattr(model_registry, "shipped_model_folder", shipped_model_folder)
    assert method_names() == ["sSVD", "cSVD", "oSVD", "Tikhonov", "collateral-roi"]
    assert len(broken_folders()) == 1


def test_listing_loads_neither_torch_nor_the_code_of_a_family(place):
    small_model(place, "model")
    program = (
        "import sys\n"
        "from SyntheticPerfusionLib.methods.registry import describe_methods\n"
        "assert 'model' in [item['name'] for item in describe_methods()]\n"
        "heavy = {'torch', 'safetensors', 'SimpleITK', 'SyntheticPerfusionLib.methods.hess'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=LIBRARY, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""
