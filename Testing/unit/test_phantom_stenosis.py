"""Steno-occlusive disease: late and spread, with flow nearly kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.condition import Condition
from SyntheticPerfusionLib.phantom.simulation import draw_condition
from SyntheticPerfusionLib.phantom.stenosis import AFFECTED_S, steno_occlusive

from .conditions import head, is_sane, physiology


def narrowed(seed: int) -> Condition:
    healthy = Condition.healthy(physiology(0))
    return steno_occlusive(healthy, head(0), np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_blood_is_late_volume_raised_and_flow_nearly_kept(seed):
    anatomy, before, condition = head(0), physiology(0), narrowed(seed)
    inside = condition.rois["affected"] & (condition.scar < 0.01)
    now = condition.physiology.grey
    late = (now.delay_s + now.dispersion_s - before.grey.delay_s - before.grey.dispersion_s)[inside]
    lateness = condition.settings["lateness_s"]
    assert 0.6 * lateness < float(late.mean()) < 1.3 * lateness
    assert float(late.min()) > 0.8 * AFFECTED_S
    assert 0.78 < float((now.cbf / before.grey.cbf)[inside].mean()) < 1.0
    assert 1.0 < float((now.cbv / before.grey.cbv)[inside].mean()) < 1.35
    assert 1.02 < float((now.mtt_s / before.grey.mtt_s)[inside].mean()) < 1.6
    assert float(condition.core.max()) == 0
    side = 1 if condition.settings["side"] == "right" else -1
    assert float((side * anatomy.mni_mm[inside, 0] > 0).float().mean()) > 0.97


def test_border_zones_are_latest():
    anatomy, before = head(0), physiology(0)
    gaps = []
    for seed in range(4):
        condition = narrowed(seed)
        late = condition.physiology.grey.delay_s - before.grey.delay_s
        inside = condition.rois["affected"] & (condition.scar < 0.01)
        near, far = anatomy.border_zone > 0.7, anatomy.border_zone < 0.1
        gaps.append(float(late[inside & near].mean() - late[inside & far].mean()))
    assert np.mean(gaps) > 0


def test_old_infarcts_come_with_severe_narrowing_only_now_and_then():
    scarred = [narrowed(seed).settings["old_infarct"] for seed in range(40)]
    assert 2 <= sum(scarred) <= 25


def test_slices_without_its_territory_are_refused():
    below = Acquisition(shape=(2, 32, 32), spacing_mm=(7.0, 7.0, 5.0), shift_mm=-75.0)
    with pytest.raises(InputError, match="slices"):
        draw_condition("steno-occlusive", 0, below)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_seed_gives_an_empty_or_impossible_patient(seed):
    is_sane(head(0), narrowed(seed))
