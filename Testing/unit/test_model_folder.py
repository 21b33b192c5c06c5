"""Model folders: written and read back, and each way in which one can be unusable."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import zipfile

import pytest
import torch
from safetensors.torch import save
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods import model_folder
from SyntheticPerfusionLib.methods.model_folder import read_model_folder, write_model_folder

from .small_models import small_card, small_model, small_weights


@pytest.fixture
def folder(tmp_path):
    return small_model(tmp_path).path


def rewrite(folder, **changes):
    """Change keys of a folder's card; None takes one away."""
    path = folder / "model.json"
    card = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in card.items() if value is not None}))


def refusal(folder):
    with pytest.raises(InputError) as caught:
        read_model_folder(folder)
    sentence = str(caught.value)
    assert str(folder) in sentence
    assert "\n" not in sentence
    return sentence


def test_float32_comes_back_to_the_bit(tmp_path):
    weights = {
        "layer.weight": torch.randn(5, 3, generator=torch.Generator().manual_seed(0)),
        "norm.num_batches_tracked": torch.tensor(7),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
    }
    written = write_model_folder(tmp_path / "model", small_card(name="model"), weights)
    read = read_model_folder(tmp_path / "model")
    assert read.card == written.card
    assert read.name == "model"
    assert read.family == "hess"
    found = read.weights()
    assert set(found) == set(weights)
    for name, tensor in weights.items():
        assert torch.equal(found[name], tensor), name
    assert found["norm.num_batches_tracked"].dtype == torch.int64
    assert (tmp_path / "model" / "weights.safetensors").stat().st_mode & 0o400


def test_float16_comes_back_as_float32_of_half_the_precision(tmp_path):
    weights = {"w": torch.randn(1000, generator=torch.Generator().manual_seed(0))}
    folder = write_model_folder(tmp_path / "half", small_card(), weights, "float16")
    found = folder.weights()["w"]
    assert found.dtype == torch.float32
    assert torch.equal(found, weights["w"].half().float())
    assert folder.card["weights"]["dtype"] == "float16"
    assert folder.weights_file.stat().st_size < 2300


def test_the_card_is_completed_with_version_use_and_digest(folder):
    card = json.loads((folder / "model.json").read_text())
    assert card["schema_version"] == 1
    assert "research" in card["intended_use"]
    assert len(card["weights"]["sha256"]) == 64


def test_same_weights_make_the_same_file(tmp_path):
    first, second = (small_model(tmp_path / str(n)).weights_file for n in (1, 2))
    assert first.read_bytes() == second.read_bytes()


def test_a_card_that_is_not_json(folder):
    (folder / "model.json").write_text('{"name": ')
    assert "is not JSON" in refusal(folder)
    (folder / "model.json").write_text('{"name": NaN}')
    assert "NaN is no number" in refusal(folder)
    (folder / "model.json").write_bytes(b"\xff\xfe\x00")
    assert "is not JSON" in refusal(folder)
    (folder / "model.json").write_text('{"a":' * 100_000)
    assert "is not JSON" in refusal(folder)
    (folder / "model.json").write_text("[1, 2]")
    assert "no object" in refusal(folder)


def test_no_card(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    assert "it has no model.json" in refusal(tmp_path / "empty")
    assert "is not a model folder" in refusal(tmp_path / "nowhere")
    shutil.move(folder, tmp_path / "empty" / "inner")
    assert "inner in it has" in refusal(tmp_path / "empty")


def test_a_card_that_cannot_be_opened(folder):
    (folder / "model.json").unlink()
    (folder / "model.json").mkdir()
    assert "cannot be read" in refusal(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": None}, "'training' is a required property"),
        ({"name": "../elsewhere"}, "at name"),
        ({"needs": {"aif": "no", "echo_time": False, "minimum_frames": 5}}, "at needs.aif"),
        ({"colour": "red"}, "'colour' was unexpected"),
        ({"valid_range": {"echo_times": [1, 2]}}, "'echo_times' was unexpected"),
        ({"valid_range": {"frames": [80, 40]}}, "begins at 80 above its end, 40"),
        ({"valid_range": {"frames": [80]}}, "at valid_range.frames"),
        ({"quantities": ["TTP", "Tmin"]}, "quantities names Tmin"),
        ({"metrics": {"error": 1}}, "'command' is a required property"),
        ({"intended_use": "Diagnosis."}, "at intended_use"),
        ({"limitations": []}, "at limitations"),
        ({"weights": {"file": "../w.safetensors", "sha256": "0" * 64, "dtype": "float32"}}, "file"),
        ({"weights": {"file": "w.pt", "sha256": "0" * 64, "dtype": "float32"}}, "weights.file"),
    ],
)
def test_a_card_that_is_not_as_the_schema_says(folder, changes, said):
    rewrite(folder, **changes)
    sentence = refusal(folder)
    assert said in sentence
    assert "is not the card of a model" in sentence


def test_a_complaint_does_not_print_the_whole_card(folder):
    rewrite(folder, limitations="x" * 5000)
    assert len(refusal(folder)) < 500 + len(str(folder))


def test_a_newer_version_asks_for_an_update(folder):
    rewrite(folder, schema_version=2, novelty="unknown here")
    assert "update SyntheticPerfusion" in refusal(folder)


def test_a_foreign_family(folder):
    rewrite(folder, family="unet-of-others")
    assert "'unet-of-others', which is not known here" in refusal(folder)


def test_altered_missing_and_truncated_weights(folder):
    weights = folder / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "altered or cut short" in refusal(folder)
    weights.write_bytes(content[:-4])
    assert "cut short" in refusal(folder)
    weights.unlink()
    assert "are missing" in refusal(folder)


def test_weights_altered_after_the_folder_was_read(folder):
    model = read_model_folder(folder)
    content = model.weights_file.read_bytes()
    model.weights_file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match="altered"):
        model.weights()


class Harmful:
    """Would make a folder if it were ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickled_weights_under_the_name_of_safetensors(folder, tmp_path, protocol):
    trap = tmp_path / "opened"
    (folder / "weights.safetensors").write_bytes(pickle.dumps(Harmful(trap), protocol))
    assert "pickled" in refusal(folder)
    assert not trap.exists()


def test_a_torch_archive_under_the_name_of_safetensors(folder):
    torch.save({"weight": torch.zeros(1)}, folder / "weights.safetensors")
    assert "pickled" in refusal(folder)


@pytest.mark.parametrize("name", ["last.ckpt", "optimiser.PT", "extra/scaler.pkl"])
def test_anything_pickled_beside_the_weights(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"anything")
    assert "pickled" in refusal(folder)


def test_a_safetensors_header_as_long_as_a_pickle_begins_is_no_pickle(tmp_path):
    # 640 is 80 02 in hexadecimal, which is also how a pickle of protocol 2 begins.
    bare = len(save({"": torch.zeros(1)})) - 12
    weights = {"w" * (640 - bare): torch.zeros(1)}
    folder = write_model_folder(tmp_path / "model", small_card(), weights)
    assert folder.weights_file.read_bytes()[:2] == b"\x80\x02"
    assert set(folder.weights()) == set(weights)


def test_documents_and_pictures_may_lie_beside_the_weights(folder):
    (folder / "README.md").write_text("How it was trained.")
    (folder / "loss.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert read_model_folder(folder).name == "mean-of-voxel"


@pytest.mark.parametrize("damaged", [0, 6])
def test_a_damaged_archive_beside_the_weights_spoils_nothing(folder, damaged):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("notes.txt", "How it was trained.")
    raw = bytearray(content.getvalue())
    raw[raw.find(b"PK\x01\x02") + damaged] ^= 0x7F
    (folder / "notes.zip").write_bytes(raw)
    assert zipfile.is_zipfile(folder / "notes.zip")
    assert read_model_folder(folder).name == "mean-of-voxel"


def test_a_file_in_the_place_of_the_model_is_left_alone(tmp_path):
    (tmp_path / "model").write_text("Dear all")
    with pytest.raises(InputError, match="is there and is not a model folder"):
        write_model_folder(tmp_path / "model", small_card(), small_weights())
    assert (tmp_path / "model").read_text() == "Dear all"


def test_a_file_that_cannot_be_opened_is_named(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path / "secret.txt"))

    monkeypatch.setattr(model_folder, "pickled_files", refuse)
    assert "secret.txt cannot be read (Permission denied)" in refusal(folder)


def test_a_bad_card_is_not_written(tmp_path):
    with pytest.raises(InputError, match="at title"):
        write_model_folder(tmp_path / "bad", small_card(title=3), small_weights())
    card = small_card(metrics={"command": "none", "error": float("nan")})
    with pytest.raises(InputError, match="no number"):
        write_model_folder(tmp_path / "bad", card, small_weights())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "dtype"), [(float("nan"), "float32"), (1e6, "float16"), (float("inf"), "float16")]
)
def test_weights_that_are_not_finite_are_not_written(tmp_path, value, dtype):
    with pytest.raises(InputError, match=f"not finite as {dtype}"):
        write_model_folder(tmp_path / "bad", small_card(), {"w": torch.tensor([value])}, dtype)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_earlier_model(folder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    before = (folder / "weights.safetensors").read_bytes()
    monkeypatch.setattr(model_folder, "_put_in_place", fail)
    with pytest.raises(InputError, match="disk is full"):
        write_model_folder(folder, small_card(), small_weights(3.0))
    assert (folder / "weights.safetensors").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_rename_that_fails_puts_the_earlier_model_back(folder, monkeypatch):
    rename = os.rename

    def fail_second(source, target):
        if str(target) == str(folder) and "earlier" not in seen:
            seen.append("earlier")
            raise OSError(13, "Permission denied")
        rename(source, target)

    seen = []
    monkeypatch.setattr(os, "rename", fail_second)
    with pytest.raises(InputError, match="Permission denied"):
        write_model_folder(folder, small_card(), small_weights(3.0))
    assert read_model_folder(folder).weights()["weight"].item() == 2.0
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_model_is_replaced_by_its_next_training(folder):
    write_model_folder(folder, small_card(version="1.1"), small_weights(3.0))
    model = read_model_folder(folder)
    assert model.card["version"] == "1.1"
    assert model.weights()["weight"].item() == 3.0
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_of_something_else_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="is not a model folder"):
        write_model_folder(tmp_path, small_card(), small_weights())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("package", ["jsonschema", "safetensors"])
def test_a_missing_package_is_named(folder, monkeypatch, package):
    for name in (package, f"{package}.torch", f"{package}.exceptions"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(InputError, match=f"pip install {package}"):
        read_model_folder(folder).weights()
