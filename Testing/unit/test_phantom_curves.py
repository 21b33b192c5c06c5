"""Residue functions, the tissue curves made of them, and the signal equation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate, signal
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.phantom.dispersion import KERNELS, kernel
from SyntheticPerfusionLib.phantom.fields import SmoothField
from SyntheticPerfusionLib.phantom.residue import RESIDUES, residue
from SyntheticPerfusionLib.phantom.signal import approach, steady_state
from SyntheticPerfusionLib.phantom.tissue_curves import LONGEST_DELAY_S, TissueCurves

SHAPE = ArterialShape(onset_s=10.0, recirculation=0.0, tail=0.0)
TR_S = 1.3


def curves(
    family: str, length_s: float = 200.0, spread: str | None = None, most_dispersed_s: float = 0.0
) -> TissueCurves:
    return TissueCurves.tabulate(
        SHAPE.at,
        round(length_s / TR_S),
        TR_S,
        residue(family),
        None if spread is None else kernel(spread),
        most_dispersed_s,
    )


def one(value: float) -> torch.Tensor:
    return torch.tensor([value])


def exact(family: str, mtt_s: float, spread: str | None, beta_s: float, at_s: float) -> float:
    """1/MTT * (Ca * K * R)(t) by sums over a fine grid."""
    step = 0.005
    lag = (np.arange(0, 20000) + 0.5) * step
    response = residue(family)(torch.as_tensor(lag / mtt_s)).numpy()
    if spread is not None:
        weights = kernel(spread)(torch.as_tensor(lag), beta_s).numpy() * step
        response = signal.fftconvolve(response, weights)[: lag.size]
        lag = lag + step / 2
    arterial = SHAPE.at(torch.as_tensor(at_s - lag)).numpy()
    return float((arterial * response).sum() * step / mtt_s)


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
@pytest.mark.parametrize("beta_s", [0.0, 2.6])
def test_area_of_the_curve_over_that_of_the_artery_is_the_blood_volume(
    family, mtt_s, delay_s, beta_s
):
    table = curves(family, spread="exponential", most_dispersed_s=beta_s)
    steps = round(195 / table.step_s)
    tissue = table.samples(one(mtt_s), one(beta_s), one(-delay_s), steps)[0]
    artery = SHAPE.at(torch.arange(steps, dtype=torch.float64) * table.step_s)
    assert float(tissue.sum() / artery.sum()) == pytest.approx(1.0, rel=2e-3)


@pytest.mark.parametrize("family", RESIDUES)
@pytest.mark.parametrize(
    ("spread", "beta_s"), [(None, 0.0), *((name, beta) for name in KERNELS for beta in (1.2, 4.1))]
)
def test_curve_is_the_convolution_of_artery_vessels_and_residue(family, spread, beta_s):
    mtt_s, delay_s, offset_s = 5.3, 2.37, 0.4
    table = curves(family, 80.0, spread, beta_s)
    frames = [9, 11, 13, 15, 19, 30]
    read = table.frames(one(mtt_s), one(beta_s), one(offset_s - delay_s), 40)[0]
    for frame in frames:
        true = exact(family, mtt_s, spread, beta_s, frame * TR_S + offset_s - delay_s)
        # Between two tabulated dispersions the curve is taken as straight.
        allowed = 3e-4 if spread is None else 3e-3
        assert float(read[frame]) == pytest.approx(true, abs=allowed * SHAPE.peak_per_s)


def test_frames_and_samples_read_the_same_table():
    table = curves("gamma", 60.0, "lognormal", 3.0)
    transit, spread = torch.tensor([0.0, 2.2, 9.0]), torch.tensor([0.0, 1.7, 3.0])
    since = torch.tensor([-1.23, 0.6, -7.77])
    apart = table.frames(transit, spread, since, 30)
    side_by_side = table.samples(transit, spread, since, 30, table.steps_per_frame)
    np.testing.assert_allclose(apart.numpy(), side_by_side.numpy(), rtol=1e-5, atol=1e-4)


def test_no_tracer_before_the_delayed_bolus():
    table = curves("exponential", 60.0)
    late = table.samples(one(4.0), one(0.0), one(-6.0), 1000)[0]
    times = torch.arange(1000) * table.step_s
    assert torch.all(late[times < 16.0].abs() < 1e-4)
    assert float(late[times > 18.0].min()) > 0


def test_the_longest_delay_leaves_the_window_empty():
    table = curves("exponential", 39.0)
    read = table.frames(one(4.0), one(0.0), one(-LONGEST_DELAY_S), 30)
    np.testing.assert_allclose(read.numpy(), 0, atol=1e-4)


def test_artery_itself_is_read_at_transit_time_0():
    table = curves("exponential", 60.0)
    read = table.frames(one(0.0), one(0.0), one(0.0), 45)[0]
    times = torch.arange(45, dtype=torch.float64) * TR_S
    np.testing.assert_allclose(read.numpy(), SHAPE.at(times).numpy(), rtol=1e-5, atol=1e-3)


def test_first_pass_peaks_at_r_times_b():
    times = torch.arange(0, 60, 0.01, dtype=torch.float64)
    curve = SHAPE.at(times)
    assert float(times[curve.argmax()]) == pytest.approx(10 + SHAPE.r * SHAPE.b_s, abs=0.02)
    assert float(curve.max()) == pytest.approx(SHAPE.peak_per_s, rel=1e-6)


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
    later = approach(1.2, 5, replace(acquisition, dummy_scans=3))
    np.testing.assert_allclose(later, factor[3:], rtol=1e-5)


def test_each_voxel_settles_by_its_own_flip_angle():
    acquisition = Acquisition(repetition_time_s=1.5, flip_angle_deg=60.0)
    shading = torch.tensor([0.8, 1.0, 1.7])
    factors = approach(0.9, 6, acquisition, shading)
    for factor, own in zip(factors, shading, strict=True):
        alone = replace(acquisition, flip_angle_deg=min(90.0, 60.0 * float(own)))
        if 60.0 * float(own) <= 90.0:
            np.testing.assert_allclose(factor, approach(0.9, 6, alone), rtol=1e-4)
        else:
            # Beyond 90 degrees the magnetisation turns over from one pulse to the next.
            assert float(factor[1]) < 1 < float(factor[2])


def test_smooth_field_has_unit_variance_and_its_correlation_length():
    rng = np.random.default_rng(1)
    line = np.zeros((64, 3))
    line[:, 0] = np.linspace(0, 40, 64)
    points = torch.from_numpy(line)
    values = np.array([SmoothField.draw(rng, 10.0)(points).numpy() for _ in range(3000)])
    assert values.std() == pytest.approx(1.0, abs=0.05)
    apart = np.argmin(np.abs(line[:, 0] - 10.0))
    correlation = float(np.mean(values[:, 0] * values[:, apart]))
    assert correlation == pytest.approx(np.exp(-0.5 * (line[apart, 0] / 10) ** 2), abs=0.06)
