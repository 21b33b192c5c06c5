"""Fluctuation of the body: its size over the brain, by region, beside vessels, and its drift."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy, make_anatomy
from SyntheticPerfusionLib.phantom.fluctuation import DRIFT, PULSATION, REGIONAL, draw_fluctuation

SCAN = Acquisition.small(
    frames=200, physiological_noise=0.002, slice_order="interleaved", repetition_time_s=2.0
)
SHARED, REGIONS, PULSE, DRIFTING = slice(0, 1), slice(1, 7), slice(7, 9), slice(9, 10)


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return make_anatomy(SCAN.geometry, np.random.default_rng(0))


def part(anatomy: Anatomy, which: slice, seed: int, scan: Acquisition = SCAN) -> np.ndarray:
    """(T, V) of the brain, in units of the shared size."""
    courses, maps = draw_fluctuation(anatomy, scan, np.random.default_rng(seed))
    return (courses[:, which] @ maps[which][:, anatomy.brain]).numpy() / 0.002


def test_every_part_has_its_size(anatomy):
    shared, regions = (
        np.array([part(anatomy, which, seed).std(0).mean() for seed in range(6)])
        for which in (SHARED, REGIONS)
    )
    assert shared.mean() == pytest.approx(1.0, rel=0.1)
    assert regions.mean() == pytest.approx(REGIONAL, rel=0.2)
    ends = np.array([part(anatomy, DRIFTING, seed)[-1, 0] for seed in range(200)])
    assert np.all(part(anatomy, DRIFTING, 0)[0] == 0)
    assert ends.std() == pytest.approx(DRIFT, rel=0.2)
    assert np.abs(ends).max() <= 2 * DRIFT + 1e-3


def test_pulsation_is_that_of_fluid_and_vessels_alone(anatomy):
    pulse = part(anatomy, PULSE, 3).std(0)
    fluid = anatomy.csf[anatomy.brain].numpy()
    blood = (anatomy.artery + anatomy.vein)[anatomy.brain].numpy()
    np.testing.assert_allclose(pulse, PULSATION * (fluid + 2 * blood), rtol=0.2, atol=1e-3)


def test_slices_excited_later_beat_later(anatomy):
    simultaneous = replace(SCAN, slice_order="simultaneous")
    slices = (anatomy.voxels // (64 * 64))[anatomy.brain].numpy()

    def correlation(scan: Acquisition) -> float:
        pulse = part(anatomy, PULSE, 3, scan)
        curves = [pulse[:, slices == k].mean(1) for k in (3, 4)]
        return float(np.corrcoef(*curves)[0, 1])

    assert correlation(simultaneous) == pytest.approx(1.0, abs=1e-3)
    ascending = replace(SCAN, slice_order="ascending")
    # 0.22 s, a sixth to a third of a heart beat.
    assert correlation(ascending) < 0.55


def test_regions_are_centimetres_across(anatomy):
    regions = part(anatomy, REGIONS, 1)
    places = anatomy.mni_mm[anatomy.brain].numpy()
    start = int(np.argmin(np.abs(places).sum(1)))
    distance = np.linalg.norm(places - places[start], axis=1)
    correlations = []
    for seed in range(8):
        regions = part(anatomy, REGIONS, seed)
        found = np.corrcoef(regions[:, start], regions.T[distance < 8].mean(0))[0, 1]
        far = np.corrcoef(regions[:, start], regions[:, distance > 45][:, 0])[0, 1]
        correlations.append((found, far))
    near, far = np.mean(correlations, axis=0)
    assert near > 0.85
    assert abs(far) < 0.6


def test_none_is_none_and_the_same_seed_gives_the_same(anatomy):
    still = replace(SCAN, physiological_noise=0.0)
    courses, _ = draw_fluctuation(anatomy, still, np.random.default_rng(0))
    assert torch.all(courses == 0)
    one, again = (part(anatomy, slice(None), 5) for _ in range(2))
    np.testing.assert_array_equal(one, again)
