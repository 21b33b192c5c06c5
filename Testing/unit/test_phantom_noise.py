"""Rician noise: its distribution, independence, and that pieces make the same whole."""

import numpy as np
import pytest
import torch
from scipy import stats
from SyntheticPerfusionLib.phantom.noise import _GOLDEN, _WORD, _mix, _signed, rician

SPLITMIX_OF_1234567 = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)


def test_hash_is_splitmix64():
    states = [_signed(1234567 + step * _GOLDEN) for step in range(1, 6)]
    words = torch.tensor(states, dtype=torch.int64)
    _mix(words, torch.empty_like(words))
    assert tuple(word % _WORD for word in words.tolist()) == SPLITMIX_OF_1234567


@pytest.mark.parametrize("level", [0.0, 0.7, 3.0, 20.0])
def test_magnitudes_follow_the_rician_distribution(level):
    sigma, count = 2.5, 200_000
    noisy = (
        rician(torch.full((2, count // 2), level * sigma), sigma, seed=7).numpy().ravel() / sigma
    )
    family = stats.rice(level)
    error = family.std() / np.sqrt(count)
    assert noisy.mean() == pytest.approx(family.mean(), abs=4 * error)
    assert noisy.std() == pytest.approx(family.std(), rel=4 / np.sqrt(count))
    assert stats.kstest(noisy.astype(np.float64), family.cdf).pvalue > 1e-3


def test_tails_reach_as_far_as_those_of_a_million_samples():
    noise = rician(torch.zeros(1, 1_000_000), 1.0, seed=1)
    assert 4.7 < float(noise.max()) < 6.7


def test_the_rarest_sample_is_finite():
    # Of this seed the first hash is 0x8000000000800000: magnitude bits all 0, opposite phase.
    found = rician(torch.full((1, 1), 100.0), 10.0, 0x7C04642ACE4FE022)
    assert float(found) == pytest.approx(abs(100 - 10 * np.sqrt(66 * np.log(2))), rel=1e-4)


def test_frames_voxels_and_seeds_are_independent():
    one, other = (rician(torch.full((8, 40_000), 100.0), 5.0, seed) - 100.0 for seed in (3, 4))
    bound = 4.5 / np.sqrt(40_000)
    together = np.corrcoef(torch.cat([one, other]).numpy())
    assert np.abs(together - np.eye(16)).max() < bound
    for step in (1, 2, 64, 128):
        along = np.corrcoef(one[:, :-step].numpy().ravel(), one[:, step:].numpy().ravel())[0, 1]
        assert abs(along) < 4.5 / np.sqrt(320_000 - 8 * step)


@pytest.mark.parametrize("frame", [(3, 21, 37), (101, 1009)])
def test_a_series_in_pieces_gets_the_same_bits(frame):
    clean = torch.rand((7, *frame), generator=torch.Generator().manual_seed(0)) * 100
    whole = rician(clean.clone(), 4.0, seed=11)
    pieces = clean.clone()
    for first, last in ((0, 1), (1, 4), (4, 7)):
        rician(pieces[first:last], 4.0, seed=11, first_frame=first)
    assert torch.equal(pieces, whole)
    assert torch.equal(rician(clean.clone(), 4.0, seed=11), whole)


@pytest.mark.parametrize("shared", [0.15, 0.35, 0.6])
def test_neighbours_share_noise_as_said_and_keep_its_size(shared):
    level = rician(torch.full((4, 3, 120, 100), 1000.0), 5.0, seed=5, smoothness=shared) - 1000.0
    assert float(level.std()) == pytest.approx(5.0, rel=0.02)

    def together(one: torch.Tensor, other: torch.Tensor) -> float:
        return float(np.corrcoef(one.numpy().ravel(), other.numpy().ravel())[0, 1])

    assert together(level[..., 1:], level[..., :-1]) == pytest.approx(shared, abs=0.02)
    assert together(level[..., 1:, :], level[..., :-1, :]) == pytest.approx(shared, abs=0.02)
    assert abs(together(level[1:], level[:-1])) < 0.02
    assert abs(together(level[:, 1:], level[:, :-1])) < 0.02


def test_shared_noise_in_the_air_is_rayleigh():
    air = rician(torch.zeros(2, 8, 100, 100), 3.0, seed=9, smoothness=0.4).numpy()
    assert air.mean() == pytest.approx(3.0 * np.sqrt(np.pi / 2), rel=0.01)
    assert air.std() == pytest.approx(3.0 * np.sqrt(2 - np.pi / 2), rel=0.02)


def test_shared_noise_in_pieces_gets_the_same_bits_and_grows_out_of_the_white():
    clean = torch.rand((6, 3, 40, 50), generator=torch.Generator().manual_seed(0)) * 100
    whole = rician(clean.clone(), 4.0, seed=11, smoothness=0.3)
    pieces = clean.clone()
    for first, last in ((0, 2), (2, 5), (5, 6)):
        rician(pieces[first:last], 4.0, seed=11, first_frame=first, smoothness=0.3)
    assert torch.equal(pieces, whole)
    nearly_white = rician(clean.clone(), 4.0, seed=11, smoothness=1e-4)
    white = rician(clean.clone(), 4.0, seed=11)
    np.testing.assert_allclose(nearly_white, white, atol=0.02)


def test_no_noise_and_seeds_of_any_size():
    clean = torch.full((2, 5), 3.0)
    assert torch.equal(rician(clean.clone(), 0.0, seed=1), clean)
    large = rician(clean.clone(), 1.0, seed=(1 << 64) - 1)
    assert torch.all(torch.isfinite(large))
    assert torch.all(large >= 0)


def test_what_cannot_be_done_in_place_is_refused():
    with pytest.raises(ValueError, match="contiguous"):
        rician(torch.zeros(4, 6)[:, ::2], 1.0, seed=0)
    with pytest.raises(ValueError, match="standard deviation"):
        rician(torch.zeros(4, 6), float("nan"), seed=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_gpu_draws_the_same_noise():
    clean = torch.full((5, 33, 65), 50.0)
    there = rician(clean.cuda(), 5.0, seed=2).cpu()
    np.testing.assert_allclose(there, rician(clean, 5.0, seed=2), rtol=1e-5, atol=1e-4)
    clean = torch.full((5, 3, 33, 65), 50.0)
    there = rician(clean.cuda(), 5.0, seed=2, smoothness=0.3).cpu()
    here = rician(clean, 5.0, seed=2, smoothness=0.3)
    np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-3)
