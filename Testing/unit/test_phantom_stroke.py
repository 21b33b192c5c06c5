"""Acute stroke: where an occlusion hurts, how much, and what good collaterals save."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom import stroke as strokes
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy
from SyntheticPerfusionLib.phantom.condition import Condition
from SyntheticPerfusionLib.phantom.simulation import draw_condition
from SyntheticPerfusionLib.phantom.territories import of_side

from .conditions import drawn, head, is_sane, millilitres, physiology, tissue, truth

SITES = [one.name for one in strokes.OCCLUSIONS]


def shut(monkeypatch, site: str, quality: int, seed: int = 0) -> tuple[Anatomy, Condition]:
    chosen = iter([SITES.index(site), quality])
    monkeypatch.setattr(strokes, "_choice", lambda odds, rng: next(chosen))
    healthy = Condition.healthy(physiology(seed))
    return head(0), strokes._stroke(healthy, head(0), np.random.default_rng(seed))


def rows(condition: Condition, *names: str) -> list[int]:
    return list(of_side(1 if condition.settings["side"] == "right" else -1, *names))


@pytest.mark.parametrize("site", SITES)
def test_the_lesion_lies_in_the_territory_of_the_shut_artery(monkeypatch, site):
    anatomy, condition = shut(monkeypatch, site, 1)
    names = next(one.territories for one in strokes.OCCLUSIONS if one.name == site)
    inside = anatomy.territories[rows(condition, *names)].sum(0)
    assert float(inside[condition.rois["lesion"]].mean()) > 0.9
    assert bool((condition.rois["core"] <= condition.rois["lesion"]).all())


def test_good_collaterals_save_tissue(monkeypatch):
    volumes = []
    for quality in range(4):
        anatomy, condition = shut(monkeypatch, "M1", quality, seed=3)
        late = (truth(anatomy, condition)["Tmax"] > 6) & tissue(anatomy)
        volumes.append([millilitres(condition.rois["core"]), millilitres(late)])
    core, late = np.array(volumes).T
    assert np.all(np.diff(core) < 0)
    assert np.all(np.diff(late) < 0)
    assert 25 < core[0] < 120
    assert core[3] < 12
    assert 150 < late[0] < 300
    assert 15 < late[3] < 90


def test_flow_volume_and_delay_of_core_penumbra_and_oligemia(monkeypatch):
    anatomy, condition = shut(monkeypatch, "M1", 0, seed=1)
    maps = truth(anatomy, condition)
    healthy = truth(anatomy, Condition.healthy(physiology(1)))

    def of(name: str, share: torch.Tensor, values: dict[str, torch.Tensor]) -> float:
        inside = (share > 0.9) & tissue(anatomy) & (anatomy.artery + anatomy.vein < 0.01)
        assert int(inside.sum()) > 5
        return float(values[name][inside].mean())

    core, penumbra, oligemia = condition.core, condition.penumbra, condition.oligemia
    assert of("CBF", core, maps) < 0.2 * of("CBF", core, healthy)
    assert of("CBV", core, maps) < 0.4 * of("CBV", core, healthy)
    assert 0.2 < of("CBF", penumbra, maps) / of("CBF", penumbra, healthy) < 0.45
    assert of("CBV", penumbra, maps) > 0.8 * of("CBV", penumbra, healthy)
    assert of("Tmax", penumbra, maps) > 6
    assert 0.65 < of("CBF", oligemia, maps) / of("CBF", oligemia, healthy) < 0.95
    assert 3 < of("Tmax", oligemia, maps) < 6.5
    assert of("Tmax", core, maps) > of("Tmax", penumbra, maps)


def test_a_core_lies_where_blood_comes_last(monkeypatch):
    anatomy, condition = shut(monkeypatch, "M1", 2, seed=0)
    core = condition.core > 0.5
    side = 1 if condition.settings["side"] == "right" else -1
    centre = anatomy.mni_mm[core].mean(0)
    assert 20 < side * float(centre[0]) < 50
    assert -30 < float(centre[1]) < 25
    assert float(anatomy.border_zone[core].mean()) < 0.3


def test_the_other_hemisphere_is_as_before(monkeypatch):
    anatomy, condition = shut(monkeypatch, "ICA", 0, seed=2)
    side = 1 if condition.settings["side"] == "right" else -1
    opposite = (side * anatomy.mni_mm[:, 0] < -12) & (condition.physiology.regions.cerebellum == 0)
    before = physiology(2)
    for name in ("cbf", "cbv", "delay_s"):
        now, then = getattr(condition.physiology.grey, name), getattr(before.grey, name)
        scarred = condition.scar > 0
        np.testing.assert_allclose(now[opposite & ~scarred], then[opposite & ~scarred], rtol=0.02)


def test_arteries_beyond_the_occlusion_fill_late_and_others_do_not(monkeypatch):
    anatomy, condition = shut(monkeypatch, "M1", 1)
    own = anatomy.arterial_supply[rows(condition, "MCA_SUPERIOR", "MCA_INFERIOR")].sum(0)
    assert float(condition.arterial_delay_s[own > 0.9].min()) > 1.5
    other = anatomy.arterial_supply[rows(condition, "PCA")].sum(0)
    assert float(condition.arterial_delay_s[other > 0.99].abs().max()) == 0


def test_sites_come_as_often_as_in_the_clinic():
    rng = np.random.default_rng(0)
    odds = [one.frequency for one in strokes.OCCLUSIONS]
    assert sum(odds) == pytest.approx(1.0)
    counts = np.bincount([strokes._choice(odds, rng) for _ in range(2000)], minlength=len(odds))
    assert counts.argmax() == SITES.index("M1")
    np.testing.assert_allclose(counts / 2000, odds, atol=0.04)


def test_two_thin_slices_show_the_next_stroke_that_they_hold():
    _, condition = draw_condition(
        "stroke", 5, Acquisition(shape=(2, 48, 48), spacing_mm=(4.8, 4.8, 5.0), shift_mm=25.0)
    )
    assert all(bool(roi.any()) for roi in condition.rois.values())


def test_slices_without_a_cerebrum_are_refused():
    below = Acquisition(shape=(2, 32, 32), spacing_mm=(7.0, 7.0, 5.0), shift_mm=-75.0)
    with pytest.raises(InputError, match="slices"):
        draw_condition("stroke", 0, below)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_seed_gives_an_empty_or_impossible_stroke(seed):
    anatomy = head(0)
    condition = strokes.stroke(
        Condition.healthy(physiology(1)), anatomy, np.random.default_rng(seed)
    )
    is_sane(anatomy, condition)


def test_the_same_seed_gives_the_same_stroke():
    _, one = drawn("stroke", 11)
    _, two = drawn.__wrapped__("stroke", 11)
    assert one.settings == two.settings
    for part in dataclasses.fields(one.physiology.grey):
        assert torch.equal(
            getattr(one.physiology.grey, part.name), getattr(two.physiology.grey, part.name)
        )
