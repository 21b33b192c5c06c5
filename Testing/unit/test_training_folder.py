"""Patients for training from a folder: their files, the voxels that count, and what is wrong."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import quantity
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.images import read_image, write_image
from SyntheticPerfusionLib.series.write import write_series
from SyntheticPerfusionLib.training.check_data import check_patients
from SyntheticPerfusionLib.training.configuration import DataConfig
from SyntheticPerfusionLib.training.folder_source import FolderSource
from SyntheticPerfusionLib.training.hess_task import HessTask
from SyntheticPerfusionLib.training.patient_split import split_by_seed
from SyntheticPerfusionLib.training.patients import gather_patients, open_patients
from SyntheticPerfusionLib.training.target_map import read_target

from unit.small_folder import (
    GRID,
    tiny_map,
    tiny_mask,
    tiny_series,
    write_artery,
    write_map,
    write_participants,
    write_patient,
)
from unit.small_hess import hess_configuration


@pytest.fixture
def root(tmp_path):
    """Two patients with a map of Tmax, one to train and one to validate with."""
    folder = tmp_path / "site"
    for name in ("sub-a", "sub-b"):
        write_patient(folder, name)
    write_participants(folder, sub_a="train", sub_b="validation")
    return folder


@pytest.fixture
def opened(root, tmp_path):
    """Open the folder's patients, by identifier."""

    def open_them(quantities=("Tmax",), **settings):
        data = DataConfig(source="folder", folder=str(root), **settings)
        return {
            patient.identifier: patient
            for patient in open_patients(data, tmp_path / "cache", quantities)
        }

    return open_them


def refusal(opened, *arguments, **settings):
    with pytest.raises(InputError) as caught:
        opened(*arguments, **settings)
    return str(caught.value)


def test_a_patient_is_what_its_files_say(opened):
    patient = opened()["sub-a"]
    series = tiny_series()
    assert (patient.split, patient.kind) == ("train", "stroke")
    assert patient.signal.dtype == np.float16
    np.testing.assert_array_equal(patient.mask, tiny_mask())
    np.testing.assert_array_equal(patient.counted, tiny_mask())
    baseline = patient.signal[:4][:, patient.mask].astype(float).mean()
    assert baseline == pytest.approx(1, abs=0.01)
    scaled = series.signal / series.signal[:4][:, tiny_mask()].mean()
    np.testing.assert_allclose(patient.signal, scaled, rtol=0.01, atol=0.01)
    np.testing.assert_array_equal(patient.targets["Tmax"], tiny_map(1, 9))
    np.testing.assert_allclose(patient.frame_times_s, series.frame_times_s)
    assert patient.echo_time_s == 0.03
    np.testing.assert_allclose(patient.spacing_mm, GRID.spacing, rtol=1e-6)
    assert patient.true_aif is None
    assert patient.labels is None
    assert patient.about["mask"] == "found in the series"


def test_how_the_head_lies_in_the_grid_is_kept(root, opened):
    turned = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    series = replace(tiny_series(), geometry=replace(GRID, direction=turned))
    write_series(series, root / "sub-a/perf/sub-a_dsc.nii.gz")
    upright, patient = opened(())["sub-b"], opened(())["sub-a"]
    np.testing.assert_allclose(patient.direction, turned, atol=1e-6)
    np.testing.assert_allclose(upright.direction, GRID.direction, atol=1e-6)


def test_a_series_alone_is_enough_where_no_target_is_learned(root, opened):
    shutil.rmtree(root / "derivatives")
    assert set(opened(())) == {"sub-a", "sub-b"}
    assert opened(())["sub-a"].targets == {}
    assert "There is no map of Tmax" in refusal(opened)


def test_a_series_without_echo_time_is_enough_where_none_is_needed(root, tmp_path):
    for path in root.rglob("*_dsc.json"):
        content = json.loads(path.read_text())
        del content["EchoTime"]
        path.write_text(json.dumps(content))
    data = DataConfig(source="folder", folder=str(root))
    check_patients(data, ("Tmax",), echo_time=False)
    with pytest.raises(InputError, match="The echo time is not stored"):
        check_patients(data, ("Tmax",))
    found = gather_patients(data, tmp_path / "cache", ("Tmax",), echo_time=False).patients
    assert {patient.echo_time_s for patient in found} == {None}
    assert all(patient.aif is None for patient in found)
    assert "echo time" in found[0].about["aif"]
    with pytest.raises(InputError, match="The echo time is not stored"):
        gather_patients(data, tmp_path / "cache", ("Tmax",))
    assert "echo_time_s" not in HessTask(hess_configuration(), found).card()["valid_range"]
    assert not HessTask.needs_echo_time(hess_configuration())


def test_rbf_is_flow_over_its_mean_with_outliers_clipped(root, opened):
    flow = tiny_map(10, 90)
    where = tuple(np.argwhere(tiny_mask())[0])
    flow[where] = 5000
    for name in ("sub-a", "sub-b"):
        write_map(root, name, "CBF", flow)
    found = opened(("RBF",))["sub-a"].targets
    mean = np.clip(flow[tiny_mask()], 0, 200).mean()
    np.testing.assert_allclose(found["RBF"], flow / mean, rtol=1e-6)
    assert found["CBF"][where] == 5000


def test_voxels_without_a_value_do_not_count(root, opened):
    inside = np.argwhere(tiny_mask())
    gone, infinite, blank, early = (tuple(place) for place in inside[:4])
    tmax, flow = tiny_map(1, 9), tiny_map(10, 90)
    tmax[gone], flow[infinite] = np.nan, np.inf
    tmax[blank] = flow[blank] = 0
    tmax[early] = 0
    write_map(root, "sub-a", "Tmax", tmax)
    write_map(root, "sub-a", "CBF", flow)
    write_map(root, "sub-b", "CBF", tiny_map(10, 90))
    patient = opened(("Tmax", "CBF"))["sub-a"]
    expected = tiny_mask().copy()
    for place in (gone, infinite, blank):
        expected[place] = False
    assert patient.counted[early]
    np.testing.assert_array_equal(patient.counted, expected)
    assert np.isfinite(patient.targets["Tmax"]).all()
    assert np.isfinite(patient.targets["CBF"]).all()


def test_a_background_below_zero_is_known_in_one_map(root, opened):
    tmax = np.where(tiny_mask(), tiny_map(1, 9), -1).astype(np.float32)
    hidden, early = (tuple(place) for place in np.argwhere(tiny_mask())[:2])
    tmax[hidden], tmax[early] = -1, 0
    write_map(root, "sub-a", "Tmax", tmax)
    patient = opened()["sub-a"]
    assert not patient.counted[hidden]
    assert patient.counted[early]
    assert patient.counted.sum() == tiny_mask().sum() - 1


def test_times_are_converted_by_their_stated_unit(root, opened):
    write_map(root, "sub-a", "Tmax", 1000 * tiny_map(1, 9), units="ms")
    np.testing.assert_allclose(opened()["sub-a"].targets["Tmax"], tiny_map(1, 9), rtol=1e-5)
    write_map(root, "sub-a", "Tmax", 1000 * tiny_map(100, 900))
    path = write_map(root, "sub-b", "Tmax", tiny_map(1, 9), units="ml")
    path.parent.parent.parent.joinpath("sub-a/perf/sub-a_Tmax.json").unlink()
    said = refusal(opened)
    assert "sub-a_Tmax.nii.gz" in said
    assert '"Units": "ms"' in said
    assert "The map is in ml by sub-b_Tmax.json, expected s" in said


def test_a_changed_map_is_read_again(root, opened):
    opened()
    write_map(root, "sub-a", "Tmax", 2 * tiny_map(1, 9))
    np.testing.assert_array_equal(opened()["sub-a"].targets["Tmax"], 2 * tiny_map(1, 9))


def test_a_given_mask_and_artery_are_taken(root, opened):
    mask = tiny_mask().copy()
    mask[:, :, : mask.shape[2] // 2] = False
    write_map(root, "sub-a", "desc-brain_mask", mask)
    write_map(root, "sub-a", "desc-tumor_mask", mask)
    curve = write_artery(root, "sub-a")
    patient = opened()["sub-a"]
    np.testing.assert_array_equal(patient.mask, mask)
    np.testing.assert_array_equal(patient.rois["tumor"], mask)
    np.testing.assert_allclose(patient.aif, curve, rtol=1e-6)
    assert patient.about["aif"] == "file sub-a_desc-aif_timeseries.tsv"
    assert patient.true_aif is None
    np.testing.assert_array_equal(opened(automatic_mask=True)["sub-a"].mask, tiny_mask())


def test_of_several_programs_one_is_to_be_named(root, opened):
    write_map(root, "sub-a", "Tmax", 2 * tiny_map(1, 9), program="other")
    said = refusal(opened)
    assert "2 maps of Tmax" in said
    assert "derivatives/other/sub-a/perf/sub-a_Tmax.nii.gz" in said
    assert "data.derivatives" in said
    np.testing.assert_array_equal(
        opened(derivatives="vendor")["sub-a"].targets["Tmax"], tiny_map(1, 9)
    )
    assert "derivatives/nobody" in refusal(opened, derivatives="nobody")


def broken_folder(root):
    """Ways in which a patient can be broken: name -> (file that is to be named, what is said)."""
    expected = {}

    def patient(name, maps=("Tmax",)):
        return write_patient(root, name, maps)

    def tell(name, file, said):
        expected[name] = (file, said)

    sidecar = patient("sub-te").with_name("sub-te_dsc.json")
    content = json.loads(sidecar.read_text())
    del content["EchoTime"]
    sidecar.write_text(json.dumps(content))
    tell("sub-te", "sub-te_dsc.json", "write EchoTime")

    series = patient("sub-tr")
    sidecar = series.with_name("sub-tr_dsc.json")
    content = json.loads(sidecar.read_text())
    del content["RepetitionTime"]
    sidecar.write_text(json.dumps(content))
    without_time(series)
    tell("sub-tr", "sub-tr_dsc.nii.gz", "write RepetitionTime")

    patient("sub-map", maps=())
    tell("sub-map", "sub-map_dsc.nii.gz", "There is no map of Tmax")

    patient("sub-grid")
    finer = Geometry(GRID.shape, tuple(step / 2 for step in GRID.spacing), GRID.origin)
    write_image(tiny_map(1, 9), finer, write_map(root, "sub-grid", "Tmax", tiny_map(1, 9)))
    tell("sub-grid", "sub-grid_Tmax.nii.gz", "another grid")

    patient("sub-flat")
    write_map(root, "sub-flat", "Tmax", np.zeros(GRID.shape, np.float32))
    tell("sub-flat", "sub-flat_dsc.nii.gz", "No voxel of the brain holds a value")

    series = patient("sub-short")
    series.write_bytes(series.read_bytes()[:-3000])
    tell("sub-short", "sub-short_dsc.nii.gz", "truncated")

    still = patient("sub-still")
    no_bolus(still)
    tell("sub-still", "sub-still_dsc.nii.gz", "No bolus was found")

    (root / "sub-none" / "perf").mkdir(parents=True)
    tell("sub-none", "sub-none", "There is no series")

    tell("sub-gone", "participants.tsv", "There is no folder")
    patient("sub-part")
    tell("sub-part", "participants.tsv", "The column split says 'both'")
    return expected


def without_time(path):
    """Take the time between frames out of the header."""
    import nibabel

    image = nibabel.load(path)
    image = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)
    image.header["pixdim"][4] = 0
    image.header.set_xyzt_units("mm", "unknown")
    image.to_filename(path)


def no_bolus(path):
    import nibabel

    image = nibabel.load(path)
    first = np.asarray(image.dataobj)[..., :1]
    noise = np.random.default_rng(1).normal(0, 1, image.shape)
    still = nibabel.Nifti1Image((first + noise).astype(np.float32), image.affine, image.header)
    still.to_filename(path)


def test_everything_that_is_wrong_is_said_at_once(root, opened):
    expected = broken_folder(root)
    parts = dict.fromkeys((name.replace("-", "_") for name in expected), "train")
    parts |= {"sub_a": "train", "sub_b": "validation", "sub_part": "both"}
    write_participants(root, **parts)
    lines = refusal(opened).splitlines()
    assert lines[0].startswith(f"Patients that cannot be used: {len(expected)};")
    assert "data.skip_broken" in lines[0]
    assert len(lines) == 1 + len(expected)
    for name, (file, said) in expected.items():
        (line,) = (line for line in lines if line.strip().startswith(f"{name}, "))
        assert file in line
        assert said in line


def test_one_broken_patient_in_a_hundred(tmp_path):
    folder = tmp_path / "site"
    write_patient(folder, "sub-000")
    write_map(folder, "sub-000", "desc-brain_mask", tiny_mask())
    write_artery(folder, "sub-000")
    for n in range(1, 100):
        name = f"sub-{n:03d}"
        for path in [
            *folder.glob("sub-000/perf/*"),
            *folder.glob("derivatives/vendor/sub-000/*/*"),
        ]:
            copy = folder / str(path.relative_to(folder)).replace("sub-000", name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    no_bolus(folder / "sub-041/perf/sub-041_dsc.nii.gz")
    data = DataConfig(source="folder", folder=str(folder))
    with pytest.raises(
        InputError, match=r"cannot be used: 1;.*\n  sub-041, .*sub-041_dsc.nii.gz: No"
    ):
        open_patients(data, tmp_path / "cache", ("Tmax",))
    said = []
    data = DataConfig(source="folder", folder=str(folder), skip_broken=True)
    gathered = gather_patients(
        data, tmp_path / "cache", ("Tmax",), progress=lambda _, message: said.append(message)
    )
    assert len(gathered.patients) == 99
    assert [problem.identifier for problem in gathered.left_out] == ["sub-041"]
    assert len(set(gathered.keys)) == 99
    assert {key.split()[1] for key in gathered.keys} == {"train", "validation", "test"}
    assert said[-1] == "99 patients (69 train, 15 validation, 15 test); left out as broken: sub-041"


def test_a_second_process_helps_from_the_end(root, opened, tmp_path, monkeypatch):
    write_patient(root, "sub-c")
    write_participants(root, sub_a="train", sub_b="validation", sub_c="test")
    make = FolderSource.make

    def last(self, cancelled):
        """Made here, nothing is until the helper has made its own."""
        until = time.monotonic() + 120
        while not list((tmp_path / "cache").glob("sub-c-*")):
            assert time.monotonic() < until
            time.sleep(0.05)
        return make(self, cancelled)

    monkeypatch.setattr(FolderSource, "make", last)
    data = DataConfig(source="folder", folder=str(root))
    found = open_patients(data, tmp_path / "cache", ("Tmax",), workers=2)
    assert [patient.identifier for patient in found] == ["sub-a", "sub-b", "sub-c"]
    assert not multiprocessing.active_children()


def test_headers_are_looked_through_before_anything_is_read(root, opened, monkeypatch):
    series = root / "sub-a/perf/sub-a_dsc.nii.gz"
    data = DataConfig(source="folder", folder=str(root))
    monkeypatch.setattr("SyntheticPerfusionLib.training.folder_source.read_series", None)
    check_patients(data, ("Tmax",))
    without_time(series)
    series.with_name("sub-a_dsc.json").write_text('{"EchoTime": 30}')
    with pytest.raises(InputError) as caught:
        check_patients(data, ("Tmax", "CBV"))
    said = str(caught.value)
    assert "milliseconds" in said
    assert "RepetitionTime" in said
    assert said.count("There is no map of CBV") == 2


@pytest.mark.parametrize("shares", [(1, 0, 0), (0, 0.5, 0.5)])
def test_a_part_without_patients_is_refused(root, opened, shares):
    (root / "participants.tsv").unlink()
    assert "give at least one to train and one to validate with" in refusal(opened, split=shares)


def test_a_folder_without_patients_is_refused(tmp_path):
    data = DataConfig(source="folder", folder=str(tmp_path))
    with pytest.raises(InputError, match="holds no patients; expected folders sub-"):
        open_patients(data, tmp_path / "cache")


def test_an_unknown_quantity_is_refused(opened):
    assert "no quantity called Tmin" in refusal(opened, ("Tmin",))


def test_sessions_of_a_person_stay_together(root, opened):
    (root / "participants.tsv").unlink()
    (root / "sub-b/ses-1").mkdir()
    shutil.move(root / "sub-b/perf", root / "sub-b/ses-1/perf")
    shutil.copytree(root / "sub-b/ses-1", root / "sub-b/ses-2")
    for session in ("ses-1", "ses-2"):
        for path in (root / f"sub-b/{session}/perf").iterdir():
            path.rename(path.with_name(path.name.replace("sub-b", f"sub-b_{session}")))
    patients = opened((), split=(0.5, 0.5, 0.0))
    assert set(patients) == {"sub-a", "sub-b_ses-1", "sub-b_ses-2"}
    assert patients["sub-b_ses-1"].split == patients["sub-b_ses-2"].split
    assert patients["sub-a"].split != patients["sub-b_ses-1"].split


def test_the_split_follows_from_seed_and_names_alone():
    people = [f"sub-{n}" for n in range(40)]
    split = split_by_seed(people, (0.7, 0.15, 0.15), 3)
    assert split == split_by_seed(people[::-1], (0.7, 0.15, 0.15), 3)
    assert split != split_by_seed(people, (0.7, 0.15, 0.15), 4)
    count = [list(split.values()).count(part) for part in ("train", "validation", "test")]
    assert count == [28, 6, 6]
    few = split_by_seed(people[:3], (0.9, 0.05, 0.05), 0)
    assert sorted(few.values()) == ["test", "train", "validation"]
    assert set(split_by_seed(people, (0.5, 0.5, 0), 0).values()) == {"train", "validation"}


def test_values_that_are_no_number_are_seen(root):
    """The reader of other images makes NaN 0, which would be a target."""
    tmax = tiny_map(1, 9)
    tmax[0, 0, 0] = np.nan
    path = write_map(root, "sub-a", "Tmax", tmax)
    assert read_image(path)[0][0, 0, 0] == 0
    assert np.isnan(read_target(path, quantity("Tmax"))[0, 0, 0])
