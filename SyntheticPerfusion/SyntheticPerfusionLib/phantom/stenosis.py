"""Steno-occlusive disease: an artery narrowed for years, blood late and spread, flow nearly kept.

As in the patients of PEGASUS (Mutke et al., PLoS ONE 2014;9:e89507): stenosis or occlusion of the
internal carotid or middle cerebral artery. Vessels beyond it are wide (autoregulation), so that
volume and transit time rise and flow falls little; border zones fare worst. Delays and dispersion
together are the 1.5 to 4.5 s of Calamante, Gadian and Connelly (Magn Reson Med 2000;44:466).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError
from .anatomy import Anatomy
from .condition import Condition
from .feeding import fed_by
from .fields import SmoothField
from .scars import with_border_infarcts
from .shapes import ramp
from .territories import MCA, of_side

_ARTERIES = {"ICA": 0.7, "MCA": 0.3}
_SPREAD_SHARE = 0.4
"""Of the lateness, what is dispersion; the rest is delay."""

AFFECTED_S = 1.0
"""Tissue counts as affected from this much later than in health."""

_TRIES = 8


def steno_occlusive(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    """A patient with one narrow artery; where the slices miss its territory, the next they show.

    Raises InputError where the slices hold no such territory.
    """
    for attempt in rng.spawn(_TRIES):
        condition = _narrowed(healthy, anatomy, attempt)
        if bool(condition.rois["affected"].any()):
            return condition
    raise InputError(
        f"The {anatomy.geometry.shape[0]} slices of this acquisition hold no tissue of the middle "
        "cerebral artery; give slices that hold more of the cerebrum."
    )


def _narrowed(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    site_rng, edge_rng, scar_rng = rng.spawn(3)
    names = list(_ARTERIES)
    artery = names[int(site_rng.choice(len(names), p=list(_ARTERIES.values())))]
    side = -1 if site_rng.random() < 0.5 else 1
    # The anterior communicating artery feeds the anterior territory of most.
    crossflow = artery == "MCA" or site_rng.random() < 0.6
    rows = list(of_side(side, *MCA, *(() if crossflow else ("ACA",))))
    # A border zone hangs on both of its arteries: half of its blood being late makes it late.
    share = ramp(fed_by(anatomy, rows), 0.05, 0.5)
    lateness_s = float(site_rng.uniform(1.5, 4.5))
    severity = (lateness_s - 1.5) / 3.0

    uneven = SmoothField.draw(edge_rng, length_mm=16.0)(anatomy.mni_mm)
    border = anatomy.border_zone
    # Perforators leave before most narrowings of the middle cerebral artery take effect.
    deep = fed_by(anatomy, of_side(side, "MCA_DEEP"))
    late = lateness_s * share * (0.85 + 0.35 * border + 0.10 * uneven - 0.35 * deep).clamp(min=0.2)
    volume = 1 + share * float(site_rng.uniform(0.06, 0.14) + 0.14 * severity)
    flow = 1 - share * (float(site_rng.uniform(0.0, 0.06)) + 0.10 * severity)
    flow = flow * (1 - 0.18 * severity * border * share)
    physiology = healthy.physiology.changed(
        flow=flow,
        volume=volume,
        delay_s=(1 - _SPREAD_SHARE) * late,
        dispersion_s=_SPREAD_SHARE * late,
    )
    tissue = (anatomy.grey + anatomy.white > 0.5) & anatomy.brain
    hanging = anatomy.arterial_supply[rows].sum(0)
    scarred = scar_rng.random() < 0.1 + 0.3 * severity
    condition = replace(
        healthy,
        physiology=physiology,
        arterial_delay_s=(1 - _SPREAD_SHARE) * 0.8 * lateness_s * hanging,
        arterial_dispersion_s=_SPREAD_SHARE * 0.8 * lateness_s * hanging,
        rois={"affected": (late >= AFFECTED_S) & tissue},
        settings={
            "side": "right" if side > 0 else "left",
            "artery": artery,
            "lateness_s": round(lateness_s, 3),
            "anterior_crossflow": bool(crossflow),
            "old_infarct": bool(scarred),
        },
    )
    return with_border_infarcts(condition, anatomy, side, scar_rng) if scarred else condition
