"""Digital patients for training: what is known of them, and a cache that kills and others share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.phantom.cohort import CohortPlan, draw_member, members
from SyntheticPerfusionLib.phantom.cohort_writing import write_cohort
from SyntheticPerfusionLib.phantom.truth import TissueLabel
from SyntheticPerfusionLib.series.prepare import prepare
from SyntheticPerfusionLib.training import digital_source, patient_content, patients
from SyntheticPerfusionLib.training.configuration import DataConfig
from SyntheticPerfusionLib.training.digital_source import DigitalSource
from SyntheticPerfusionLib.training.patient_cache import PatientCache
from SyntheticPerfusionLib.training.patient_content import PatientContent
from SyntheticPerfusionLib.training.patients import fill, open_patients
from SyntheticPerfusionLib.training.problem import Problem

LIBRARY = Path(patients.__file__).parents[2]

PLAN = CohortPlan(
    patients=2,
    seed=1,
    mix=(("stroke", 0.5), ("glioma-high", 0.5)),
    protocols=("heidelberg",),
    split=(0.5, 0.5, 0.0),
    grid=(5, 32, 32),
)


@pytest.fixture(scope="module")
def drawn():
    """The patients of PLAN, drawn once for the whole file."""
    return {member.seed: draw_member(member) for member in members(PLAN)}


@pytest.fixture
def draws(drawn, monkeypatch):
    """Seeds in the order in which training has patients drawn, which are those of `drawn`."""
    asked = []

    def draw(member, **_):
        asked.append(member.seed)
        return drawn[member.seed]

    monkeypatch.setattr(digital_source, "draw_member", draw)
    return asked


def data(**settings):
    return DataConfig(cohort=PLAN.as_json(), **settings)


def test_what_is_known_of_a_digital_patient(draws, drawn, tmp_path):
    opened = open_patients(data(), tmp_path, ("Tmax", "RBF"))
    assert [patient.split for patient in opened] == [member.split for member in members(PLAN)]
    for patient, member in zip(opened, members(PLAN), strict=True):
        truth = drawn[member.seed]
        ready = prepare(truth.series, mask=truth.mask)
        steady = ready.acquired.first_steady
        assert (patient.identifier, patient.kind) == (member.identifier, member.kind)
        np.testing.assert_array_equal(patient.mask, truth.mask)
        vessels = np.isin(truth.labels, [TissueLabel.ARTERY, TissueLabel.VEIN])
        assert (vessels & truth.mask).any()
        np.testing.assert_array_equal(patient.counted, truth.mask & ~vessels)
        np.testing.assert_allclose(
            patient.signal,
            truth.series.signal[steady:] / ready.bolus.baseline,
            rtol=1e-3,
            atol=1e-6,
        )
        np.testing.assert_array_equal(patient.frame_times_s, ready.series.frame_times_s)
        np.testing.assert_allclose(patient.true_aif, truth.aif.concentration[steady:], rtol=1e-6)
        assert len(patient.signal) == len(patient.true_aif) == len(patient.frame_times_s)
        for name in truth.truth.names:
            np.testing.assert_array_equal(patient.targets[name], truth.truth[name])
        mean = np.clip(truth.truth["CBF"][patient.counted], 0, 200).mean()
        np.testing.assert_allclose(patient.targets["RBF"], truth.truth["CBF"] / mean, rtol=1e-5)
        np.testing.assert_array_equal(patient.labels, truth.labels)
        assert set(patient.rois) == set(truth.rois)
        assert patient.echo_time_s == 0.036
        assert patient.about["acquisition"]["snr"] == truth.acquisition.snr
        assert patient.about["mask"] == "truth of the digital patient"
        assert len(patient.aif) == len(patient.signal)


def test_some_frames_before_steady_state_are_dropped(draws, tmp_path):
    """Else the test above could not tell."""
    opened = open_patients(data(), tmp_path)
    assert any(patient.about["dropped_frames"] for patient in opened)


def test_patients_come_from_the_cache_memory_mapped(draws, tmp_path):
    first = open_patients(data(), tmp_path)
    assert len(draws) == 2
    again = open_patients(data(), tmp_path, ("CBF",))
    assert len(draws) == 2
    for one, other in zip(first, again, strict=True):
        for volume in (one.signal, one.mask, one.counted, *one.targets.values()):
            assert isinstance(volume, np.memmap)
            assert not volume.flags.writeable
        np.testing.assert_array_equal(one.signal, other.signal)
        np.testing.assert_array_equal(one.aif, other.aif)
        assert one.about == other.about


def test_a_larger_cohort_draws_the_new_patients_alone(draws, tmp_path):
    source = DigitalSource(members(PLAN)[1])
    fill(source, PatientCache(tmp_path))
    open_patients(data(), tmp_path)
    assert draws == [members(PLAN)[1].seed, members(PLAN)[0].seed]


def test_the_brain_is_found_where_asked(draws, drawn, tmp_path):
    true = open_patients(data(), tmp_path)[0]
    found = open_patients(data(automatic_mask=True), tmp_path)[0]
    series = drawn[members(PLAN)[0].seed].series
    np.testing.assert_array_equal(found.mask, prepare(series).mask)
    assert (found.mask != true.mask).any()
    assert not (found.counted & ~true.counted).any()
    assert found.about["mask"] == "found in the series"


def test_where_no_artery_is_found_it_is_said_why(draws, tmp_path, monkeypatch):
    def nothing(*_):
        raise InputError("Only 2 voxels show a bolus.")

    monkeypatch.setattr(patient_content, "find_aif", nothing)
    open_patients(data(), tmp_path)
    for patient in open_patients(data(), tmp_path):
        assert patient.aif is None
        assert patient.true_aif is not None
        assert patient.about["aif"] == "none found: Only 2 voxels show a bolus."


def test_targets_that_a_scan_does_not_hold_are_named(draws, tmp_path, drawn):
    lacking = [
        member.identifier
        for member in members(PLAN)
        if "Collateral_delay" not in drawn[member.seed].truth.names
    ]
    assert lacking
    with pytest.raises(InputError) as caught:
        open_patients(data(), tmp_path, ("Collateral_delay",))
    for name in lacking:
        assert f"{name}: There is no Collateral_delay, only CBF, CBV" in str(caught.value)


def test_a_cohort_on_disk_gives_the_same_patients(draws, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "SyntheticPerfusionLib.phantom.cohort_writing.draw_member",
        lambda member, **_: drawn[member.seed],
    )
    write_cohort(PLAN, tmp_path / "cohort", workers=1)
    settings = DataConfig(source="folder", folder=str(tmp_path / "cohort"))
    for one, other in zip(
        open_patients(data(), tmp_path / "cache", ("RBF",)),
        open_patients(settings, tmp_path / "cache", ("RBF",)),
        strict=True,
    ):
        assert (one.identifier, one.split, one.kind) == (other.identifier, other.split, other.kind)
        for name in ("signal", "mask", "counted", "labels", "aif", "frame_times_s"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        # The file holds its times to six digits.
        np.testing.assert_allclose(one.true_aif, other.true_aif, rtol=1e-4, atol=1e-6)
        assert one.targets.keys() == other.targets.keys()
        for name, target in one.targets.items():
            np.testing.assert_array_equal(target, other.targets[name])
        for name, roi in one.rois.items():
            np.testing.assert_array_equal(roi, other.rois[name])
    (tmp_path / "cohort/derivatives/truth/sub-001/perf/sub-001_Tmax.nii.gz").unlink()
    with pytest.raises(InputError, match=r"sub-001, .*sub-001_Tmax.nii.gz: The file is missing"):
        open_patients(settings, tmp_path / "cache")


class TinySource:
    """A patient of a few voxels, made at once; `during` is called while it is made."""

    file = None
    split, kind = "train", ""

    def __init__(self, identifier="sub-1", during=lambda: None):
        self.identifier, self._during = identifier, during
        self.made = 0

    def made_of(self):
        return {"tiny": self.identifier}

    def problems(self):
        return []

    def needed_bytes(self):
        return 1000

    def make(self, cancelled):
        self.made += 1
        self._during()
        volume = np.ones((2, 3, 4), bool)
        return PatientContent(
            signal=np.ones((5, 2, 3, 4), np.float16),
            mask=volume,
            counted=volume,
            targets={},
            frame_times_s=np.arange(5.0),
            echo_time_s=0.03,
            spacing_mm=(2.0, 2.0, 5.0),
        )


KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from SyntheticPerfusionLib.training.patient_cache import PatientCache

store = PatientCache(Path(sys.argv[1]))
save = np.save
def stuck(file, volume):
    save(file, volume)
    print("writing", flush=True)
    time.sleep(60)
np.save = stuck
sys.path.insert(0, sys.argv[2])
from unit.test_training_patients import TinySource
with store.hold(sys.argv[3]) as mine:
    assert mine
    store.write(sys.argv[3], TinySource().make(None))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_patient_that_was_killed_half_written_is_made_again(tmp_path):
    store, source = PatientCache(tmp_path), TinySource()
    name = store.name(source.identifier, source.made_of())
    tests = str(Path(__file__).parents[1])
    running = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), tests, name],
        cwd=LIBRARY,
        stdout=subprocess.PIPE,
    )
    try:
        assert running.stdout.readline() == b"writing\n"
        assert list(tmp_path.glob(f".{name}-*/signal.npy"))
        assert store.read(name) is None
        assert fill(source, store) is None
        assert source.made == 0
        running.send_signal(signal.SIGKILL)
    finally:
        running.kill()
        running.wait()
    content = fill(source, store)
    assert source.made == 1
    np.testing.assert_array_equal(content.signal, np.ones((5, 2, 3, 4)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["locks", name]


def test_a_patient_being_made_by_another_comes_last(tmp_path, monkeypatch):
    waiting, done = threading.Event(), threading.Event()

    def slow():
        waiting.set()
        assert done.wait(20)

    taken, free = TinySource("sub-1", slow), TinySource("sub-2")
    free.split = "validation"
    other = threading.Thread(target=fill, args=(taken, PatientCache(tmp_path)))
    other.start()
    assert waiting.wait(20)
    monkeypatch.setattr(patients, "find_sources", lambda *_: ([taken, free], []))
    said = []

    def progress(_, message):
        said.append(message)
        done.set()

    found = open_patients(data(), tmp_path, progress=progress)
    other.join()
    assert [patient.identifier for patient in found] == ["sub-1", "sub-2"]
    assert said[:2] == ["sub-2, 1 of 2", "sub-1, 2 of 2"]
    assert (taken.made, free.made) == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "gone", "no json"])
def test_a_damaged_patient_is_made_again(tmp_path, damage):
    store, source = PatientCache(tmp_path), TinySource()
    fill(source, store)
    folder = tmp_path / store.name(source.identifier, source.made_of())
    if damage == "cut":
        os.truncate(folder / "signal.npy", 100)
    elif damage == "gone":
        (folder / "mask.npy").unlink()
    else:
        (folder / "patient.json").write_text("{")
    assert fill(source, store).signal.shape == (5, 2, 3, 4)
    assert source.made == 2


def test_stopping_keeps_what_is_whole(tmp_path, monkeypatch):
    first, second = TinySource("sub-1"), TinySource("sub-2")
    monkeypatch.setattr(patients, "find_sources", lambda *_: ([first, second], []))
    with pytest.raises(Cancelled):
        open_patients(data(), tmp_path, cancelled=lambda: first.made > 0)
    assert (first.made, second.made) == (1, 0)
    second.split = "validation"
    open_patients(data(), tmp_path)
    assert (first.made, second.made) == (1, 1)


def test_a_full_disk_is_said_once_and_nothing_is_made(tmp_path, monkeypatch):
    source = TinySource()
    monkeypatch.setattr(patients, "find_sources", lambda *_: ([source], []))
    monkeypatch.setattr(PatientCache, "free_bytes", lambda _: 10)
    with pytest.raises(InputError, match=r"need about 0.0 GB in the cache"):
        open_patients(data(), tmp_path)
    assert source.made == 0


def test_a_fault_of_the_cache_is_no_fault_of_the_patient(tmp_path, monkeypatch):
    def full(*_):
        raise InputError("The disk is full.")

    monkeypatch.setattr(patients, "find_sources", lambda *_: ([TinySource(), TinySource("b")], []))
    monkeypatch.setattr(PatientCache, "write", full)
    with pytest.raises(InputError, match=r"^The disk is full\.$"):
        open_patients(data(skip_broken=True), tmp_path)


def test_people_who_are_not_there_at_all_are_named_too(tmp_path, monkeypatch):
    gone = Problem("sub-9", "There is no folder for this patient.", Path("participants.tsv"))
    here, there = TinySource("sub-1"), TinySource("sub-2")
    there.split = "validation"
    monkeypatch.setattr(patients, "find_sources", lambda *_: ([here, there], [gone]))
    with pytest.raises(InputError, match=r"sub-9, participants.tsv: There is no folder"):
        open_patients(data(), tmp_path)
    left_out = patients.gather_patients(data(skip_broken=True), tmp_path).left_out
    assert left_out == [gone]


def test_families_that_simulate_their_own_get_nobody(tmp_path):
    assert open_patients(DataConfig(source="curves"), tmp_path / "cache") == []
    assert not (tmp_path / "cache").exists()
