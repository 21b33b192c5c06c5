"""Acute stroke: an artery is shut, and collaterals feed what lies beyond it as well as they can.

How short of blood a place is (its deficit, 0 to 1) grows with its share of the shut artery and its
distance from the neighbours that lend blood, and falls with the quality of the collaterals. On its
way from 0 to 1 tissue is normal, oligemic (late, nearly enough flow), penumbra, and core.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..errors import InputError
from .anatomy import Anatomy
from .condition import Condition
from .feeding import fed_by
from .fields import SmoothField
from .physiology import GREY, Physiology, TissueMaps, TissueValues
from .scars import with_old_infarct
from .shapes import depth, ellipsoid, ramp
from .territories import MCA, of_side


@dataclass(frozen=True)
class Occlusion:
    """An artery that can be shut.

    frequency    of the site among strokes that are imaged for perfusion (large registries of
                 thrombectomy and CT angiography, rounded).
    territories  names of territories.ONE_SIDE that hang on it.
    farthest_mm  the place on the right, MNI mm, that collaterals reach last; `reach_mm` the radii
                 over which they thin out towards it.
    """

    name: str
    frequency: float
    territories: tuple[str, ...]
    farthest_mm: tuple[float, float, float]
    reach_mm: tuple[float, float, float]


OCCLUSIONS = (
    Occlusion("ICA", 0.14, ("ACA", *MCA), (32, 0, 8), (46, 66, 52)),
    Occlusion("M1", 0.42, MCA, (33, -2, 8), (42, 58, 46)),
    Occlusion("M2 superior", 0.17, ("MCA_SUPERIOR",), (44, 6, 22), (28, 44, 38)),
    Occlusion("M2 inferior", 0.13, ("MCA_INFERIOR",), (46, -34, 8), (28, 46, 36)),
    Occlusion("ACA", 0.04, ("ACA",), (9, 26, 32), (20, 58, 44)),
    Occlusion("PCA", 0.10, ("PCA",), (15, -72, 4), (28, 46, 32)),
)

_DEFICIT = (0.73, 0.64, 0.555, 0.47)
"""Mean deficit beyond the occlusion by quality of the collaterals, none (0) to good (3)."""
_QUALITY_ODDS = (0.12, 0.28, 0.35, 0.25)

_OLIGEMIA, _PENUMBRA, _CORE = (0.16, 0.30), (0.44, 0.56), (0.68, 0.78)
"""Deficits at which tissue begins to turn and has turned into each."""

GREY_OLIGEMIA = TissueValues(42.0, 3.5, 2.2)
WHITE_OLIGEMIA = TissueValues(20.0, 2.05, 2.8)
GREY_PENUMBRA = TissueValues(16.0, 3.0, 4.0)
WHITE_PENUMBRA = TissueValues(7.5, 1.7, 6.8)
GREY_CORE = TissueValues(5.3, 0.71, 7.5)
WHITE_CORE = TissueValues(2.5, 0.42, 10.5)
_DISPERSION_S = (0.8, 1.2, 1.5)
"""Of oligemia, penumbra and core. Flow, volume and time of penumbra and core are those of the FAU
phantom; of its delays of 8, 9 and 12 s this part is dispersion."""

_BESIDE_SPARED_MM = (9.0, -4.0, 6.0)
"""How far the farthest place moves, out to the insula, where the deep branches are open."""

_BORDER_SHARPNESS = 0.6
"""Power of the shares of territories: capillaries blur the border between two a little."""

_TRIES = 12
_LEAST_VOXELS = 1


def stroke(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    """A patient with an occlusion; where the slices miss its lesion, the next that they show.

    Raises InputError where the slices hold no brain that a stroke could hurt.
    """
    for attempt in rng.spawn(_TRIES):
        condition = _stroke(healthy, anatomy, attempt)
        if all(int(roi.sum()) >= _LEAST_VOXELS for roi in condition.rois.values()):
            return condition
    raise InputError(
        f"None of {_TRIES} strokes lies in the {anatomy.geometry.shape[0]} slices of this "
        "acquisition; give slices that hold more of the cerebrum."
    )


def _stroke(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    site_rng, edge_rng, scar_rng = rng.spawn(3)
    occlusion = OCCLUSIONS[_choice([one.frequency for one in OCCLUSIONS], site_rng)]
    side = -1 if site_rng.random() < 0.5 else 1
    quality = _choice(_QUALITY_ODDS, site_rng)
    # Distal to the lenticulostriate arteries a clot in M1 spares them; the anterior communicating
    # artery feeds the anterior cerebral artery beyond a shut carotid.
    spared = {"M1": ("MCA_DEEP",), "ICA": ("ACA",)}.get(occlusion.name, ())
    spared = spared if site_rng.random() < 0.45 else ()
    names = tuple(name for name in occlusion.territories if name not in spared)
    rows = list(of_side(side, *names))
    deficit = _deficit(
        occlusion, side, quality, rows, "MCA_DEEP" in spared, anatomy, site_rng, edge_rng
    )

    dead = ramp(deficit, *_CORE)
    at_risk = ramp(deficit, *_PENUMBRA)
    short = ramp(deficit, *_OLIGEMIA)
    dilated = float(site_rng.uniform(1.0, 1.2))
    lateness = float(site_rng.uniform(0.9, 1.0)) + 0.06 * (3 - quality)
    physiology = _short_of_blood(healthy.physiology, short, at_risk, dead, dilated, lateness)
    crossed = float(site_rng.uniform(0.72, 0.92)) if site_rng.random() < 0.5 else 1.0
    physiology = _with_diaschisis(physiology, anatomy, side, crossed)

    tissue = (anatomy.grey + anatomy.white > 0.5) & anatomy.brain
    lesion = (at_risk > 0.5) & tissue
    cut_off = anatomy.arterial_supply[rows].sum(0)
    delay, dispersion = site_rng.uniform((2.0, 1.0), (4.5, 2.0)) * lateness
    condition = replace(
        healthy,
        physiology=physiology,
        core=dead,
        penumbra=at_risk - dead,
        oligemia=short - at_risk,
        arterial_delay_s=float(delay) * cut_off,
        arterial_dispersion_s=float(dispersion) * cut_off,
        rois={"lesion": lesion, "core": lesion & (dead > 0.5)},
        settings={
            "side": "right" if side > 0 else "left",
            "occlusion": occlusion.name,
            "spared": list(spared),
            "collaterals": quality,
            "diaschisis": round(1 - crossed, 3),
            "old_infarct": False,
        },
    )
    if scar_rng.random() < 0.2:
        condition = with_old_infarct(condition, anatomy, scar_rng)
        condition = replace(condition, settings={**condition.settings, "old_infarct": True})
    return condition


def _choice(odds: list[float] | tuple[float, ...], rng: np.random.Generator) -> int:
    return int(rng.choice(len(odds), p=np.asarray(odds) / np.sum(odds)))


def _deficit(
    occlusion: Occlusion,
    side: int,
    quality: int,
    rows: Sequence[int],
    deep_spared: bool,
    anatomy: Anatomy,
    rng: np.random.Generator,
    edge_rng: np.random.Generator,
) -> torch.Tensor:
    """(V,) how short of blood places are, 0 to 1."""
    along = anatomy.mni_mm * anatomy.mni_mm.new_tensor([side, 1, 1])
    farthest = np.asarray(occlusion.farthest_mm) + rng.normal(0, 3.0, 3)
    if deep_spared:
        farthest += _BESIDE_SPARED_MM
    level = _DEFICIT[quality] + float(np.clip(rng.normal(0, 0.035), -0.08, 0.08))
    coarse, fine = (
        SmoothField.draw(edge_rng, length_mm=length)(anatomy.mni_mm) for length in (13.0, 5.0)
    )
    uneven = 0.07 * coarse + 0.035 * fine
    thin = 0.50 * (depth(along, farthest, occlusion.reach_mm) - 0.35).clamp(-0.8, 0.65)
    # End arteries: nobody lends blood to what the lenticulostriate arteries feed.
    deep = anatomy.territories[list(of_side(side, "MCA_DEEP"))].sum(0)
    deficit = level + thin + uneven + 0.10 * deep - 0.14 * anatomy.border_zone
    # However good the collaterals, tissue farthest from them is lost.
    lost = ellipsoid(
        along, farthest, rng.uniform(7.0, 11.0, 3) + 1.5 * (3 - quality), 0.25 * fine, 3.0
    )
    deficit = torch.maximum(deficit.clamp(0, 1), 0.9 * lost)
    return deficit * fed_by(anatomy, rows, _BORDER_SHARPNESS)


def _short_of_blood(
    old: Physiology,
    short: torch.Tensor,
    at_risk: torch.Tensor,
    dead: torch.Tensor,
    dilated: float,
    lateness: float,
) -> Physiology:
    steps = (_DISPERSION_S[0], *np.diff(_DISPERSION_S))
    spread = torch.stack(
        [
            float(step) * lateness * weight
            for step, weight in zip(steps, (short, at_risk, dead), strict=True)
        ]
    ).sum(0)

    def changed(
        maps: TissueMaps, oligemia: TissueValues, penumbra: TissueValues, core: TissueValues
    ) -> TissueMaps:
        def later(values: TissueValues, volume: float = 1.0) -> TissueValues:
            return TissueValues(
                values.cbf_ml_100ml_min, values.cbv_ml_100ml * volume, values.delay_s * lateness
            )

        moved = maps.towards(later(oligemia, dilated), short)
        moved = moved.towards(later(penumbra, dilated), at_risk).towards(later(core), dead)
        return moved.changed(dispersion_s=spread)

    # The vessels of the pia lie on the way: as late and spread as the grey matter under them.
    late = (
        (GREY_OLIGEMIA.delay_s - GREY.delay_s) * short
        + (GREY_PENUMBRA.delay_s - GREY_OLIGEMIA.delay_s) * at_risk
        + (GREY_CORE.delay_s - GREY_PENUMBRA.delay_s) * dead
    )
    slow = 1 / (1 + 0.2 * short + 0.8 * at_risk + dead)
    return replace(
        old,
        grey=changed(old.grey, GREY_OLIGEMIA, GREY_PENUMBRA, GREY_CORE),
        white=changed(old.white, WHITE_OLIGEMIA, WHITE_PENUMBRA, WHITE_CORE),
        fluid=old.fluid.changed(
            flow=slow, volume=1 - 0.4 * dead, delay_s=late * lateness, dispersion_s=spread
        ),
    )


def _with_diaschisis(
    physiology: Physiology, anatomy: Anatomy, side: int, factor: float
) -> Physiology:
    """Flow of the cerebellar hemisphere on the other side times a factor; transit stays."""
    opposite = physiology.regions.cerebellum * ramp(-side * anatomy.mni_mm[..., 0], 0.0, 8.0)
    change = torch.exp(float(np.log(factor)) * opposite)
    return physiology.changed(flow=change, volume=change)
