"""Digital patients: same seed same patient, and what is true of each."""

import json

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.disease import KINDS
from SyntheticPerfusionLib.phantom.dispersion import kernel
from SyntheticPerfusionLib.phantom.patient import (
    DigitalPatient,
    TissueLabel,
    as_arrays,
    make_patient,
)
from SyntheticPerfusionLib.phantom.physiology import (
    EARLIEST_S,
    HAEMATOCRIT_RATIO,
    TISSUE_DENSITY_G_PER_ML,
)
from SyntheticPerfusionLib.phantom.residue import residue
from SyntheticPerfusionLib.phantom.simulation import simulate_patient
from SyntheticPerfusionLib.phantom.tissue_curves import TissueCurves
from SyntheticPerfusionLib.phantom.write import REGIONS, write_patient
from SyntheticPerfusionLib.series.images import read_image, read_mask
from SyntheticPerfusionLib.series.read import read_series

CLEAN = Acquisition.small().undisturbed()
ONE_SLICE = Acquisition.small(shape=(2, 48, 48), spacing_mm=(4.8, 4.8, 12.0), frames=40)


@pytest.fixture(scope="module")
def patients() -> dict[str, DigitalPatient]:
    return {kind: make_patient(kind, seed=4, acquisition=CLEAN) for kind in KINDS}


def baseline(patient: DigitalPatient) -> np.ndarray:
    return patient.series.signal[6:11].mean(0)


def drop(patient: DigitalPatient, where: np.ndarray) -> float:
    curve = patient.series.mean_curve(where)
    return float(1 - curve[6:].min() / curve[6:11].mean())


def mostly(patient: DigitalPatient, share: str, least: float = 0.9) -> np.ndarray:
    return patient.mask & (patient.shares[share] > least)


def test_the_same_seed_gives_the_same_bits():
    one, two = (make_patient("stroke", 7, ONE_SLICE) for _ in range(2))
    np.testing.assert_array_equal(one.series.signal, two.series.signal)
    np.testing.assert_array_equal(one.labels, two.labels)
    for name in one.truth.names:
        np.testing.assert_array_equal(one.truth[name], two.truth[name])


def test_another_seed_gives_another_patient():
    one, two = (make_patient("healthy", seed, ONE_SLICE) for seed in (1, 2))
    assert np.abs(one.truth["CBF"] - two.truth["CBF"]).max() > 5
    assert one.aif.quality.peak_time_s != two.aif.quality.peak_time_s


def test_the_noise_does_not_change_the_patient():
    noisy, clean = (
        make_patient("glioma-low", 3, Acquisition.small(shape=(2, 48, 48), snr=snr, frames=30))
        for snr in (20.0, float("inf"))
    )
    np.testing.assert_array_equal(noisy.truth["CBV"], clean.truth["CBV"])
    apart = (noisy.series.signal - clean.series.signal)[5:, noisy.mask]
    level = clean.series.signal[6:11][:, clean.mask].mean()
    assert apart.std() == pytest.approx(level / 20, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_signal_is_finite_and_positive_and_truth_lies_in_the_brain(patients, kind):
    patient = patients[kind]
    head = patient.labels != TissueLabel.AIR
    assert np.all(np.isfinite(patient.series.signal))
    assert np.all(patient.series.signal[:, head] > 0)
    tissue = patient.mask & (patient.shares["artery"] + patient.shares["vein"] < 0.99)
    for name in patient.truth.names:
        values = patient.truth[name]
        assert np.all(np.isfinite(values)), name
        # The deep nuclei are reached before the reference artery.
        assert np.all(values[tissue] > (EARLIEST_S - 0.01 if name in ("delay", "Tmax") else 0)), (
            name
        )
        assert np.all(values[~patient.mask] == 0), name


def test_noise_alone_is_seen_in_the_air():
    patient = make_patient("healthy", 1, ONE_SLICE)
    air = patient.series.signal[:, patient.labels == TissueLabel.AIR]
    assert np.all(air > 0)
    assert air.mean() < 0.05 * baseline(patient)[patient.mask].mean()


def test_brain_has_the_size_of_one(patients):
    patient = patients["healthy"]
    millilitres = patient.mask.sum() * patient.series.geometry.voxel_volume_ml
    assert 1100 < millilitres < 1900


def test_grey_matter_dips_by_20_to_45_percent_and_white_less(patients):
    patient = patients["healthy"]
    free = patient.shares["artery"] + patient.shares["vein"] < 0.01
    grey = drop(patient, mostly(patient, "grey", 0.8) & free)
    white = drop(patient, mostly(patient, "white") & free)
    assert 0.20 < grey < 0.45
    assert 0.08 < white < grey - 0.05


def test_an_artery_dips_by_80_to_90_percent_and_keeps_off_the_noise_floor():
    skull_base = Acquisition(shape=(3, 128, 128), shift_mm=-42.0, frames=30).undisturbed()
    patient = make_patient("healthy", 2, skull_base)
    full = patient.shares["artery"] > 0.97
    assert full.sum() >= 3
    curve = patient.series.signal[:, full]
    dips = 1 - curve[6:].min(0) / curve[6:11].mean(0)
    assert np.all((dips > 0.80) & (dips < 0.90))


def test_the_first_frame_lies_a_third_above_the_steady_state_at_90_degrees_and_a_tr_of_2_s():
    scan = Acquisition.small(repetition_time_s=2.0, frames=30, flip_angle_deg=90.0).undisturbed()
    patient = make_patient("healthy", 4, scan)
    curve = patient.series.mean_curve(patient.mask)
    assert 1.2 < curve[0] / curve[4:8].mean() < 1.4
    assert curve[1] == pytest.approx(curve[4:8].mean(), rel=0.03)
    assert curve[2] == pytest.approx(curve[4:8].mean(), rel=0.005)


def test_dummy_scans_leave_the_first_frame_steady():
    scan = Acquisition.small(repetition_time_s=2.0, frames=30, dummy_scans=10).undisturbed()
    patient = make_patient("healthy", 4, scan)
    curve = patient.series.mean_curve(patient.mask)
    assert curve[0] == pytest.approx(curve[4:8].mean(), rel=1e-4)


def test_signal_follows_the_tissue_curve_of_the_truth():
    simulation = simulate_patient("healthy", 4, CLEAN)
    patient = as_arrays(simulation)
    spread = simulation.anatomy.volume(simulation.condition.physiology.white.dispersion_s).numpy()
    pure = np.argwhere(mostly(patient, "white", 0.999))
    assert len(pure) > 5
    scan = patient.acquisition
    table = TissueCurves.tabulate(
        simulation.arterial.at,
        scan.frames,
        scan.repetition_time_s,
        residue(scan.residue),
        kernel(scan.dispersion_kernel),
        float(spread.max()),
    )
    for k, j, i in pure[:5]:
        cbf, cbv, mtt, delay = (
            float(patient.truth[name][k, j, i]) for name in ("CBF", "CBV", "MTT", "delay")
        )
        assert mtt == pytest.approx(60 * cbv / cbf, rel=1e-4)
        unit = table.frames(
            torch.tensor([mtt]),
            torch.tensor([spread[k, j, i]]),
            torch.tensor([-delay]),
            scan.frames,
        )[0].numpy()
        expected = TISSUE_DENSITY_G_PER_ML / HAEMATOCRIT_RATIO * cbf / 6000 * mtt * unit
        signal = patient.series.signal[:, k, j, i].astype(float)
        measured = -np.log(signal / signal[7]) / patient.acquisition.echo_time_s
        np.testing.assert_allclose(measured[7:], expected[7:], atol=0.02)


def test_area_over_area_gives_the_true_blood_volume():
    long = Acquisition.small(shape=(1, 64, 64), frames=240).undisturbed()
    patient = make_patient("healthy", 4, long)
    vessels = patient.shares["vein"] + patient.shares["artery"]
    white = mostly(patient, "white", 0.97) & (vessels == 0)
    assert white.sum() > 20
    signal = patient.series.signal[7:, white].astype(float)
    rate = -np.log(signal / signal[0]) / patient.acquisition.echo_time_s
    ratio = rate.sum(0) / patient.aif.concentration[7:].sum()
    found = 100 * HAEMATOCRIT_RATIO / TISSUE_DENSITY_G_PER_ML * ratio
    np.testing.assert_allclose(found, patient.truth["CBV"][white], rtol=0.02)


def test_time_to_peak_is_where_the_noise_free_curve_dips(patients):
    patient = patients["stroke"]
    brain = patient.mask & (patient.labels != TissueLabel.CSF)
    coarse = patient.series.frame_times_s[6 + patient.series.signal[6:].argmin(0)]
    apart = np.abs(patient.truth["TTP"] - coarse)[brain]
    assert np.percentile(apart, 99) <= patient.acquisition.repetition_time_s


def test_motion_moves_later_frames_only():
    still, moved = (
        make_patient(
            "healthy",
            5,
            Acquisition.small(shape=(3, 48, 48), frames=20, snr=float("inf"), motion_mm=size),
        )
        for size in (0.0, 3.0)
    )
    np.testing.assert_allclose(moved.motion[0], 0)
    np.testing.assert_allclose(moved.series.signal[0], still.series.signal[0], rtol=1e-4, atol=0.1)
    assert np.abs(moved.motion[-1, :3]).max() > 0.5
    assert np.abs(moved.series.signal[-1] - still.series.signal[-1]).max() > 100


def test_unknown_kind_and_cancelling():
    with pytest.raises(InputError, match="migraine"):
        make_patient("migraine", acquisition=ONE_SLICE)
    with pytest.raises(Cancelled):
        make_patient("healthy", acquisition=ONE_SLICE, cancelled=lambda: True)


def test_written_patient_reads_back(patients, tmp_path):
    patient = patients["glioma-high"]
    files = write_patient(patient, tmp_path / "new" / "patient")
    assert all(path.exists() for path in files)
    folder = tmp_path / "new" / "patient"
    series = read_series(folder / "dsc.nii.gz")
    assert series.echo_time_s == pytest.approx(0.030)
    np.testing.assert_allclose(series.frame_times_s, patient.series.frame_times_s)
    np.testing.assert_array_equal(series.signal, patient.series.signal)
    cbv, grid = read_image(folder / "truth" / "CBV.nii.gz")
    assert grid.matches(series.geometry)
    np.testing.assert_array_equal(cbv, patient.truth["CBV"])
    for name in ("tumor", "reference"):
        mask = read_mask(folder / f"{name}.nii.gz", series.geometry)
        np.testing.assert_array_equal(mask, patient.rois[name])
    described = json.loads((folder / "patient.json").read_text())
    assert described["kind"] == "glioma-high"
    assert described["seed"] == 4
    for name, kept in {"aif": patient.aif, "vof": patient.vof}.items():
        curve = np.loadtxt(folder / f"{name}_truth.csv", delimiter=",", skiprows=1)
        np.testing.assert_allclose(curve[:, 1], kept.concentration, rtol=1e-6)
    territories, _ = read_image(folder / "territories.nii.gz")
    np.testing.assert_array_equal(territories, patient.territories)


def test_the_next_patient_of_a_folder_keeps_no_region_of_the_last(patients, tmp_path):
    for kind in ("glioma-high", "stroke"):
        write_patient(patients[kind], tmp_path)
    assert not (tmp_path / "tumor.nii.gz").exists()
    assert (tmp_path / "lesion.nii.gz").exists()
    assert set().union(*(one.rois for one in patients.values())) <= set(REGIONS)


def test_folder_that_cannot_be_written_is_named(patients, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="file"):
        write_patient(patients["healthy"], blocked / "patient")
