"""Blood on the surface of the brain: what the small vessels between the folds add to tissue.

At the peak of the bolus every fold of a gradient-echo series is dark, although fluid holds no
capillaries: the vessels of the pia, too small to be tubes of vessels.py, dephase what lies around
them as capillaries do. So their blood counts as that of tissue, on the scale of tissue, and as
flow too: no method can tell it from that of the cortex beside it. Arteries and veins of a place
together let the bolus through in half the time that tissue takes: were they slower, their curves
would be late and wide, and a search for arteries would find the folds instead.
"""

from __future__ import annotations

from dataclasses import replace

from .anatomy import Anatomy
from .physiology import GREY, TISSUE_DENSITY_G_PER_ML, Physiology, TissueMaps

_TRANSIT_S = 1.5
_OF_CORTEX = 0.4
"""Of the blood in a fold's fluid, what the cortex beside it has: its flow stays that of tissue."""


def with_surface_vessels(physiology: Physiology, anatomy: Anatomy) -> Physiology:
    """Grey matter and fluid together with the blood of the vessels between the folds."""
    return replace(
        physiology,
        grey=_with_blood(physiology.grey, anatomy, _OF_CORTEX),
        fluid=_with_blood(physiology.fluid, anatomy, 1.0),
    )


def _with_blood(maps: TissueMaps, anatomy: Anatomy, share: float) -> TissueMaps:
    volume = share * anatomy.pial_ml_100ml / TISSUE_DENSITY_G_PER_ML
    flow = 60 * volume / _TRANSIT_S
    cbf, cbv = maps.cbf + flow, maps.cbv + volume
    on_the_way = 0.5 * (maps.delay_s - GREY.delay_s).clamp(min=0)
    pial = flow / cbf
    later = pial * (anatomy.pial_delay_s + on_the_way - maps.delay_s)
    return replace(
        maps,
        cbf=cbf,
        cbv=cbv,
        delay_s=maps.delay_s + later,
        late_s=maps.late_s + later,
        dispersion_s=maps.dispersion_s * (1 - 0.8 * pial),
        supply=maps.supply * cbf / maps.cbf,
        holding=maps.holding * cbv / maps.cbv,
    )
