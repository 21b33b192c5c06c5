"""Heads of digital patients: what is where, how heads differ, and that none is folded."""

from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy, make_anatomy
from SyntheticPerfusionLib.phantom.head_shape import HeadShape, Placement
from SyntheticPerfusionLib.phantom.mass import Mass
from SyntheticPerfusionLib.phantom.skull_base import SkullBase
from SyntheticPerfusionLib.phantom.template import load_template
from SyntheticPerfusionLib.phantom.territories import Territory, of_side
from SyntheticPerfusionLib.series.geometry import Geometry

COARSE = Acquisition.small().geometry
SEEDS = (0, 1, 2)
SHARES = ("grey", "white", "csf", "artery", "vein", "skull", "scalp", "base", "eye")
TUMOUR = Mass((30.0, 26.0, 26.0), 18.0, 8.0)


@lru_cache(maxsize=4)
def head(seed: int) -> Anatomy:
    return make_anatomy(COARSE, np.random.default_rng(seed))


@lru_cache(maxsize=1)
def skull_base_slab() -> Anatomy:
    """Two thick slices of clinical resolution through carotids and basilar artery."""
    return make_anatomy(
        Acquisition(shape=(3, 128, 128), shift_mm=-42.0).geometry, np.random.default_rng(2)
    )


def millilitres(values: torch.Tensor, geometry: Geometry = COARSE) -> float:
    return float(values.sum()) * float(np.prod(geometry.spacing)) / 1000


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_of_a_voxel_add_up_to_at_most_one(seed):
    shares = torch.stack([getattr(head(seed), name) for name in SHARES])
    assert shares.min() >= 0
    assert shares.sum(0).max() <= 1 + 1e-5
    assert shares.sum(0).min() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_brain_has_the_size_and_make_of_one(seed):
    anatomy = head(seed)
    assert 1100 < millilitres(anatomy.brain.float()) < 1950
    assert 1.2 < anatomy.grey.sum() / anatomy.white.sum() < 2.1
    assert 0 <= anatomy.t1.min() <= anatomy.t1.max() < 1.3
    assert anatomy.settings["age"] >= 20


@pytest.mark.parametrize("seed", SEEDS)
def test_vessels_hold_as_much_blood_as_large_vessels_do(seed):
    anatomy = head(seed)
    assert 9 < millilitres(anatomy.artery) < 26
    assert 10 < millilitres(anatomy.vein) < 30
    sinus_x = (anatomy.mni_mm[:, 0] * anatomy.sss).sum() / anatomy.sss.sum()
    assert abs(float(sinus_x)) < 3
    assert anatomy.sss.max() > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_middle_cerebral_arteries_lie_beside_the_sylvian_fissure(seed):
    anatomy = head(seed)
    for side, share in zip((-1, 1), anatomy.mca, strict=True):
        x, y, z = ((anatomy.mni_mm * share[:, None]).sum(0) / share.sum()).tolist()
        assert 24 < side * x < 42
        assert -12 < y < 12
        assert -20 < z < 6


def test_arterial_blood_hangs_on_the_side_it_is_on():
    anatomy = head(0)
    some = anatomy.artery > 0
    torch.testing.assert_close(anatomy.arterial_supply[:, some].sum(0), torch.ones(int(some.sum())))
    assert torch.all(anatomy.arterial_supply[:, ~some] == 0)
    for side in (-1, 1):
        branches = anatomy.arterial_supply[list(of_side(side, "MCA_SUPERIOR", "PCA"))].sum(0)
        places = anatomy.mni_mm[branches > 0.5, 0]
        assert len(places) > 20
        assert (side * places > 0).float().mean() > 0.97
    upstream = anatomy.mni_mm[anatomy.arterial_supply[Territory.NONE] > 0.9]
    assert upstream[:, 2].max() < 0


def test_arteries_feed_where_they_run():
    anatomy = head(1)
    for name in ("MCA_SUPERIOR", "MCA_INFERIOR", "PCA", "ACA"):
        rows = [of_side(side, name)[0] for side in (-1, 1)]
        weight = (anatomy.arterial_supply[rows].sum(0) * anatomy.artery)[anatomy.brain]
        fed = anatomy.territories[rows].sum(0)[anatomy.brain]
        assert (weight * fed).sum() / weight.sum() > 0.55


def test_some_voxels_are_nearly_all_artery_and_most_hold_little():
    artery = skull_base_slab().artery
    assert (artery > 0.95).sum() >= 5
    some = artery[artery > 0.02]
    assert (some < 0.5).float().mean() > 0.5


def test_delays_grow_along_arteries_and_veins_come_last():
    anatomy = head(0)
    early = anatomy.artery_delay_s[(anatomy.artery > 0.02) & (anatomy.mni_mm[:, 2] < -20)]
    late = anatomy.artery_delay_s[(anatomy.artery > 0.02) & (anatomy.mni_mm[:, 2] > 40)]
    assert early.mean() + 0.3 < late.mean() < 1.5
    veins = anatomy.vein_delay_s[anatomy.vein > 0.02]
    assert veins.min() > 2.5
    assert 5 < veins.mean() < 7.5


def test_there_are_two_eyes_in_front_below_the_brain():
    anatomy = head(0)
    assert 7 < millilitres(anatomy.eye) < 17
    places = anatomy.mni_mm[anatomy.eye > 0.3]
    assert torch.all(places[:, 1] > 40)
    assert torch.all(places[:, 0].abs() > 15)
    assert (places[:, 0] > 0).float().mean() == pytest.approx(0.5, abs=0.25)


def test_surface_vessels_spare_ventricles_and_depth():
    anatomy = head(0)
    place = anatomy.mni_mm
    inner = (place[:, 0].abs() < 12) & (place[:, 2] > 4) & (place[:, 2] < 18)
    ventricle = inner & (anatomy.csf > 0.7) & (place[:, 1] > -10) & (place[:, 1] < 24)
    folds = anatomy.brain & (anatomy.csf > 0.3) & (place[:, 2] > 30)
    deep = anatomy.white > 0.95
    assert ventricle.sum() > 3
    assert anatomy.pial_ml_100ml[ventricle].mean() < 1
    assert anatomy.pial_ml_100ml[deep].mean() < 1
    assert 4 < anatomy.pial_ml_100ml[folds].mean() < 15


def test_signal_fades_over_the_orbits_and_the_petrous_bones_only():
    places = {
        "straight gyrus": (6.0, 30.0, -26.0),
        "lower temporal": (52.0, -34.0, -27.0),
        "vertex": (20.0, -20.0, 60.0),
        "thalamus": (10.0, -18.0, 8.0),
        "occipital": (12.0, -90.0, 4.0),
    }
    points = torch.tensor(list(places.values()))
    rates = np.mean(
        [
            SkullBase.draw(np.random.default_rng(seed)).dephasing_per_s(points).numpy()
            for seed in range(10)
        ],
        axis=0,
    )
    fades = dict(zip(places, rates, strict=True))
    assert fades["straight gyrus"] > 15
    assert fades["lower temporal"] > 15
    for name in ("vertex", "thalamus", "occipital"):
        assert fades[name] < 0.5, name


def test_same_seed_same_head_and_another_seed_another():
    again = make_anatomy(COARSE, np.random.default_rng(1))
    for name in (*SHARES, "t1", "territories", "arterial_supply", "pial_ml_100ml", "mni_mm"):
        assert torch.equal(getattr(again, name), getattr(head(1), name)), name
    assert head(0).voxels.shape != head(1).voxels.shape


def test_a_coarser_grid_shows_the_same_head():
    coarser = make_anatomy(twice_as_coarse(COARSE), np.random.default_rng(0))
    for name in ("grey", "white", "artery", "vein"):
        one, other = getattr(head(0), name), getattr(coarser, name)
        assert millilitres(other, coarser.geometry) == pytest.approx(millilitres(one), rel=0.03)
        centres = [
            (anatomy.patient_mm * share[:, None]).sum(0) / share.sum()
            for anatomy, share in ((head(0), one), (coarser, other))
        ]
        assert (centres[0] - centres[1]).norm() < 1.0


def twice_as_coarse(grid: Geometry) -> Geometry:
    """The same field of view in half as many voxels along each axis."""
    factors = [2 - n % 2 for n in grid.shape[::-1]]
    spacing = [size * factor for size, factor in zip(grid.spacing, factors, strict=True)]
    origin = [
        first + (after - before) / 2
        for first, before, after in zip(grid.origin, grid.spacing, spacing, strict=True)
    ]
    shape = [n // factor for n, factor in zip(grid.shape[::-1], factors, strict=True)]
    return Geometry(tuple(shape[::-1]), tuple(spacing), tuple(origin), grid.direction)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    age=st.floats(20, 90),
    push=st.floats(0, 12),
    place=st.tuples(st.floats(-55, 55), st.floats(-80, 50), st.floats(-10, 60)),
)
def test_no_head_is_folded_and_the_way_back_is_the_way_there(seed, age, push, place):
    shape = HeadShape.draw(np.random.default_rng(seed), age)
    placement = Placement(shape, load_template(), Mass(place, max(2 * push, 12.0), push))
    assert placement.jacobian().min() > 0
    points = torch.from_numpy(np.random.default_rng(3).normal(0, 30, (200, 3))).float()
    there_and_back = placement.from_mni(placement.to_mni(points))
    torch.testing.assert_close(there_and_back, points, atol=0.05, rtol=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_ventricles_and_folds_widen_with_age(seed):
    axis = torch.arange(-70.0, 71.0, 4.0)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    volumes, widening = [], []
    for age in (25.0, 55.0, 85.0):
        shape = HeadShape.draw(np.random.default_rng(seed), age)
        found = load_template().sample(
            ("ventricle", "grey", "white", "sulcal"), Placement(shape, load_template()).to_mni(grid)
        )
        fluid = (1 - found["grey"] - found["white"]).clamp(min=0)
        volumes.append(float((found["ventricle"] * fluid).sum()))
        widening.append(shape.widening)
    assert volumes[0] < volumes[1] < volumes[2]
    assert volumes[2] > 1.25 * volumes[0]
    assert widening[0] < widening[1] < widening[2]


def test_a_mass_pushes_its_rim_and_leaves_its_centre_and_the_skull():
    x = torch.tensor([0.0, 18.0, 43.0, 150.0])
    places = torch.stack([30 + x, torch.full_like(x, 26.0), torch.full_like(x, 26.0)], 1)
    deep = torch.full_like(x, -30.0)
    moved = places - TUMOUR.origin_of(places, deep)
    torch.testing.assert_close(
        moved[:, 0], torch.tensor([0.0, 8.0, 8 * float(np.exp(-1)), 0.0]), atol=1e-3, rtol=0
    )
    assert torch.all(moved[:, 1:] == 0)
    at_skull = TUMOUR.origin_of(places, torch.zeros_like(x))
    torch.testing.assert_close(at_skull, places)


def test_a_mass_shifts_the_midline():
    shape = HeadShape.draw(np.random.default_rng(4), 50.0)
    midline = torch.tensor([[0.0, 20.0, 18.0]])
    free, pushed = (
        Placement(shape, load_template(), mass).from_mni(midline) for mass in (None, TUMOUR)
    )
    assert -8 < float(pushed[0, 0] - free[0, 0]) < -1.5
    anatomy = make_anatomy(COARSE, np.random.default_rng(4), mass=TUMOUR)
    moved = (anatomy.place_mm - anatomy.mni_mm).norm(dim=1)
    assert 5 < moved.max() <= 8.01
    assert torch.equal(head(0).place_mm, head(0).mni_mm)


def test_a_mass_that_would_fold_tissue_is_refused():
    with pytest.raises(InputError, match="radius 10 mm cannot push by 8 mm"):
        Mass((30.0, 0.0, 20.0), 10.0, 8.0)
