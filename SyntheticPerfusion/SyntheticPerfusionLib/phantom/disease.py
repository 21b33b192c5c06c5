"""The kinds of patients, and how each comes by its condition."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry
from . import glioma_population
from .anatomy import Anatomy
from .condition import Condition
from .glioma import glioma
from .glioma_population import Tumour, draw_tumour
from .moyamoya import moyamoya
from .physiology import Physiology
from .stenosis import steno_occlusive
from .stroke import stroke

__all__ = ["KINDS", "Condition", "make_condition", "plan_tumour"]

KINDS = ("healthy", "stroke", "steno-occlusive", "moyamoya", *glioma_population.KINDS)

_WITHOUT_TUMOUR = {"stroke": stroke, "steno-occlusive": steno_occlusive, "moyamoya": moyamoya}


def plan_tumour(kind: str, geometry: Geometry, rng: np.random.Generator) -> Tumour | None:
    """The tumour of a patient of one of KINDS, None for kinds without; its head is built around it.

    Raises InputError for another kind.
    """
    if kind not in KINDS:
        raise InputError(f"There is no digital patient called '{kind}'; choose {', '.join(KINDS)}.")
    return draw_tumour(kind, geometry, rng) if kind in glioma_population.KINDS else None


def make_condition(
    kind: str,
    anatomy: Anatomy,
    physiology: Physiology,
    rng: np.random.Generator,
    tumour: Tumour | None = None,
) -> Condition:
    """The tissue of a patient of one of KINDS; a glioma that is not given is drawn.

    Raises InputError for another kind, and where the slices hold no place for the disease.
    """
    plan_rng, own_rng = rng.spawn(2)
    tumour = tumour or plan_tumour(kind, anatomy.geometry, plan_rng)
    healthy = Condition.healthy(physiology)
    if tumour is not None:
        return glioma(healthy, anatomy, tumour, own_rng)
    if kind in _WITHOUT_TUMOUR:
        return _WITHOUT_TUMOUR[kind](healthy, anatomy, own_rng)
    return healthy
