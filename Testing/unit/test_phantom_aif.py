"""The arterial curve: its equation, and the figures of real ones that it was fitted to."""

import numpy as np
import pytest
import torch
from scipy import integrate
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape

TIMES = torch.arange(0, 240, 0.05, dtype=torch.float64)


def width_s(curve: torch.Tensor) -> float:
    return 0.05 * int((curve > curve.max() / 2).sum())


def test_first_pass_is_the_gamma_variate():
    shape = ArterialShape(onset_s=10.0, recirculation=0.0, tail=0.0)
    curve = shape.at(TIMES)
    since = np.maximum(TIMES.numpy() - 10.0, 0)
    x = since / (shape.r * shape.b_s)
    np.testing.assert_allclose(
        curve.numpy(),
        shape.peak_per_s * x**shape.r * np.exp(shape.r - since / shape.b_s),
        rtol=1e-9,
    )
    assert float(curve.max()) == pytest.approx(shape.peak_per_s, rel=1e-4)


def test_second_pass_and_tail_add_to_the_first():
    whole = ArterialShape(onset_s=0.0)
    bare = ArterialShape(onset_s=0.0, recirculation=0.0, tail=0.0)
    at = torch.tensor([60.0], dtype=torch.float64)
    mixed = (1 - np.exp(-60.0 / (2 * whole.r * whole.b_s))) ** 2
    again = 60.0 - whole.recirculation_delay_s
    x = again / (whole.r * whole.b_s * whole.recirculation_width)
    second = whole.recirculation * x**whole.r * np.exp(whole.r * (1 - x))
    expected = whole.peak_per_s * (whole.tail * mixed + second)
    assert float(whole.at(at) - bare.at(at)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("injection_s", [2.0, 4.0, 12.0])
def test_slow_injection_averages_the_first_pass(injection_s):
    settings = {"onset_s": 10.0, "recirculation": 0.0, "tail": 0.0}
    quick = ArterialShape(**settings)
    slow = ArterialShape(**settings, injection_s=injection_s)
    for time in (12.0, 16.0, 20.0, 30.0):
        mean, _ = integrate.quad(
            lambda s: float(quick.at(torch.tensor(s, dtype=torch.float64))),
            time - injection_s,
            time,
            points=[10.0] if time - injection_s < 10.0 < time else None,
        )
        found = float(slow.at(torch.tensor(time, dtype=torch.float64)))
        assert found == pytest.approx(mean / injection_s, rel=1e-6, abs=1e-6)
    curves = [shape.at(TIMES) for shape in (quick, slow)]
    assert float(curves[1].sum()) == pytest.approx(float(curves[0].sum()), rel=1e-4)
    assert curves[1].max() < curves[0].max()
    assert width_s(curves[1]) > width_s(curves[0])


@pytest.mark.parametrize("seed", range(12))
def test_drawn_curves_look_like_those_of_the_real_series(seed):
    """There: 8.4 s wide, a second pass to 0.27 of the peak 16 to 18 s after it, 0.07 at the end."""
    shape = ArterialShape.of(Acquisition(bolus_onset_s=20.0), np.random.default_rng(seed))
    curve = shape.at(TIMES)
    peak = int(curve.argmax())
    assert 6.5 < width_s(curve) < 10.0
    relative = curve / curve[peak]
    trough = peak + int(relative[peak : peak + 320].argmin())
    hump = trough + int(relative[trough : trough + 320].argmax())
    assert 0.10 < float(relative[trough]) < 0.24
    assert 0.18 < float(relative[hump]) < 0.33
    assert float(relative[hump]) > float(relative[trough]) + 0.03
    assert 13.0 < 0.05 * (hump - peak) < 24.0
    assert 0.05 < float(relative[peak + 1440]) < 0.11
    assert torch.all(curve >= 0)


def test_drawn_curves_follow_the_acquisition():
    def drawn(**changes: float) -> ArterialShape:
        return ArterialShape.of(Acquisition(**changes), np.random.default_rng(3))

    usual = drawn()
    assert drawn(bolus_onset_s=40.0).onset_s == pytest.approx(usual.onset_s + 22.0)
    assert drawn(bolus_width=1.5).b_s == pytest.approx(1.5 * usual.b_s)
    assert drawn(aif_peak_per_s=270.0).peak_per_s == pytest.approx(usual.peak_per_s / 2)
    assert drawn(tail=0.18).tail == pytest.approx(2 * usual.tail)
    assert drawn(injection_s=3.0).injection_s == 3.0
    assert drawn(bolus_onset_s=0.0).onset_s >= 0.0


def test_nothing_arrives_before_the_bolus():
    shape = ArterialShape(onset_s=25.0, injection_s=4.0)
    curve = shape.at(TIMES)
    assert torch.all(curve[TIMES < 25.0] == 0)
    assert torch.all(torch.isfinite(curve))
