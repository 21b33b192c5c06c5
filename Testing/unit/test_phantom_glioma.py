"""Gliomas: blood volume by grade as published, with overlap, and where a tumour may grow."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.analysis.agreement import area_under_roc
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.glioma_population import KINDS, LEAKAGE, Tumour, draw_tumour
from SyntheticPerfusionLib.phantom.simulation import draw_condition

from .conditions import COARSE, drawn, is_sane, truth


def population(kind: str, count: int) -> list[Tumour]:
    rng = np.random.default_rng(3)
    return [draw_tumour(kind, COARSE.geometry, one) for one in rng.spawn(count)]


@pytest.fixture(scope="module")
def tumours() -> dict[str, list[Tumour]]:
    return {kind: population(kind, 300) for kind in KINDS}


def test_blood_volume_by_grade_has_the_published_means_and_overlap(tumours):
    low, high = (
        np.array([one.rcbv for one in tumours[kind]]) for kind in ("glioma-low", "glioma-high")
    )
    assert 1.5 < low.mean() < 2.1
    assert 3.0 < high.mean() < 6.0
    is_high = np.repeat([False, True], [low.size, high.size])
    area = area_under_roc(np.concatenate([low, high]), is_high, ~is_high)
    assert 0.80 < area < 0.98
    assert low.min() < 1.1
    assert low.max() > 2.8
    assert high.min() < 2.1
    assert high.max() > 7


def test_who_grades_order_as_published(tumours):
    every = [one for kind in KINDS for one in tumours[kind]]
    means = [np.mean([one.rcbv for one in every if one.who_grade == who]) for who in (2, 3, 4)]
    assert means == sorted(means)
    assert {one.who_grade for one in tumours["glioma-low"]} == {2}
    assert {one.who_grade for one in tumours["glioma-high"]} == {3, 4}
    assert all(one.necrosis > 0 for one in every if one.who_grade == 4)
    assert all(one.necrosis == 0 for one in tumours["glioma-low"])


def test_high_grade_leaks_and_low_grade_mostly_does_not(tumours):
    assert all(0.02 <= one.ktrans_per_min <= 0.2 for one in tumours["glioma-high"])
    assert np.mean([one.ktrans_per_min == 0 for one in tumours["glioma-low"]]) > 0.75
    names = [one.leakage for one in tumours["glioma-high"]]
    for name, (odds, _) in LEAKAGE.items():
        assert names.count(name) / len(names) == pytest.approx(odds, abs=0.08)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_the_true_map_has_the_ratio_that_was_drawn(kind, seed):
    anatomy, condition = drawn(kind, seed)
    volume = truth(anatomy, condition)["CBV"]
    tumour, reference = condition.rois["tumor"], condition.rois["reference"]
    ratio = float(volume[tumour].mean() / volume[reference].mean())
    assert ratio == pytest.approx(condition.settings["rcbv"], rel=0.05)
    assert not bool((tumour & reference).any())
    sides = [anatomy.mni_mm[where, 0].mean().sign() for where in (tumour, reference)]
    assert sides[0] == -sides[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tumour_stays_within_the_brain_and_on_its_side(kind):
    for seed in range(4):
        anatomy, condition = drawn(kind, seed)
        here = condition.tumour + condition.necrosis
        assert float(here[(anatomy.skull + anatomy.scalp) > 0.5].max()) < 0.3
        side = 1 if condition.settings["side"] == "right" else -1
        assert float(here[side * anatomy.mni_mm[:, 0] < -2].max()) == 0


def test_oedema_keeps_to_white_matter():
    anatomy, condition = drawn("glioma-high", 1)
    swollen = condition.oedema > 0.3
    assert bool(swollen.any())
    assert float(anatomy.white[swollen].min()) > 0.2


def test_without_leakage_only_the_leak_is_gone():
    _, condition = drawn("glioma-high", 0)
    tight = condition.without_leakage()
    assert float(tight.ktrans_per_min.max()) == 0
    assert torch.equal(tight.tumour_maps.cbv, condition.tumour_maps.cbv)
    assert tight.rois is condition.rois


def test_a_tumour_grows_within_the_slices_that_there_are():
    thin = Acquisition(shape=(3, 64, 64), spacing_mm=(3.6, 3.6, 5.0), shift_mm=20.0)
    for seed in range(4):
        _, condition = draw_condition("glioma-high", seed, thin)
        assert bool(condition.rois["tumor"].any())


def test_slices_without_a_cerebrum_are_refused():
    below = Acquisition(shape=(2, 32, 32), spacing_mm=(7.0, 7.0, 5.0), shift_mm=-75.0)
    with pytest.raises(InputError, match="slices"):
        draw_condition("glioma-low", 0, below)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(KINDS))
def test_no_seed_gives_an_empty_or_impossible_tumour(seed, kind):
    is_sane(*draw_condition(kind, seed, COARSE))
