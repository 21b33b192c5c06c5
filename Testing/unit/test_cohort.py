"""The plan of a cohort: who is in it, in which shares, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.commands.cohort import parse_mix
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.cohort import SPLITS, CohortPlan, members, scan_of
from SyntheticPerfusionLib.phantom.disease import KINDS
from SyntheticPerfusionLib.phantom.protocols import PROTOCOLS

MIX = {"stroke": 0.5, "glioma-high": 0.3, "healthy": 0.2}


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**40),
    shares=st.lists(st.floats(0.01, 10.0), min_size=len(KINDS), max_size=len(KINDS)),
    cut=st.integers(1, 60),
)
def test_larger_cohort_begins_with_the_smaller_and_keeps_the_shares(seed, shares, cut):
    plan = CohortPlan(60, seed, tuple(zip(KINDS, shares, strict=True)))
    everybody = members(plan)
    assert members(replace(plan, patients=cut)) == everybody[:cut]
    counts = Counter(member.kind for member in everybody[:cut])
    for kind, share in plan.mix:
        assert abs(counts[kind] - share * cut) <= 1.5
    parts = Counter(member.split for member in everybody[:cut])
    for part, share in zip(SPLITS, plan.split, strict=True):
        assert abs(parts[part] - share * cut) <= 3


def test_every_kind_is_split_alike_and_protocols_go_with_neither():
    everybody = members(CohortPlan(210, 3, tuple(MIX.items())))
    for kind in MIX:
        own = [member for member in everybody if member.kind == kind]
        parts = Counter(member.split for member in own)
        for part, share in zip(SPLITS, (0.7, 0.15, 0.15), strict=True):
            assert abs(parts[part] - share * len(own)) <= 2
        protocols = Counter(member.protocol for member in own)
        assert set(protocols) == set(PROTOCOLS)
        assert max(protocols.values()) - min(protocols.values()) <= 4
    for part in SPLITS:
        protocols = Counter(member.protocol for member in everybody if member.split == part)
        assert max(protocols.values()) - min(protocols.values()) <= 4


def test_members_are_told_apart():
    everybody = members(CohortPlan(1100))
    assert everybody[0].identifier == "sub-001"
    assert everybody[-1].identifier == "sub-1100"
    assert len({member.seed for member in everybody}) == 1100
    assert {member.kind for member in everybody} == set(KINDS)
    assert {member.grade for member in everybody if "glioma" in member.kind} == {"high", "low"}
    assert {member.grade for member in everybody if "glioma" not in member.kind} == {""}
    other = {member.seed for member in members(CohortPlan(1100, seed=1))}
    assert not other & {member.seed for member in everybody}


def test_a_kind_without_share_and_a_part_without_share_stay_empty():
    plan = CohortPlan(50, mix=(("stroke", 1.0), ("healthy", 0.0)), split=(0.8, 0.2, 0.0))
    assert {member.kind for member in members(plan)} == {"stroke"}
    assert {member.split for member in members(plan)} == {"train", "validation"}


def test_order_and_scale_of_the_mix_do_not_matter():
    plan = CohortPlan(5, mix=tuple(MIX.items()))
    assert plan == CohortPlan(5, mix=tuple((kind, 10 * MIX[kind]) for kind in reversed(MIX)))


def test_plan_as_json_gives_the_plan_back():
    plan = CohortPlan(7, 2, tuple(MIX.items()), ("bern", "random"), (0.5, 0.25, 0.25), (5, 32, 32))
    assert CohortPlan.from_json(json.loads(json.dumps(plan.as_json()))) == plan
    with pytest.raises(InputError, match="another folder"):
        CohortPlan.from_json({"patients": 3, "colour": "red"})


def test_plans_that_differ_in_the_number_of_patients_are_alike():
    plan = CohortPlan(5, mix=tuple(MIX.items()))
    assert replace(plan, patients=9).like(plan)
    assert replace(plan, patients=4).like(plan)
    assert not replace(plan, patients=9, seed=1).like(plan)
    assert not replace(plan, split=(0.6, 0.2, 0.2)).like(plan)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_coarse_grid_keeps_the_field_of_view_and_the_rest_of_the_scan(protocol):
    fine, coarse = scan_of(protocol, 5), scan_of(protocol, 5, (6, 32, 32))
    assert coarse.shape == (6, 32, 32)
    for scan in (fine, coarse):
        extent = np.array(scan.spacing_mm) * scan.shape[::-1]
        np.testing.assert_allclose(extent, np.array(fine.spacing_mm) * fine.shape[::-1])
    assert replace(coarse, shape=fine.shape, spacing_mm=fine.spacing_mm) == fine
    assert scan_of(protocol, 6) != fine


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"patients": 0}, "0 patients"),
        ({"patients": 2.5}, "number of patients of the cohort is 2.5; give a whole number"),
        ({"seed": -1}, "-1"),
        ({"seed": 1.5}, "seed of the cohort is 1.5; give a whole number"),
        ({"seed": True}, "True"),
        ({"mix": (("migraine", 1.0),)}, "migraine"),
        ({"mix": (("stroke", -0.5), ("healthy", 1.0))}, "-0.5"),
        ({"mix": (("stroke", float("nan")),)}, "nan"),
        ({"mix": (("stroke", 0.0),)}, "Every share"),
        ({"protocols": ("paris",)}, "paris"),
        ({"protocols": ("bern", "bern")}, "twice"),
        ({"split": (0.7, 0.7, 0.15)}, "add up to 1"),
        ({"split": (1.2, -0.2, 0.0)}, "add up to 1"),
        ({"split": (0.5, 0.5)}, "three numbers"),
        ({"grid": (0, 64, 64)}, "three whole numbers above 0"),
        ({"grid": (64, 64)}, "three whole numbers above 0"),
    ],
)
def test_plans_that_make_no_sense(wrong, words):
    with pytest.raises(InputError, match=words) as refused:
        CohortPlan(**{"patients": 3, **wrong})
    assert "\n" not in str(refused.value)


def test_mix_as_it_is_typed():
    assert parse_mix("stroke=0.3, glioma-high=0.2") == {"stroke": 0.3, "glioma-high": 0.2}
    assert parse_mix("") == {}
    for wrong in ("stroke", "stroke=much", "stroke=1,stroke=2", "stroke=1,"):
        with pytest.raises(InputError, match="mix"):
            parse_mix(wrong)
