"""Series in, files out: what is written, and what is said where it cannot be."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.maps import write as map_files
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.device import resolve_device
from SyntheticPerfusionLib.methods.registry import describe_methods, get_method, method_names
from SyntheticPerfusionLib.pipeline import MapOptions, make_maps
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.images import read_image, write_image

from .small_patients import coarse


@pytest.fixture(scope="module")
def patient():
    return coarse("healthy")


@pytest.fixture(scope="module")
def outcome(patient, tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    return make_maps(patient.series, "oSVD", folder, MapOptions(device="cpu"))


def test_every_map_lies_on_the_series(outcome, patient):
    for name, path in outcome.files["maps"].items():
        array, geometry = read_image(Path(path))
        assert geometry.matches(patient.series.geometry), name
        np.testing.assert_array_equal(array, outcome.maps[name])
        assert nibabel.load(path).shape == patient.series.geometry.shape[::-1]


def test_sidecars_say_unit_method_and_use(outcome):
    folder = Path(outcome.files["output"])
    for name in outcome.files["maps"]:
        sidecar = json.loads((folder / f"{name}.json").read_text())
        assert sidecar["Units"] == QUANTITIES[name].unit
        assert sidecar["Method"] == "oSVD"
        assert "research" in sidecar["Use"]
        assert sidecar["Settings"]["rho_g_per_ml"] == 1.04


def test_report_says_what_was_done(outcome):
    report = json.loads(Path(outcome.files["report"]).read_text())
    assert report["method"] == "oSVD"
    assert report["series"]["echo_time_source"]
    assert report["bolus"]["frames_dropped"] >= 1
    assert set(report["seconds"]) == {"start", "preparation", "aif", "method", "writing"}
    assert report["aif"]["voxels"] >= 4
    assert report["quantities"]["Tmax"]["unit"] == "s"
    assert report["warnings"]


def test_nothing_is_left_half_written(outcome):
    folder = Path(outcome.files["output"])
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_progress_never_falls_and_ends_at_one(patient, tmp_path):
    seen = []
    make_maps(
        patient.series,
        "sSVD",
        tmp_path,
        MapOptions(device="cpu"),
        lambda fraction, message: seen.append(fraction),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_only_the_wanted_quantities(patient, tmp_path):
    options = MapOptions(device="cpu", quantities=("CBF", "Tmax"))
    assert set(make_maps(patient.series, "cSVD", tmp_path, options).files["maps"]) == {
        "CBF",
        "Tmax",
    }


def test_quantity_that_the_method_does_not_give(patient, tmp_path):
    with pytest.raises(InputError, match="it gives CBF"):
        make_maps(patient.series, "cSVD", tmp_path, MapOptions(quantities=("K2",)))


def test_aif_from_a_mask_and_from_its_own_csv_agree(patient, tmp_path, outcome):
    voxels = outcome.aif.voxels
    write_image(voxels, patient.series.geometry, tmp_path / "artery.nii.gz")
    by_mask = make_maps(
        patient.series,
        "cSVD",
        tmp_path / "mask",
        MapOptions(device="cpu", aif_file=tmp_path / "artery.nii.gz"),
    )
    by_file = make_maps(
        patient.series,
        "cSVD",
        tmp_path / "csv",
        MapOptions(device="cpu", aif_file=tmp_path / "mask" / "aif.csv"),
    )
    np.testing.assert_allclose(by_file.maps["CBF"], by_mask.maps["CBF"], rtol=1e-3, atol=1e-2)


def test_missing_echo_time_names_the_option(patient, tmp_path):
    blind = DscSeries(patient.series.signal, patient.series.frame_times_s, patient.series.geometry)
    with pytest.raises(InputError, match="--echo-time"):
        make_maps(blind, "oSVD", tmp_path)


def test_unknown_method(patient, tmp_path):
    with pytest.raises(InputError, match="choose one of"):
        make_maps(patient.series, "SVD", tmp_path)


def test_unknown_and_absent_devices():
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(InputError, match="not known"):
        resolve_device("gpu")
    with pytest.raises(InputError, match="not available"):
        resolve_device("cuda:99")


def test_folder_that_is_a_file(patient, tmp_path):
    (tmp_path / "maps").write_text("in the way")
    with pytest.raises(InputError, match="a file; choose another output folder"):
        make_maps(patient.series, "oSVD", tmp_path / "maps")


def test_full_disk(patient, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(map_files, "write_image", full)
    with pytest.raises(InputError, match="disk is full"):
        make_maps(patient.series, "sSVD", tmp_path, MapOptions(device="cpu"))
    assert not (tmp_path / "report.json").exists()


def test_stopping_leaves_no_map(patient, tmp_path):
    asked = iter([False])
    with pytest.raises(Cancelled):
        make_maps(
            patient.series,
            "oSVD",
            tmp_path,
            MapOptions(device="cpu"),
            cancelled=lambda: next(asked, True),
        )
    assert list(tmp_path.iterdir()) == []


def test_uneven_frame_times_give_the_same_maps(patient, tmp_path, outcome):
    """A frame left out is a gap in time, not a shift of all that follows."""
    kept = np.delete(np.arange(patient.series.frame_count), 40)
    gappy = DscSeries(
        patient.series.signal[kept],
        patient.series.frame_times_s[kept],
        patient.series.geometry,
        patient.series.echo_time_s,
    )
    found = make_maps(gappy, "oSVD", tmp_path, MapOptions(device="cpu")).maps
    grey = patient.labels == 1
    ratio = found["CBF"][grey] / np.maximum(outcome.maps["CBF"][grey], 1e-3)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.03)


def test_leakage_can_be_told_from_slow_transit(tmp_path):
    patient = coarse("stroke", 1)
    settings = [
        make_maps(
            patient.series,
            "sSVD",
            tmp_path / str(allowed),
            MapOptions(device="cpu", leakage_correction=True, allow_for_transit=allowed),
        )
        for allowed in (False, True)
    ]
    slow = (patient.truth["MTT"] > 7) & patient.rois["lesion"]
    plain, told = (outcome.maps["K2"][outcome.maps.mask & slow] for outcome in settings)
    assert settings[1].report["settings"]["allow_for_transit"]
    # Nothing leaks in ischaemic tissue; its slow passage looks like a leak to Boxerman's fit.
    assert np.median(plain) < 0
    assert abs(np.median(told)) < 0.5 * abs(np.median(plain))


def test_every_method_describes_itself():
    for described in describe_methods():
        assert described["description"]
        assert described["reference"]
        assert {item["name"] for item in described["quantities"]} <= set(QUANTITIES)
    assert method_names()[:4] == ["sSVD", "cSVD", "oSVD", "Tikhonov"]
    assert "K2" in [item.name for item in get_method("oSVD", leakage=True).quantities]


def test_pipeline_names_its_stages_in_the_order_they_run(outcome):
    assert list(outcome.report["seconds"]) == ["start", "preparation", "aif", "method", "writing"]
    assert outcome.report["use"] == map_files.RESEARCH_USE


def test_maps_of_an_earlier_run_do_not_stay_beside_new_ones(patient, tmp_path):
    make_maps(patient.series, "oSVD", tmp_path, MapOptions(device="cpu"))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "other.nii.gz").write_text("mine")
    make_maps(patient.series, "sSVD", tmp_path, MapOptions(device="cpu", quantities=("TTP",)))
    maps = {path.name for path in tmp_path.iterdir()} - {"notes.txt", "other.nii.gz"}
    assert maps == {
        "TTP.nii.gz",
        "TTP.json",
        "mask.nii.gz",
        "flags.nii.gz",
        "aif.csv",
        "aif_voxels.nii.gz",
        "report.json",
    }
    assert (tmp_path / "notes.txt").exists()
    assert (tmp_path / "other.nii.gz").exists()


def test_folder_without_permission(patient, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        make_maps(patient.series, "sSVD", tmp_path, MapOptions(device="cpu"))


def test_late_and_narrow_arterial_curves_are_said_to_be(patient, tmp_path):
    times = patient.series.frame_times_s
    late = np.exp(-0.5 * ((times - 80) / 4) ** 2)
    spike = np.where(np.arange(len(times)) == 14, 50.0, 0.0)
    cases = (("late", late, "after the brain"), ("spike", spike, "two frames"))
    for name, curve, sentence in cases:
        path = tmp_path / f"{name}.csv"
        rows = "\n".join(f"{time},{value}" for time, value in zip(times, curve, strict=True))
        path.write_text(f"time_s,concentration_1_per_s\n{rows}\n")
        options = MapOptions(device="cpu", aif_file=path)
        report = make_maps(patient.series, "cSVD", tmp_path / name, options).report
        assert any(sentence in said for said in report["warnings"]), name


def test_reconstruction_is_refused_before_any_work_where_there_is_no_model(patient, tmp_path):
    options = MapOptions(reconstruction=True)
    with pytest.raises(InputError, match="oSVD has no model of the curve"):
        make_maps(patient.series, "oSVD", tmp_path / "maps", options)
    assert not (tmp_path / "maps").exists()
