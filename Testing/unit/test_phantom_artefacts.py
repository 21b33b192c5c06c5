"""Coil and transmit fields, and spikes, against what each is said to be."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.artefacts import add_spikes, b1_field, mask_air, receive_field


def head_points() -> torch.Tensor:
    axes = [torch.linspace(-80, 80, 17), torch.linspace(-95, 95, 17), torch.linspace(-60, 60, 9)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def test_receive_field_without_a_rim_is_lognormal_of_its_size():
    points = torch.tensor([[10.0, 20.0, 30.0], [0.0, 0.0, 0.0]])
    drawn = [receive_field(points, np.random.default_rng(s), rim_gain=0.0) for s in range(2000)]
    fields = torch.stack(drawn)
    assert torch.all(fields > 0)
    assert float(fields.log().std()) == pytest.approx(0.06, rel=0.06)
    assert float(fields.log().mean()) == pytest.approx(0.0, abs=0.004)


@pytest.mark.parametrize("rim_gain", [0.15, 0.38, 1.0])
def test_coils_see_the_rim_of_the_brain_brighter_by_the_gain(rim_gain):
    rim = torch.tensor([[64.0, 0, 0], [-64, 0, 0], [0, 80, 0], [0, -80, 0], [0, 0, 62]])
    field = receive_field(rim, np.random.default_rng(1), rim_gain, variation=0.0)
    middle = receive_field(torch.zeros(1, 3), np.random.default_rng(1), rim_gain, variation=0.0)
    np.testing.assert_allclose(field / middle, 1 + rim_gain, rtol=1e-5)
    places = head_points().reshape(-1, 3)
    brain = places[((places / torch.tensor([64.0, 80.0, 62.0])) ** 2).sum(-1) < 1]
    logarithms = receive_field(brain, np.random.default_rng(1), rim_gain, variation=0.0).log()
    assert float(logarithms.mean()) == pytest.approx(0.0, abs=0.03 * rim_gain)


def test_b1_stays_within_its_bounds_and_is_higher_in_the_middle():
    points = head_points()
    radius = points.norm(dim=-1)
    middle, rim = [], []
    for seed in range(60):
        field = b1_field(points, np.random.default_rng(seed), 0.3)
        assert float(field.min()) > 0.4
        assert float(field.max()) < 1.6
        middle.append(float(field[radius < 25].mean()))
        rim.append(float(field[radius > 80].mean()))
    assert np.mean(middle) > np.mean(rim) + 0.2
    even = b1_field(points, np.random.default_rng(0), 0.0)
    assert torch.all(even == 1)


def spiky(seed: int, count: int = 6) -> tuple[torch.Tensor, list]:
    series = torch.full((20, 5, 48, 40), 100.0)
    series[:, :, :6] = 0.0
    return series, add_spikes(series, count, 100.0, np.random.default_rng(seed))


def test_as_many_frames_as_asked_carry_a_spike_and_the_others_none():
    for seed in range(10):
        series, events = spiky(seed)
        clean, _ = spiky(seed, 0)
        touched = [t for t in range(20) if not torch.equal(series[t], clean[t])]
        assert touched == [event["frame"] for event in events]
        assert len(touched) == 6
        assert torch.all(series >= 0)


def test_a_ripple_is_one_wave_over_its_slices():
    series, events = spiky(1, 20)
    ripples = [event for event in events if event["kind"] == "ripple"]
    assert len(ripples) > 5
    for event in ripples:
        first, last = event["slices"]
        frame = series[event["frame"]]
        # In air the wave is alone, and its magnitude its height.
        np.testing.assert_allclose(frame[first:last, :6], event["height"], rtol=1e-4)
        rest = [k for k in range(5) if not first <= k < last]
        assert torch.all(frame[rest, :6] == 0)
        lit = frame[first, 6:]
        assert float(lit.max()) == pytest.approx(100 + event["height"], rel=0.02)
        assert float(lit.min()) == pytest.approx(100 - event["height"], rel=0.02)
        spectrum = torch.fft.fft2(lit - lit.mean()).abs()[:, 1:20]
        assert float(spectrum.max()) > 3 * float(spectrum.mean())


def test_a_jump_scales_its_whole_frame():
    series, events = spiky(1, 20)
    jumps = [event for event in events if event["kind"] == "jump"]
    assert jumps
    for event in jumps:
        assert 0.03 < abs(event["gain"] - 1) < 0.13
        np.testing.assert_allclose(series[event["frame"], :, 6:], 100 * event["gain"], rtol=1e-5)


def test_air_beyond_one_voxel_around_the_head_becomes_nothing():
    head = torch.zeros(2, 12, 12)
    head[0, 4:8, 5:7] = 0.3
    series = torch.ones(3, 2, 12, 12)
    mask_air(series, head)
    assert torch.all(series[:, 0, 3:9, 4:8] == 1)
    assert float(series.sum()) == 3 * 6 * 4
