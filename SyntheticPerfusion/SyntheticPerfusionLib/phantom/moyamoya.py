"""Moyamoya-like disease: both carotids end narrow, a mist of small vessels grows at the base.

Blood is late in both anterior circulations, more on one side, and volume is raised; the posterior
circulation is spared and lends blood. In adults transit and arrival lengthen with the narrowing
while flow hardly falls (Shi et al., Stroke Vasc Neurol 2021;6:41); the basal ganglia are reached
early through the new vessels (Lee et al., AJNR 2003;24:741).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..errors import InputError
from .anatomy import Anatomy
from .condition import Condition
from .feeding import softened
from .fields import SmoothField
from .scars import with_border_infarcts
from .stenosis import AFFECTED_S
from .territories import MCA, Territory, of_side

_SPREAD_SHARE = 0.4


def moyamoya(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    """A patient with both carotid ends narrowed.

    Raises InputError where the slices hold no tissue of the anterior circulation.
    """
    site_rng, edge_rng, scar_rng = rng.spawn(3)
    worse = float(site_rng.uniform(2.2, 5.0))
    sides = {-1: worse, 1: worse * float(site_rng.uniform(0.35, 0.95))}
    if site_rng.random() < 0.5:
        sides = {-side: value for side, value in sides.items()}
    by_territory = np.zeros(len(Territory))
    for side, lateness_s in sides.items():
        by_territory[list(of_side(side, *MCA))] = lateness_s
        by_territory[of_side(side, "ACA")[0]] = lateness_s * site_rng.uniform(0.6, 1.0)
        by_territory[of_side(side, "MCA_DEEP")[0]] = 0.25 * lateness_s
    weights = anatomy.grey.new_tensor(by_territory)

    coarse, fine = (
        SmoothField.draw(edge_rng, length_mm=length)(anatomy.mni_mm) for length in (16.0, 3.0)
    )
    border = anatomy.border_zone
    late = (weights @ softened(anatomy)) * (0.85 + 0.3 * border + 0.12 * coarse).clamp(min=0.3)
    severity = (late / 5.0).clamp(0, 1)
    raised = float(site_rng.uniform(0.35, 0.75))
    mist = (
        healthy.physiology.regions.lentiform
        * torch.exp(0.35 * fine)
        * float(site_rng.uniform(0.25, 0.6))
    )
    physiology = healthy.physiology.changed(
        flow=(1 - float(site_rng.uniform(0.1, 0.3)) * severity) * (1 - 0.15 * severity * border),
        volume=(1 + raised * severity) * (1 + mist),
        delay_s=(1 - _SPREAD_SHARE) * late,
        dispersion_s=_SPREAD_SHARE * late,
    )
    tissue = (anatomy.grey + anatomy.white > 0.5) & anatomy.brain
    affected = (late >= AFFECTED_S) & tissue
    if not bool(affected.any()):
        raise InputError(
            f"The {anatomy.geometry.shape[0]} slices of this acquisition hold no tissue of the "
            "anterior circulation; give slices that hold more of the cerebrum."
        )
    hanging = weights @ anatomy.arterial_supply
    scarred = scar_rng.random() < 0.35
    condition = replace(
        healthy,
        physiology=physiology,
        arterial_delay_s=(1 - _SPREAD_SHARE) * 0.8 * hanging,
        arterial_dispersion_s=_SPREAD_SHARE * 0.8 * hanging,
        rois={"affected": affected},
        settings={
            "side": "both",
            "lateness_left_s": round(sides[-1], 3),
            "lateness_right_s": round(sides[1], 3),
            "old_infarct": bool(scarred),
        },
    )
    if not scarred:
        return condition
    return with_border_infarcts(condition, anatomy, max(sides, key=sides.__getitem__), scar_rng)
