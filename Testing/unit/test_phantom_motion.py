"""Motion of the head: which way a pose goes, how sharp a frame stays, what comes from outside."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.motion import draw_motion, move, rotation

SPACING = (2.0, 1.5, 4.0)


def moved(volume: torch.Tensor, spacing: tuple[float, float, float], *pose: float) -> torch.Tensor:
    return move(volume[None].clone(), spacing, np.array([pose]))[0]


def head(points_mm: torch.Tensor) -> torch.Tensor:
    """A smooth bright ellipsoid, off the middle, at points (..., 3) of (x, y, z)."""
    centre, size = torch.tensor([4.0, -3.0, 2.0]), torch.tensor([9.0, 7.0, 12.0])
    return 1000 * torch.exp(-0.5 * (((points_mm - centre) / size) ** 2).sum(-1))


def grid(shape: tuple[int, int, int]) -> torch.Tensor:
    axes = [(torch.arange(n) - (n - 1) / 2) * d for n, d in zip(shape[::-1], SPACING, strict=True)]
    z, y, x = torch.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def test_a_head_shifts_towards_the_patients_left_and_down():
    volume = torch.zeros(7, 21, 21)
    volume[3, 10, 10] = 1.0
    there = moved(volume, (2.0, 2.0, 5.0), 4.0, -2.0, 5.0, 0, 0, 0)
    assert np.unravel_index(int(there.argmax()), there.shape) == (4, 9, 12)
    assert float(there[4, 9, 12]) == pytest.approx(1.0, abs=1e-5)


def test_a_head_turns_about_the_slice_axis_by_the_angle():
    volume = torch.zeros(3, 41, 41)
    volume[1, 20, 32] = 1.0
    there = moved(volume, (1.0, 1.0, 5.0), 0, 0, 0, 0, 0, 90.0)
    assert np.unravel_index(int(there.argmax()), there.shape) == (1, 32, 20)


@pytest.mark.parametrize("pose", [(1.3, -0.7, 1.1, 0, 0, 0), (0.4, 0.9, -1.6, 1.5, -2.0, 2.0)])
def test_a_moved_head_is_the_head_at_the_places_it_came_from(pose):
    places = grid((15, 48, 40))
    found = moved(head(places), SPACING, *pose)
    turn = torch.as_tensor(rotation(np.array(pose[3:])), dtype=torch.float32)
    expected = head((places - torch.tensor(pose[:3])) @ turn)
    inner = (slice(2, -2), slice(4, -4), slice(4, -4))
    # Linear interpolation across slices of a third of the head's own size leaves 1.4 % at worst.
    assert float((found - expected)[inner].abs().max()) < 15.0


def test_a_frame_moved_within_its_plane_stays_as_sharp():
    fine = torch.zeros(1, 64, 64)
    fine[:, 30:34, 30:34] = 100.0
    there = moved(fine, (1.0, 1.0, 5.0), 0.5, 0.5, 0, 0, 0, 0)
    # Linear interpolation would leave 0.77 of the contrast that a square has, cubic more.
    assert float(there.square().sum() / fine.square().sum()) > 0.85
    assert float(there.min()) >= 0


def test_air_comes_from_beside_the_head_and_the_outer_slices_go_on():
    volume = torch.full((4, 24, 24), 10.0)
    beside = moved(volume, (1.0, 1.0, 5.0), 3.0, 0, 0, 0, 0, 0)
    assert float(beside[:, :, :2].max()) < 1e-4
    np.testing.assert_allclose(beside[:, :, 6:-2], 10.0, rtol=1e-5)
    above = moved(volume, (1.0, 1.0, 5.0), 0, 0, 7.0, 0, 0, 0)
    np.testing.assert_allclose(above, volume, rtol=1e-5)


def test_frames_at_rest_keep_their_bits_and_one_slice_can_move():
    series = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    poses = np.zeros((3, 6))
    poses[1, 0] = 2.0
    there = move(series.clone(), (2.0, 2.0, 5.0), poses)
    assert torch.equal(there[0], series[0])
    assert torch.equal(there[2], series[2])
    np.testing.assert_allclose(there[1, :, :, 3:-3], series[1, :, :, 2:-4], atol=1e-5)


def test_drawn_motion_starts_at_rest_and_its_steps_are_bounded():
    largest = 0.0
    for seed in range(60):
        path = draw_motion(50, 2.0, np.random.default_rng(seed))
        assert path.shape == (50, 6)
        assert np.all(path[0] == 0)
        drift = np.median(np.diff(path, axis=0), axis=0)
        steps = np.diff(path, axis=0) - drift
        assert np.abs(steps).max() < 4.0 + 1e-9  # two steps may fall together
        assert np.sum(np.abs(steps).max(1) > 1e-9) <= 2
        largest = max(largest, float(np.abs(steps).max()))
    assert largest > 1.8
    assert not np.any(draw_motion(50, 0.0, np.random.default_rng(0)))
