"""Residue functions, the tissue curves made of them, and the signal equation."""

import numpy as np
import pytest
import torch
from scipy import integrate
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.phantom.fields import SmoothField
from SyntheticPerfusionLib.phantom.residue import RESIDUES, TissueCurves, residue
from SyntheticPerfusionLib.phantom.signal import approach, move, rician, steady_state

STEP_S = 0.05
SHAPE = ArterialShape(onset_s=10.0, recirculation=0.0, tail=0.0)


def curves(family: str, length_s: float = 200.0) -> TissueCurves:
    times = torch.arange(0, length_s, STEP_S, dtype=torch.float64)
    return TissueCurves.tabulate(SHAPE.at(times), STEP_S, family)


@pytest.mark.parametrize("family", RESIDUES)
def test_residue_starts_at_1_and_integrates_to_the_transit_time(family):
    shape = residue(family)
    assert float(shape(torch.tensor([1e-9], dtype=torch.float64))) == pytest.approx(1.0, abs=1e-6)
    far = 50.0

    def value(x: float) -> float:
        return float(shape(torch.tensor([x], dtype=torch.float64)))

    area, _ = integrate.quad(value, 0, far, points=[1.0, 2.0], limit=200)
    beyond = 4 / (np.pi**2 * far) if family == "lorentzian" else 0.0
    assert area + beyond == pytest.approx(1.0, abs=2e-4)


def test_gamma_transit_times_have_their_mean_and_fall_from_the_start():
    x = torch.linspace(0, 5, 200, dtype=torch.float64)
    values = residue("gamma")(x)
    assert torch.all(values[1:] <= values[:-1])
    assert float(values[40]) > float(residue("exponential")(x)[40])


def test_unknown_residue_is_named():
    with pytest.raises(InputError, match="triangle"):
        residue("triangle")


@pytest.mark.parametrize("family", ["exponential", "gamma", "linear", "box"])
@pytest.mark.parametrize(("mtt_s", "delay_s"), [(3.7, 1.0), (13.6, 8.0)])
def test_area_of_the_curve_over_that_of_the_artery_is_the_blood_volume(family, mtt_s, delay_s):
    table = curves(family)
    times = torch.arange(0, 199.0, STEP_S)
    tissue = table.read(torch.tensor([mtt_s]), torch.tensor([delay_s]), times)[0]
    ratio = float(tissue.sum() / SHAPE.at(times).sum())
    assert ratio == pytest.approx(1.0, rel=2e-3)


@pytest.mark.parametrize("family", RESIDUES)
def test_curve_is_the_convolution_of_artery_and_residue(family):
    mtt_s, delay_s = 5.3, 2.37
    table = curves(family, 80.0)
    times = np.array([12.0, 14.4, 17.3, 20.0, 25.0, 40.0])
    read = table.read(torch.tensor([mtt_s]), torch.tensor([delay_s]), torch.as_tensor(times))
    shape = residue(family)
    for time, value in zip(times, read[0], strict=True):
        lag = np.linspace(0, 80, 400_001)
        arterial = SHAPE.at(torch.as_tensor(time - delay_s - lag)).numpy()
        weight = shape(torch.as_tensor(lag / mtt_s)).numpy()
        exact = np.trapezoid(arterial * weight, lag) / mtt_s
        assert float(value) == pytest.approx(exact, abs=2e-4 * SHAPE.peak_per_s)


def test_no_tracer_before_the_delayed_bolus():
    table = curves("exponential", 60.0)
    times = torch.arange(0, 60, 0.5)
    late = table.read(torch.tensor([4.0]), torch.tensor([6.0]), times)[0]
    assert torch.all(late[times < 16.0].abs() < 1e-9)
    assert float(late[times > 18.0].min()) > 0


def test_artery_itself_is_read_at_transit_time_0():
    table = curves("exponential", 60.0)
    times = torch.arange(0, 59, 1.5)
    read = table.read(torch.tensor([0.0]), torch.tensor([0.0]), times)[0]
    np.testing.assert_allclose(read.numpy(), SHAPE.at(times).numpy(), rtol=1e-5, atol=1e-3)


def test_first_pass_peaks_at_r_times_b():
    times = torch.arange(0, 60, 0.01, dtype=torch.float64)
    curve = SHAPE.at(times)
    assert float(times[curve.argmax()]) == pytest.approx(10 + 3 * 1.5, abs=0.02)
    assert float(curve.max()) == pytest.approx(SHAPE.peak_per_s, rel=1e-6)


def test_drawn_arterial_curve_keeps_a_tail_and_recirculates():
    shape = ArterialShape.draw(np.random.default_rng(3), onset_s=18, peak_per_s=400)
    times = torch.arange(0, 150, 0.1, dtype=torch.float64)
    curve = shape.at(times).numpy() / float(shape.at(times).max())
    assert 0.02 < curve[-1] < 0.08
    trough = int((shape.onset_s + 8) * 10) + int(
        curve[int((shape.onset_s + 8) * 10) :][:80].argmin()
    )
    assert curve[trough:].max() > curve[trough] + 0.01


def test_magnetisation_starts_fully_relaxed_and_settles():
    acquisition = Acquisition(repetition_time_s=1.5, flip_angle_deg=60.0)
    factor = approach(1.2, 8, acquisition).numpy()
    magnetisation, seen = 1.0, []
    for _ in range(8):
        seen.append(magnetisation)
        after_pulse = magnetisation * np.cos(np.deg2rad(60.0))
        magnetisation = 1 + (after_pulse - 1) * np.exp(-1.5 / 1.2)
    settled = float(steady_state(1 / 1.2, acquisition))
    np.testing.assert_allclose(factor, np.array(seen) / settled, rtol=1e-5)
    assert factor[0] > 1.15
    assert factor[-1] == pytest.approx(1.0, abs=1e-3)


def test_rician_noise_has_the_moments_of_its_distribution():
    rng = np.random.default_rng(0)
    air = rician(np.zeros((1, 200_000), np.float32), 2.0, rng)
    assert air.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.01)
    bright = rician(np.full((1, 200_000), 100.0, np.float32), 2.0, rng)
    assert bright.std() == pytest.approx(2.0, rel=0.01)


def test_motion_shifts_a_head_towards_the_patients_left_and_back():
    volume = np.zeros((7, 21, 21), np.float32)
    volume[3, 10, 10] = 1.0
    moved = move(volume, (2.0, 2.0, 5.0), np.array([4.0, -2.0, 5.0, 0, 0, 0]))
    assert np.unravel_index(moved.argmax(), moved.shape) == (4, 9, 12)
    still = move(volume, (2.0, 2.0, 5.0), np.zeros(6))
    np.testing.assert_allclose(still, volume, atol=1e-6)


def test_motion_turns_about_the_slice_axis_by_the_angle():
    volume = np.zeros((3, 41, 41), np.float32)
    volume[1, 20, 32] = 1.0
    moved = move(volume, (1.0, 1.0, 5.0), np.array([0, 0, 0, 0, 0, 90.0]))
    assert np.unravel_index(moved.argmax(), moved.shape) == (1, 32, 20)


def test_smooth_field_has_unit_variance_and_its_correlation_length():
    rng = np.random.default_rng(1)
    line = np.zeros((64, 3))
    line[:, 0] = np.linspace(0, 40, 64)
    values = np.array([SmoothField.draw(rng, 10.0)(line) for _ in range(3000)])
    assert values.std() == pytest.approx(1.0, abs=0.05)
    apart = np.argmin(np.abs(line[:, 0] - 10.0))
    correlation = float(np.mean(values[:, 0] * values[:, apart]))
    assert correlation == pytest.approx(np.exp(-0.5 * (line[apart, 0] / 10) ** 2), abs=0.06)
