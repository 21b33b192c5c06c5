"""A cohort on disk: the files of each patient, going on after a stop, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom import cohort_folder, cohort_writing
from SyntheticPerfusionLib.phantom.cohort import CohortPlan, draw_member, members
from SyntheticPerfusionLib.phantom.cohort_reading import read_cohort
from SyntheticPerfusionLib.phantom.cohort_writing import write_cohort
from SyntheticPerfusionLib.series.aif_file import read_aif_csv
from SyntheticPerfusionLib.series.images import read_image, read_mask
from SyntheticPerfusionLib.series.read import read_series

PLAN = CohortPlan(
    patients=2,
    seed=1,
    mix=(("stroke", 0.5), ("glioma-high", 0.5)),
    protocols=("heidelberg",),
    grid=(5, 32, 32),
)


@pytest.fixture(scope="module", autouse=True)
def drawn_once():
    """Each patient is drawn once for the whole file; command line tests draw them again."""
    real, kept = cohort_writing.draw_member, {}

    def draw(member, **options):
        if member not in kept:
            kept[member] = real(member, **options)
        return kept[member]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort_writing, "draw_member", draw)
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of PLAN; nobody may write to it."""
    folder = tmp_path_factory.mktemp("cohorts") / "cohort"
    assert write_cohort(PLAN, folder, workers=1).new == 2
    return folder


@pytest.fixture(scope="module")
def drawn():
    """The same patients in memory."""
    return {member.identifier: draw_member(member) for member in members(PLAN)}


@pytest.fixture
def copy(written, tmp_path):
    return Path(shutil.copytree(written, tmp_path / "copy"))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def patient_of(written, kind):
    return next(entry for entry in read_cohort(written) if entry.kind == kind)


def test_patients_on_disk_are_those_in_memory(written, drawn):
    for entry in read_cohort(written):
        patient = drawn[entry.identifier]
        series = read_series(entry.series)
        np.testing.assert_array_equal(series.signal, patient.series.signal)
        np.testing.assert_allclose(series.frame_times_s, patient.series.frame_times_s)
        assert series.geometry.matches(patient.series.geometry)
        assert series.echo_time_s == patient.acquisition.echo_time_s
        assert set(entry.targets) == set(patient.truth.names)
        for name, path in entry.targets.items():
            np.testing.assert_array_equal(read_image(path)[0], patient.truth[name])
        np.testing.assert_array_equal(read_mask(entry.mask, series.geometry), patient.mask)
        np.testing.assert_array_equal(read_image(entry.labels)[0], patient.labels)
        np.testing.assert_array_equal(read_image(entry.territories)[0], patient.territories)
        np.testing.assert_allclose(read_image(entry.anatomy)[0], patient.anatomy)
        assert set(entry.rois) == set(patient.rois)
        for name, path in entry.rois.items():
            np.testing.assert_array_equal(read_image(path)[0] != 0, patient.rois[name])
        for path, curve in ((entry.aif, patient.aif), (entry.vof, patient.vof)):
            found = read_aif_csv(path, series.frame_times_s)
            np.testing.assert_allclose(found.concentration, curve.concentration, 1e-5, 1e-9)


def test_sidecars_by_their_bids_names(written):
    entry = patient_of(written, "stroke")
    sidecar = json.loads((entry.series.parent / f"{entry.identifier}_dsc.json").read_text())
    scan = json.loads(entry.drawn.read_text())["acquisition"]
    assert sidecar["RepetitionTime"] == scan["repetition_time_s"] == 2.22
    assert sidecar["EchoTime"] == 0.036
    assert sidecar["FlipAngle"] == 90
    assert sidecar["MagneticFieldStrength"] == 3
    assert len(sidecar["SliceTiming"]) == 5
    assert min(sidecar["SliceTiming"]) == 0
    assert max(sidecar["SliceTiming"]) < 2.22
    truth = json.loads(entry.targets["CBF"].with_name(f"{entry.identifier}_CBF.json").read_text())
    assert truth["Units"] == "ml/100g/min"
    assert "response" in truth["Definition"]
    for folder, kind in ((written, "raw"), (written / "derivatives/truth", "derivative")):
        description = json.loads((folder / "dataset_description.json").read_text())
        assert description["DatasetType"] == kind


@pytest.mark.parametrize("kind", ["tissue", "territories"])
def test_labels_have_names(written, kind):
    rows = (written / f"derivatives/truth/desc-{kind}_dseg.tsv").read_text().splitlines()
    names = dict(row.split("\t") for row in rows[1:])
    entry = read_cohort(written)[0]
    found = np.unique(read_image(entry.labels if kind == "tissue" else entry.territories)[0])
    assert rows[0] == "index\tname"
    assert len(found) > 3
    assert {str(value) for value in found} <= set(names)


def test_participants_say_who_is_who(written, drawn):
    with (written / "participants.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    described = json.loads((written / "participants.json").read_text())
    assert list(rows[0]) == list(described)
    assert [row["participant_id"] for row in rows] == ["sub-001", "sub-002"]
    for row, member in zip(rows, members(PLAN), strict=True):
        patient = drawn[member.identifier]
        assert (row["kind"], row["split"]) == (member.kind, member.split)
        assert (row["protocol"], row["seed"]) == (member.protocol, str(member.seed))
        assert row["frames"] == str(patient.series.frame_count)
        assert float(row["snr"]) == pytest.approx(patient.acquisition.snr, abs=0.01)
        voxel_ml = np.prod(patient.series.geometry.spacing) / 1000
        region = patient.rois["tumor" if member.kind == "glioma-high" else "lesion"]
        assert float(row["lesion_ml"]) == pytest.approx(region.sum() * voxel_ml, abs=0.001)
        if member.kind == "glioma-high":
            cbv = patient.truth["CBV"]
            ratio = cbv[region].mean() / cbv[patient.rois["reference"]].mean()
            assert row["grade"] == "high"
            assert float(row["rcbv"]) == pytest.approx(ratio, abs=1e-3)
        else:
            assert row["grade"] == row["rcbv"] == "n/a"


def test_a_whole_cohort_is_left_as_it_is(written):
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*") if path.is_file()}
    again = write_cohort(PLAN, written, workers=1)
    assert (again.new, len(again.rows)) == (0, 2)
    assert {
        path: path.stat().st_mtime_ns for path in written.rglob("*") if path.is_file()
    } == before


def test_what_a_killed_run_left_is_made_whole(written, copy):
    truth = copy / "derivatives/truth"
    (truth / "sub-002/sub-002_patient.json").unlink()
    (truth / "sub-002/perf/sub-002_CBF.nii.gz").unlink()
    (copy / "sub-002/perf/.0a1b2c3d-sub-002_dsc.nii.gz").write_bytes(b"half")
    (copy / ".0a1b2c3d-participants.tsv").write_bytes(b"half")
    (truth / ".0a1b2c3d-dataset_description.json").write_bytes(b"half")
    (copy / "participants.tsv").unlink()
    assert write_cohort(PLAN, copy, workers=1).new == 1
    assert contents(copy) == contents(written)


def test_a_damaged_file_is_made_again(written, copy):
    series = copy / "sub-001/perf/sub-001_dsc.nii.gz"
    series.write_bytes(series.read_bytes()[:1000])
    assert write_cohort(PLAN, copy, workers=1).new == 1
    assert contents(copy) == contents(written)


def test_more_patients_are_added_to_those_there(copy):
    before = contents(copy)
    larger = replace(PLAN, patients=3)
    grown = write_cohort(larger, copy, workers=1)
    assert (grown.new, list(grown.rows)) == (1, ["sub-001", "sub-002", "sub-003"])
    after = contents(copy)
    kept = [name for name in before if name.split("/")[-1].startswith("sub-00")]
    assert len(kept) > 20
    assert all(after[name] == before[name] for name in kept)
    with pytest.raises(InputError, match="3 patients, more than the 2"):
        write_cohort(PLAN, copy, workers=1)


@pytest.mark.parametrize(
    ("other", "words"),
    [({"seed": 2}, "seed 1, not 2"), ({"grid": (5, 48, 48)}, "grid"), ({"mix": ()}, "mix")],
)
def test_another_plan_is_refused(written, other, words):
    before = contents(written)
    with pytest.raises(InputError, match=words) as refused:
        write_cohort(replace(PLAN, **other), written)
    assert "\n" not in str(refused.value)
    assert contents(written) == before


def test_a_version_that_draws_the_same_patients_goes_on(copy, monkeypatch):
    monkeypatch.setattr(cohort_folder, "__version__", "99.0")
    write_cohort(PLAN, copy)


def test_a_version_that_draws_other_patients_is_refused(copy, monkeypatch):
    monkeypatch.setattr(cohort_folder, "__version__", "99.0")
    monkeypatch.setattr(cohort_folder, "SAME_PATIENTS_SINCE", "99.0")
    with pytest.raises(InputError, match=r"99\.0"):
        write_cohort(PLAN, copy)


@pytest.mark.parametrize("found", ["0.0.1", "99.0.0", "later", "0.4.0rc1"])
def test_a_cohort_of_another_version_is_refused(copy, found):
    path = copy / "dataset_description.json"
    description = json.loads(path.read_text())
    description["GeneratedBy"][0]["Version"] = found
    path.write_text(json.dumps(description))
    with pytest.raises(InputError, match=f"made by version {found}"):
        write_cohort(PLAN, copy)


@pytest.mark.parametrize("content", ["{}", "not JSON", '{"Name": "real patients"}'])
def test_other_data_sets_are_refused(tmp_path, content):
    (tmp_path / "dataset_description.json").write_text(content)
    with pytest.raises(InputError, match="choose another folder"):
        write_cohort(PLAN, tmp_path)
    assert (tmp_path / "dataset_description.json").read_text() == content


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.odt").write_text("")
    with pytest.raises(InputError, match="not empty"):
        write_cohort(PLAN, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_second_run_at_the_same_time_is_refused(written):
    pytest.importorskip("fcntl")
    with (
        cohort_folder.only_run(written),
        pytest.raises(InputError, match="Another run"),
    ):
        write_cohort(PLAN, written)


def test_a_disk_too_small_is_said_before_anything_is_made(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cohort_folder.shutil, "disk_usage", lambda path: usage(10, 9, 1))
    with pytest.raises(InputError, match="2 patients need about") as refused:
        write_cohort(PLAN, tmp_path / "cohort", workers=1)
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "cohort").iterdir())


def test_fewer_patients_than_planned_are_taken_while_the_others_are_not_begun(written, copy):
    cohort_folder.open_cohort(copy, replace(PLAN, patients=20))
    assert write_cohort(PLAN, copy, workers=1).new == 0
    assert contents(copy) == contents(written)


def test_the_estimate_of_the_disk_lies_above_what_is_taken(written):
    for member in members(PLAN):
        name = member.identifier
        folders = (written / name, written / "derivatives/truth" / name)
        volumes = [path for folder in folders for path in folder.rglob("*.nii.gz")]
        taken = sum(path.stat().st_size for path in volumes)
        assert taken < cohort_folder.bytes_of(member) < 3 * taken


@pytest.mark.parametrize("step", ["draw_member", "write_member"])
def test_one_who_fails_is_named_and_the_others_are_made(written, copy, monkeypatch, step):
    real = getattr(cohort_writing, step)

    def fails(*given, **options):
        if any(getattr(one, "identifier", None) == "sub-001" for one in given):
            raise RuntimeError("no such luck")
        return real(*given, **options)

    monkeypatch.setattr(cohort_writing, step, fails)
    for name in ("sub-001", "sub-002"):
        shutil.rmtree(copy / "derivatives/truth" / name)
    done = write_cohort(PLAN, copy, workers=1)
    (failure,) = done.failures
    assert failure.member.identifier == "sub-001"
    assert failure.reason == "RuntimeError: no such luck"
    assert not failure.unusable
    assert list(done.rows) == ["sub-002"]
    assert [entry.identifier for entry in read_cohort(copy)] == ["sub-002"]
    monkeypatch.undo()
    write_cohort(PLAN, copy, workers=1)
    assert contents(copy) == contents(written)


def test_reading_names_what_is_missing(copy, tmp_path):
    with pytest.raises(InputError, match="K2"):
        read_cohort(copy, ("CBF", "K2"))
    (copy / "derivatives/truth/sub-002/perf/sub-002_Tmax.nii.gz").unlink()
    with pytest.raises(InputError, match=r"sub-002 lacks .*sub-002_Tmax\.nii\.gz"):
        read_cohort(copy)
    with pytest.raises(InputError, match="holds no cohort"):
        read_cohort(tmp_path)
    for name in ("sub-001", "sub-002"):
        (copy / f"derivatives/truth/{name}/{name}_patient.json").unlink()
    with pytest.raises(InputError, match="Nobody"):
        read_cohort(copy)
