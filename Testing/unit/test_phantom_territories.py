"""Territories of the arteries: where published maps have them, and how far they vary."""

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.template import load_template
from SyntheticPerfusionLib.phantom.territories import (
    MCA,
    ONE_SIDE,
    Supply,
    Territory,
    TerritoryBorders,
    of_side,
)

SEEDS = range(12)


def brain_places() -> torch.Tensor:
    """Every 4 mm of the template's grey and white matter, in MNI mm."""
    template = load_template()
    tissue = (template.grey + template.white)[::2, ::2, ::2] > 0.5
    k, j, i = np.nonzero(tissue)
    places = template.first_mm + 2 * template.step_mm * np.stack([i, j, k], 1)
    return torch.from_numpy(places[np.abs(places[:, 0]) > 0.5]).float()


def supply(places: torch.Tensor, seed: int = 0) -> Supply:
    inside = torch.ones(len(places), dtype=torch.bool)
    return TerritoryBorders.draw(np.random.default_rng(seed)).at(places, inside)


@pytest.fixture(scope="module")
def volumes() -> np.ndarray:
    """(seeds, 12) places that hang on each territory."""
    places = brain_places()
    return np.stack([supply(places, seed).shares.sum(1).numpy() for seed in SEEDS])


def test_shares_add_up_to_one_and_outside_the_brain_there_is_none():
    places = brain_places()[::7]
    inside = torch.arange(len(places)) % 3 > 0
    found = TerritoryBorders.draw(np.random.default_rng(1)).at(places, inside)
    assert found.shares.shape == (len(Territory), len(places))
    assert found.shares.min() >= 0
    torch.testing.assert_close(found.shares.sum(0), torch.ones(len(places)))
    assert torch.all((found.shares[Territory.NONE] == 1) == ~inside)
    assert torch.all(found.labels[~inside] == Territory.NONE)
    assert torch.all(found.border_zone[~inside] == 0)
    assert 0 <= found.border_zone.min() <= found.border_zone.max() <= 1


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((6, 50, 10), "ACA"),
        ((7, -20, 62), "ACA"),
        ((6, -40, 45), "ACA"),
        ((26, -2, 3), "MCA_DEEP"),
        ((24, 6, 0), "MCA_DEEP"),
        ((50, 20, 22), "MCA_SUPERIOR"),
        ((46, -12, 46), "MCA_SUPERIOR"),
        ((58, -34, 2), "MCA_INFERIOR"),
        ((50, -56, 26), "MCA_INFERIOR"),
        ((42, 12, -32), "MCA_INFERIOR"),
        ((10, -82, 6), "PCA"),
        ((12, -20, 8), "PCA"),
        ((28, -34, -16), "PCA"),
    ],
)
def test_places_hang_on_the_artery_of_the_maps(place, name):
    x, y, z = place
    both = torch.tensor([[-x, y, z], [x, y, z]], dtype=torch.float32)
    expected = [of_side(side, name)[0] for side in (-1, 1)]
    right = [supply(both, seed).labels.tolist() == expected for seed in SEEDS]
    assert np.mean(right) >= 0.8


@pytest.mark.parametrize("place", [(20, -60, -40), (40, -60, -42), (0.5, -26, -32), (3, -60, -24)])
def test_cerebellum_and_brain_stem_hang_on_the_basilar_artery(place):
    places = torch.tensor([place, (-place[0], *place[1:])], dtype=torch.float32)
    for seed in SEEDS:
        assert supply(places, seed).labels.tolist() == [Territory.VERTEBROBASILAR] * 2


def test_volumes_are_near_those_of_infarct_maps(volumes):
    cerebrum = volumes[:, 1:11].reshape(len(SEEDS), 2, len(ONE_SIDE)).sum(1)
    share = cerebrum / cerebrum.sum(1, keepdims=True)
    middle = share[:, 1:4].sum(1)
    # Kim et al. 2019: 54 % certain and about as much of the border as the other two together.
    assert 0.52 < middle.mean() < 0.66
    assert 0.13 < share[:, 0].mean() < 0.25
    assert 0.13 < share[:, 4].mean() < 0.25
    assert 0.03 < share[:, 1].mean() < 0.08
    assert np.all((middle > 0.45) & (middle < 0.70))
    cubic_cm = volumes[:, Territory.VERTEBROBASILAR] * 0.064
    assert np.all((cubic_cm > 150) & (cubic_cm < 260))


def test_sides_are_alike_on_average_and_differ_in_each(volumes):
    left, right = volumes[:, 1:6], volumes[:, 6:11]
    np.testing.assert_allclose(left.mean(0), right.mean(0), rtol=0.12)
    assert np.all(np.abs(left - right).max(1) > 0.03 * left.max(1))


def test_border_zone_lies_where_two_arteries_meet():
    places = brain_places()
    found = supply(places, 3)
    names = ("ACA", "MCA_DEEP", "PCA")
    parts = torch.stack(
        [sum(found.shares[of_side(side, name)[0]] for side in (-1, 1)) for name in names]
        + [sum(found.shares[list(of_side(side, *MCA[1:]))].sum(0) for side in (-1, 1))]
    )
    cerebrum = found.shares[Territory.VERTEBROBASILAR] < 0.01
    contested = cerebrum & (parts.amax(0) < 0.6)
    certain = cerebrum & (parts.amax(0) > 0.9999)
    assert contested.sum() > 50
    assert found.border_zone[contested].min() > 0.8
    assert found.border_zone[certain].mean() < 0.1
    assert 0.05 < (found.border_zone > 0.5).float().mean() < 0.3
