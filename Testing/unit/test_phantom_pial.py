"""Blood of the vessels on the brain's surface, as part of the tissue around them."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy, make_anatomy
from SyntheticPerfusionLib.phantom.physiology import (
    TISSUE_DENSITY_G_PER_ML,
    Physiology,
    make_physiology,
)
from SyntheticPerfusionLib.phantom.pial import with_surface_vessels


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    grid = Acquisition.small(shape=(2, 48, 48), shift_mm=35.0).geometry
    return make_anatomy(grid, np.random.default_rng(5))


@pytest.fixture(scope="module")
def bare(anatomy) -> Physiology:
    return make_physiology(anatomy, np.random.default_rng(6))


@pytest.fixture(scope="module")
def covered(anatomy, bare) -> Physiology:
    return with_surface_vessels(bare, anatomy)


def test_grey_matter_and_fluid_gain_the_blood_and_white_matter_none(anatomy, bare, covered):
    gained = anatomy.pial_ml_100ml / TISSUE_DENSITY_G_PER_ML
    assert gained.max() > 5
    torch.testing.assert_close(covered.grey.cbv, bare.grey.cbv + 0.4 * gained)
    torch.testing.assert_close(covered.fluid.cbv, bare.fluid.cbv + gained)
    assert covered.white is bare.white


def test_arterial_places_are_early_and_venous_ones_late(anatomy, bare, covered):
    dense = anatomy.pial_ml_100ml > 5
    arterial, venous = (
        dense & (anatomy.pial_delay_s < 0.4),
        dense & (anatomy.pial_delay_s > 1.4),
    )
    assert arterial.sum() > 20
    assert venous.sum() > 20
    fluid = covered.fluid
    assert fluid.delay_s[arterial].mean() + 1.0 < fluid.delay_s[venous].mean()
    assert torch.all(covered.grey.delay_s[arterial] < bare.grey.delay_s[arterial])
    for maps in (covered.grey, covered.fluid):
        assert maps.delay_s.min() >= 0


def test_blood_of_the_surface_passes_faster_than_that_of_tissue(anatomy, bare, covered):
    dense = anatomy.pial_ml_100ml > 5
    assert torch.all((covered.fluid.mtt_s[dense] - 1.5).abs() < 0.5)
    between = torch.minimum(bare.grey.mtt_s, torch.tensor(1.5)) - 1e-3
    assert torch.all(covered.grey.mtt_s >= between)


def test_without_blood_nothing_changes(anatomy, bare, covered):
    none = anatomy.pial_ml_100ml == 0
    assert none.any()
    for name in ("cbf", "cbv", "delay_s", "dispersion_s", "supply", "holding", "late_s"):
        same = getattr(covered.grey, name)[none], getattr(bare.grey, name)[none]
        torch.testing.assert_close(*same)
