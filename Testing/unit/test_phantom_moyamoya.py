"""Moyamoya-like disease: both anterior circulations late, the posterior spared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.phantom.condition import Condition
from SyntheticPerfusionLib.phantom.moyamoya import moyamoya
from SyntheticPerfusionLib.phantom.territories import Territory, of_side

from .conditions import head, is_sane, physiology


def sick(seed: int) -> Condition:
    return moyamoya(Condition.healthy(physiology(0)), head(0), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(4))
def test_both_sides_are_late_one_of_them_more(seed):
    anatomy, before, condition = head(0), physiology(0), sick(seed)
    now = condition.physiology.grey
    late = now.delay_s + now.dispersion_s - before.grey.delay_s - before.grey.dispersion_s
    free = condition.scar < 0.01

    def of(*territories: Territory) -> float:
        inside = anatomy.territories[list(territories)].sum(0) > 0.95
        return float(late[inside & free].mean())

    by_side = {side: of(*of_side(side, "MCA_SUPERIOR")) for side in (-1, 1)}
    drawn = {-1: condition.settings["lateness_left_s"], 1: condition.settings["lateness_right_s"]}
    assert min(by_side.values()) > 0.6
    assert (by_side[1] > by_side[-1]) == (drawn[1] > drawn[-1])
    assert of(Territory.VERTEBROBASILAR) < 0.1
    assert of(Territory.LEFT_PCA, Territory.RIGHT_PCA) < 0.3 * max(by_side.values())
    assert max(of(*of_side(side, "MCA_DEEP")) for side in (-1, 1)) < max(by_side.values())


@pytest.mark.parametrize("seed", range(3))
def test_volume_is_raised_most_in_the_basal_ganglia(seed):
    before, condition = physiology(0), sick(seed)
    inside = condition.rois["affected"] & (condition.scar < 0.01)
    ratio = condition.physiology.grey.cbv / before.grey.cbv
    assert 1.05 < float(ratio[inside].mean()) < 1.8
    base = condition.physiology.regions.lentiform > 0.9
    assert float(ratio[base & (condition.scar < 0.01)].mean()) > 1.2
    flow = (condition.physiology.grey.cbf / before.grey.cbf)[inside]
    assert 0.7 < float(flow.mean()) < 1.0


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_seed_gives_an_empty_or_impossible_patient(seed):
    is_sane(head(0), sick(seed))
