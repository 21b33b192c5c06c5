"""Heads and diseases on a coarse grid, without a series, for the tests of diseases."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.anatomy import Anatomy, make_anatomy
from SyntheticPerfusionLib.phantom.condition import Condition
from SyntheticPerfusionLib.phantom.dispersion import kernel
from SyntheticPerfusionLib.phantom.physiology import Physiology, make_physiology
from SyntheticPerfusionLib.phantom.simulation import draw_condition
from SyntheticPerfusionLib.phantom.truth import true_values

COARSE = Acquisition(shape=(9, 48, 48), spacing_mm=(4.8, 4.8, 12.0))


@lru_cache(maxsize=12)
def drawn(kind: str, seed: int) -> tuple[Anatomy, Condition]:
    return draw_condition(kind, seed, COARSE)


@lru_cache(maxsize=4)
def head(seed: int) -> Anatomy:
    return make_anatomy(COARSE.geometry, np.random.default_rng(seed))


def physiology(seed: int, head_seed: int = 0) -> Physiology:
    return make_physiology(head(head_seed), np.random.default_rng(seed))


def tissue(anatomy: Anatomy) -> torch.Tensor:
    return (anatomy.grey + anatomy.white > 0.5) & anatomy.brain


def truth(anatomy: Anatomy, condition: Condition) -> dict[str, torch.Tensor]:
    return true_values(
        anatomy, condition, COARSE, kernel("exponential"), torch.zeros_like(anatomy.grey)
    )


def millilitres(region: torch.Tensor) -> float:
    return float(region.sum()) * float(np.prod(COARSE.spacing_mm)) / 1000


def is_sane(anatomy: Anatomy, condition: Condition) -> None:
    """No number is missing, no tissue lacks flow or volume, no region is empty."""
    maps = {
        "grey": condition.physiology.grey,
        "white": condition.physiology.white,
        "tumour": condition.tumour_maps,
        "necrosis": condition.necrosis_maps,
    }
    for name, values in maps.items():
        for part in ("cbf", "cbv"):
            assert bool((getattr(values, part) > 0).all()), (name, part)
        assert bool((values.delay_s >= -0.5).all()), name
        assert bool((values.dispersion_s >= 0).all()), name
        assert bool((values.delay_s + values.dispersion_s < 25).all()), name
    for values in truth(anatomy, condition).values():
        assert bool(torch.isfinite(values).all())
    shares = torch.stack([condition.core, condition.penumbra, condition.oligemia])
    assert bool((shares >= 0).all())
    assert bool((shares.sum(0) <= 1 + 1e-5).all())
    assert bool((condition.tumour + condition.necrosis <= 1 + 1e-5).all())
    for name, region in condition.rois.items():
        assert bool(region.any()), name
