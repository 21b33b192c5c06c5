"""Point spread: its shape, that it keeps what is there, and that noise keeps its size."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.point_spread import (
    PHASE_OVER_READOUT,
    blur,
    gaussian,
    share_noise,
)


@pytest.mark.parametrize("sigma", [0.5, 0.8, 1.5])
def test_a_point_becomes_a_gaussian_longer_along_the_phase_axis(sigma):
    point = torch.zeros(2, 31, 33)
    point[1, 15, 16] = 7.0
    spot = blur(point, sigma)
    assert float(spot.sum()) == pytest.approx(7.0, rel=1e-5)
    assert torch.all(spot[0] == 0)
    across, along = spot[1].sum(0).numpy(), spot[1].sum(1).numpy()
    for profile, width in ((across, sigma), (along, PHASE_OVER_READOUT * sigma)):
        middle = int(profile.argmax())
        for away in (1, 2):
            ratio = np.exp(-0.5 * (away / width) ** 2)
            sides = profile[[middle - away, middle + away]] / profile[middle]
            if away <= 3 * width:
                np.testing.assert_allclose(sides, ratio, rtol=1e-4)


def test_blur_keeps_an_even_picture_and_is_none_at_0():
    even = torch.full((3, 20, 24), 5.0)
    np.testing.assert_allclose(blur(even, 0.7), even, rtol=1e-6)
    picture = torch.rand(3, 20, 24, generator=torch.Generator().manual_seed(2))
    assert blur(picture, 0.0) is picture


def test_the_narrowest_matrix_takes_the_widest_spread():
    small = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(3))
    spread = blur(small, 1.5)
    assert float(spread.mean()) == pytest.approx(float(small.mean()), rel=1e-5)
    assert float(spread.std()) < 0.5 * float(small.std())


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_weights_of_both_sides_add_up_to_1(sigma):
    weights = gaussian(sigma)
    assert weights[0] + 2 * sum(weights[1:]) == pytest.approx(1.0)


def test_shared_noise_keeps_its_variance_at_every_voxel_of_the_slice():
    fresh = torch.randn((20_000, 6, 5), generator=torch.Generator().manual_seed(4))
    shared = share_noise(fresh, 0.45)
    np.testing.assert_allclose(shared.std(0), 1.0, atol=0.03)
    assert share_noise(fresh, 0.0) is fresh
