"""The contract of `synthetic-perfusion maps`: files, exit codes, one sentence for each mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import numpy as np
import pytest
import SimpleITK as sitk
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.phantom.write import write_patient

from .command import command, environment, run


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """Folder of a small written patient."""
    folder = tmp_path_factory.mktemp("patient")
    write_patient(make_patient("glioma-high", 0, Acquisition.small()), folder)
    return folder


@pytest.fixture(scope="module")
def maps(patient, tmp_path_factory):
    """Folder of its maps, and what the command said."""
    folder = tmp_path_factory.mktemp("maps") / "made" / "here"
    said = run("maps", patient / "dsc.nii.gz", "--method", "oSVD", "--output", folder)
    return folder, said


def refused(*arguments, code=2):
    """The one line on standard error of a command that cannot go on."""
    said = run(*arguments)
    assert said.returncode == code, said.stderr
    lines = said.stderr.strip().splitlines()
    assert len(lines) == 1, said.stderr
    return lines[0]


def test_writes_what_the_design_promises(maps):
    folder, said = maps
    assert said.returncode == 0, said.stderr
    wanted = [f"{name}.nii.gz" for name in ("CBF", "CBV", "MTT", "Tmax", "TTP", "mask")]
    for name in [*wanted, "aif.csv", "aif_voxels.nii.gz", "flags.nii.gz", "report.json"]:
        assert (folder / name).is_file(), name
    assert "oSVD" in said.stdout
    assert "research" in said.stdout


def test_json_progress_is_one_object_a_line(patient, tmp_path):
    series = patient / "dsc.nii.gz"
    said = run("maps", series, "--method", "cSVD", "--output", tmp_path, "--json-progress")
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    fractions = [line["progress"] for line in lines if "progress" in line]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(line["message"] for line in lines if "progress" in line)
    result = lines[-1]["result"]
    assert set(result["maps"]) >= {"CBF", "CBV", "MTT", "Tmax"}
    for path in [*result["maps"].values(), result["mask"], result["aif"], result["report"]]:
        assert os.path.isfile(path)
    assert said.stderr == ""


def test_report_has_seconds_and_sources(maps):
    report = json.loads((maps[0] / "report.json").read_text())
    assert report["seconds"]["method"] > 0
    assert report["series"]["frame_times_source"] == "digital patient"


def test_tumour_ratio_of_the_maps(patient, maps):
    said = run(
        "ratio",
        maps[0] / "CBV.nii.gz",
        "--tumor",
        patient / "tumor.nii.gz",
        "--reference",
        patient / "reference.nii.gz",
        "--json",
    )
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["ratio"] > 1.5


def test_methods_as_json():
    listed = json.loads(run("methods", "--json").stdout)
    assert [method["name"] for method in listed][:4] == ["sSVD", "cSVD", "oSVD", "Tikhonov"]


def test_given_times_override_the_file(patient, tmp_path):
    series = patient / "dsc.nii.gz"
    options = ("--echo-time", 0.025, "--repetition-time", 2.0, "--quantities", "TTP")
    run("maps", series, "--method", "sSVD", "--output", tmp_path, *options)
    found = json.loads((tmp_path / "report.json").read_text())["series"]
    assert (found["echo_time_s"], found["repetition_time_s"]) == (0.025, 2.0)
    assert sorted(path.name for path in tmp_path.glob("*.nii.gz") if path.name[0].isupper()) == [
        "TTP.nii.gz"
    ]


class TestRefusals:
    def test_missing_file(self, tmp_path):
        line = refused("maps", tmp_path / "no.nii.gz", "--method", "oSVD", "--output", tmp_path)
        assert "no.nii.gz" in line

    def test_unknown_method(self, patient, tmp_path):
        series = patient / "dsc.nii.gz"
        assert "choose one of" in refused("maps", series, "--method", "qSVD", "--output", tmp_path)

    def test_missing_echo_time(self, patient, tmp_path):
        bare = tmp_path / "bare.nii.gz"
        bare.write_bytes((patient / "dsc.nii.gz").read_bytes())
        line = refused("maps", bare, "--method", "oSVD", "--output", tmp_path / "out")
        assert "--echo-time" in line

    def test_echo_time_in_milliseconds(self, patient, tmp_path):
        line = refused(
            "maps",
            patient / "dsc.nii.gz",
            "--method",
            "oSVD",
            "--output",
            tmp_path,
            "--echo-time",
            30,
        )
        assert "second" in line

    def test_truncated_file(self, patient, tmp_path):
        short = tmp_path / "short.nii.gz"
        short.write_bytes((patient / "dsc.nii.gz").read_bytes()[:50000])
        refused("maps", short, "--method", "oSVD", "--output", tmp_path / "out")

    def test_map_in_place_of_a_series(self, maps, tmp_path):
        line = refused(
            "maps", maps[0] / "CBF.nii.gz", "--method", "oSVD", "--output", tmp_path / "out"
        )
        assert "4D" in line or "frame" in line

    def test_mask_of_another_grid(self, patient, tmp_path):
        other = tmp_path / "other.nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(np.ones((3, 4, 5), np.uint8)), str(other))
        line = refused(
            "maps",
            patient / "dsc.nii.gz",
            "--method",
            "oSVD",
            "--output",
            tmp_path / "out",
            "--mask",
            other,
        )
        assert "grid" in line

    def test_output_below_a_file(self, patient, tmp_path):
        (tmp_path / "file").write_text("")
        line = refused(
            "maps",
            patient / "dsc.nii.gz",
            "--method",
            "oSVD",
            "--output",
            tmp_path / "file" / "maps",
        )
        assert "output folder" in line

    @pytest.mark.parametrize("value", ["-1", "nan", "1e9"])
    def test_smoothing_out_of_range(self, patient, tmp_path, value):
        series = patient / "dsc.nii.gz"
        options = ("--method", "oSVD", "--output", tmp_path, "--smooth-space", value)
        assert "expected 0 (none) to 10 mm" in refused("maps", series, *options)

    def test_model_of_a_correction_that_was_not_asked_for(self, patient, tmp_path):
        series = patient / "dsc.nii.gz"
        options = ("--method", "oSVD", "--output", tmp_path, "--leakage-model", "transit")
        assert "--leakage-correction" in refused("maps", series, *options)

    def test_results_never_overwrite_what_is_read(self, patient, tmp_path):
        series = tmp_path / "CBF.nii.gz"
        series.write_bytes((patient / "dsc.nii.gz").read_bytes())
        before = series.read_bytes()
        options = ("--echo-time", "0.03", "--repetition-time", "1.5")
        line = refused("maps", series, "--method", "oSVD", "--output", tmp_path, *options)
        assert "would be overwritten" in line
        assert series.read_bytes() == before

    def test_absent_gpu(self, patient, tmp_path):
        series = patient / "dsc.nii.gz"
        options = ("--method", "oSVD", "--output", tmp_path, "--device", "cuda:77")
        assert "not available" in refused("maps", series, *options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_no_half_written_file(patient, tmp_path, number):
    arguments = ("maps", patient / "dsc.nii.gz", "--method", "oSVD", "--output", tmp_path)
    process = subprocess.Popen(
        command(*arguments, "--json-progress", "--motion-correction"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["progress"] > 0.05:
            break
    process.send_signal(number)
    started = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(errors.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - started < 60
