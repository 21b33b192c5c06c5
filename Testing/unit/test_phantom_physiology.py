"""Healthy flow, volume and arrival: the values of the sources, and what may differ from them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.phantom.condition import Condition
from SyntheticPerfusionLib.phantom.constitution import Constitution
from SyntheticPerfusionLib.phantom.physiology import EARLIEST_S, TISSUE_DENSITY_G_PER_ML, Physiology
from SyntheticPerfusionLib.phantom.territories import Territory

from .conditions import head, is_sane, physiology

SEEDS = range(6)


def cortex(seed: int) -> torch.Tensor:
    anatomy, regions = head(0), physiology(seed).regions
    deep = regions.cerebellum + regions.lentiform + regions.thalamus + regions.brainstem
    return (anatomy.grey > 0.4) & (deep < 0.01)


def normalised(values: Physiology) -> dict[str, float]:
    """Means of cortex and white matter, without what this patient has over a person of 50."""
    patient, where = values.constitution, cortex(0)
    white = head(0).white > 0.7
    return {
        "grey flow": float(values.grey.cbf[where].mean()) / patient.grey[0],
        "grey volume": float(values.grey.cbv[where].mean()) / patient.grey[1],
        "white flow": float(values.white.cbf[white].median()) / patient.white[0],
        "white volume": float(values.white.cbv[white].median()) / patient.white[1],
    }


def test_grey_and_white_matter_have_the_values_of_the_phantom():
    found = [normalised(physiology(seed)) for seed in SEEDS]
    expected = {"grey flow": 53, "grey volume": 3.3, "white flow": 25, "white volume": 1.9}
    for name, value in expected.items():
        mean = np.mean([one[name] for one in found]) * TISSUE_DENSITY_G_PER_ML
        assert mean == pytest.approx(value, rel=0.10), name


def test_transit_through_the_cerebellum_is_as_short_as_by_pet():
    for seed in (0, 1):
        values = physiology(seed)
        inside = (values.regions.cerebellum > 0.95) & (head(0).grey > 0.4)
        ratio = values.grey.mtt_s[inside].mean() / values.grey.mtt_s[cortex(0)].mean()
        assert float(ratio) == pytest.approx(13.2 / 19.3, rel=0.10)


def test_flow_differs_between_patients_as_in_the_multicentre_study():
    rng = np.random.default_rng(0)
    flows = np.array([Constitution.draw(50.0, rng).flow for _ in range(600)])
    assert flows.mean() == pytest.approx(1.0, abs=0.03)
    assert 0.13 < flows.std() < 0.18


def test_age_takes_flow_and_lengthens_transit():
    young, old = (
        [Constitution.draw(age, np.random.default_rng(seed)) for seed in range(200)]
        for age in (25.0, 85.0)
    )

    def middle(patients: list[Constitution], name: str) -> float:
        return float(np.mean([getattr(one, name) for one in patients]))

    assert middle(old, "flow") / middle(young, "flow") == pytest.approx(np.exp(-0.0045 * 60))
    transit = [middle(one, "volume") / middle(one, "flow") for one in (young, old)]
    assert transit[1] / transit[0] == pytest.approx(np.exp(0.0015 * 60), rel=0.01)
    assert middle(young, "lesion_load") < 0.02
    assert middle(old, "lesion_load") > 0.4


def test_lesions_of_age_lie_deep_and_have_less_flow():
    patient = Constitution(85.0, 1.0, 1.0, 1.0, 0.0, 0.5, lesion_load=0.8)
    deep = torch.linspace(0, 1, 50)
    share = patient.white_matter_lesions(deep, torch.zeros(50))
    assert float(share[:15].max()) == 0
    assert float(share[-15:].min()) == 1
    healthy = Constitution(30.0, 1.0, 1.0, 1.0, 0.0, 0.5, lesion_load=0.0)
    assert not healthy.white_matter_lesions(deep, torch.zeros(50)).any()


def test_posterior_circulation_and_border_zones_are_late_and_deep_nuclei_early():
    anatomy = head(0)
    delays = torch.stack([physiology(seed).grey.delay_s for seed in SEEDS]).mean(0)

    def of(*territories: Territory) -> float:
        inside = anatomy.territories[list(territories)].sum(0) > 0.9
        return float(delays[inside & (anatomy.border_zone < 0.2)].mean())

    middle = of(Territory.LEFT_MCA_SUPERIOR, Territory.RIGHT_MCA_SUPERIOR)
    assert of(Territory.LEFT_PCA, Territory.RIGHT_PCA) > middle + 0.3
    assert of(Territory.LEFT_MCA_DEEP, Territory.RIGHT_MCA_DEEP) < middle - 0.3
    border = float(delays[(anatomy.border_zone > 0.8) & anatomy.brain].mean())
    assert border > float(delays[(anatomy.border_zone < 0.1) & anatomy.brain].mean()) + 0.2


def test_some_tissue_is_reached_before_the_reference_artery_but_not_by_much():
    lowest = [float(physiology(seed).grey.delay_s[head(0).brain].min()) for seed in SEEDS]
    assert min(lowest) < -0.05
    assert min(lowest) >= EARLIEST_S


def test_texture_has_several_scales():
    """Neighbours are more alike than places 25 mm apart, and even those are not independent."""
    anatomy = head(0)
    flow = torch.log(physiology(2).grey.cbf)[anatomy.brain].numpy()
    places = anatomy.patient_mm[anatomy.brain].numpy()
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, len(flow), (2, 200000))
    apart = np.linalg.norm(places[one] - places[two], axis=1)
    flow = (flow - flow.mean()) / flow.std()

    def correlation(near: float, far: float) -> float:
        chosen = (apart > near) & (apart < far)
        return float((flow[one] * flow[two])[chosen].mean())

    assert correlation(2, 6) > 0.6
    assert correlation(2, 6) > correlation(10, 14) + 0.15 > correlation(55, 75) + 0.25


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_seed_leaves_tissue_without_flow(seed):
    is_sane(head(0), Condition.healthy(physiology(seed)))
