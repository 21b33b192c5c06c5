"""PHAE's decoder against hand values and numpy's convolution (Fayolle 2025, equations 3 to 6)."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.phae_decoder import RESIDUES, convolve, reconstruct

from unit.curves import arterial


def test_lorentzian_of_equation_4():
    time = torch.tensor([0.0, 2.0, 4.0, 8.0], dtype=torch.float64)
    found = RESIDUES["lorentzian"](time, torch.tensor([[4.0]], dtype=torch.float64))
    by_hand = [1.0, 1 / (1 + (np.pi / 4) ** 2), 1 / (1 + (np.pi / 2) ** 2), 1 / (1 + np.pi**2)]
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-12)


def test_exponential_and_gamma_by_hand():
    time = torch.tensor([0.0, 2.0, 4.0], dtype=torch.float64)
    mtt = torch.tensor([[4.0]], dtype=torch.float64)
    np.testing.assert_allclose(
        RESIDUES["exponential"](time, mtt)[0], [1, np.exp(-0.5), np.exp(-1)], rtol=1e-12
    )
    gamma = [1.0, np.exp(-1.5) * (1 + 1.5 + 1.125), np.exp(-3) * (1 + 3 + 4.5)]
    np.testing.assert_allclose(RESIDUES["gamma"](time, mtt)[0], gamma, rtol=1e-12)


@pytest.mark.parametrize(
    ("family", "beyond"), [("lorentzian", 4 / np.pi**2 / 400), ("exponential", 0), ("gamma", 0)]
)
@pytest.mark.parametrize("mtt_s", [1.0, 6.0])
def test_every_residue_starts_at_1_and_has_the_area_mtt(family, beyond, mtt_s):
    # The Lorentzian's area beyond n MTT is 4 / (pi^2 n) MTT.
    time = torch.linspace(0, 400 * mtt_s, 400_001, dtype=torch.float64)
    residue = RESIDUES[family](time, torch.tensor([[mtt_s]], dtype=torch.float64))[0]
    assert residue[0] == 1
    area = float(torch.trapezoid(residue, time))
    assert area / mtt_s == pytest.approx(1 - beyond, abs=2e-6)


def test_convolution_is_numpys():
    rng = np.random.default_rng(0)
    ca, response = rng.normal(size=37), rng.normal(size=(5, 37))
    found = convolve(torch.tensor(ca), torch.tensor(response), 1.7)
    for row, expected in zip(found, response, strict=True):
        np.testing.assert_allclose(row, 1.7 * np.convolve(ca, expected)[:37], atol=1e-12)


def test_convolution_with_an_arterial_curve_and_a_step_for_each():
    rng = np.random.default_rng(1)
    ca, response = rng.normal(size=(2, 4, 20))
    step = np.array([[0.5], [1.0], [1.5], [2.0]])
    found = convolve(torch.tensor(ca), torch.tensor(response), torch.tensor(step))
    for n in range(4):
        expected = step[n] * np.convolve(ca[n], response[n])[:20]
        np.testing.assert_allclose(found[n], expected, atol=1e-12)


@pytest.mark.parametrize("family", list(RESIDUES))
def test_reconstruction_is_flow_times_residue_convolved(family):
    step, mtt, volume = 1.5, np.array([3.0, 8.0]), np.array([0.04, 0.02])
    times = np.arange(50) * step
    ca = arterial(times)
    found = reconstruct(
        torch.tensor(ca), torch.tensor(volume), torch.tensor(mtt), step, family
    ).numpy()
    for n in range(2):
        response = RESIDUES[family](torch.tensor(times), torch.tensor(mtt[n])).numpy()
        expected = step * np.convolve(ca, volume[n] / mtt[n] * response)[:50]
        np.testing.assert_allclose(found[n], expected, atol=1e-14)


def test_reconstruction_nears_the_continuous_curve_as_steps_shrink():
    # R(0) = 1 counts for a whole frame: of the sum x / (1 - exp(-x)), x = step / MTT, 1 is meant.
    for step in (2.0, 0.1):
        times = np.arange(0, 200, step)
        ca = torch.tensor(arterial(times))
        one = torch.ones(1, dtype=torch.float64)
        curve = reconstruct(ca, 0.04 * one, 4.0 * one, step, "exponential")[0]
        ratio = float(curve.sum() / ca.sum())
        x = step / 4.0
        assert ratio / 0.04 == pytest.approx(x / (1 - np.exp(-x)), rel=1e-6)


def test_the_end_of_a_curve_does_not_come_round():
    ca = torch.zeros(30, dtype=torch.float64)
    ca[-1] = 1
    curve = reconstruct(ca, torch.tensor([0.05]), torch.tensor([20.0]), 1.0)[0]
    assert torch.all(curve[:-1].abs() < 1e-12)
    assert float(curve[-1]) == pytest.approx(0.05 / 20)


def test_gradient_reaches_the_transit_time():
    ca = torch.tensor(arterial(np.arange(40) * 1.5))
    for family in RESIDUES:
        mtt = torch.tensor([4.0], dtype=torch.float64, requires_grad=True)
        reconstruct(ca, torch.tensor([0.04]), mtt, 1.5, family).sum().backward()
        assert torch.isfinite(mtt.grad).all()
        assert mtt.grad.abs() > 0
