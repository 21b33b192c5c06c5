"""A glioma in its head: where it grows, what its vessels carry, and what leaks out of them.

Low grade grows diffusely and has no dead centre. High grade has a rim that is richest in vessels,
hot spots, oedema that runs along white matter, and in WHO grade 4 a necrotic centre.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import torch

from ..errors import InputError
from .anatomy import Anatomy
from .condition import Condition
from .fields import SmoothField
from .glioma_population import Tumour
from .physiology import Physiology, TissueValues
from .shapes import depth, ellipsoid, mirrored, ramp

_OEDEMA = TissueValues(15.0, 1.3, 1.4)
_NO_VESSEL = 0.01
_LIVING = 0.6
"""Share of a voxel that is living tumour from which it counts for the person's region."""
_LEAST_REFERENCE = 8


def glioma(
    healthy: Condition, anatomy: Anatomy, tumour: Tumour, rng: np.random.Generator
) -> Condition:
    """A patient with this tumour; the head must be the one that its mass has pushed aside.

    Raises InputError where the slices miss the tumour or leave no white matter opposite.
    """
    living, dead, swollen, mottled, rim = _grown(anatomy, tumour, rng)
    clear = anatomy.artery + anatomy.vein < _NO_VESSEL
    region = (living > min(_LIVING, 0.9 * float(living.max()))) & clear & (living > 0)
    reference = _reference(anatomy, tumour, clear) & (living + dead < 0.01)
    if not bool(region.any()) or not bool(reference.any()):
        raise InputError(
            f"The {anatomy.geometry.shape[0]} slices of this acquisition miss the {tumour.lobe} "
            "tumour or the white matter opposite to it; give slices that hold more of the cerebrum."
        )
    physiology = healthy.physiology
    heat = _heat(tumour, mottled, rim)
    volume = heat * _scale(tumour, heat, region, reference, living, dead, anatomy, physiology)
    white = physiology.white
    maps = replace(
        white,
        cbv=volume,
        cbf=60 * volume / (tumour.mtt_s * torch.exp(0.08 * mottled)),
        delay_s=white.delay_s + tumour.late_s,
        dispersion_s=white.dispersion_s + tumour.dispersion_s,
    )
    leaking = tumour.ktrans_per_min * torch.exp(0.35 * mottled - 0.06) * (0.7 + 0.5 * rim)
    return replace(
        healthy,
        physiology=replace(physiology, white=white.towards(_OEDEMA, swollen)),
        tumour=living,
        necrosis=dead,
        oedema=swollen * (1 - living - dead).clamp(min=0),
        tumour_maps=maps,
        ktrans_per_min=leaking,
        leaked_r2star=tumour.leaked_r2star,
        rois={"tumor": region, "reference": reference},
        settings=_settings(tumour),
    )


def _settings(tumour: Tumour) -> dict[str, object]:
    return {
        "grade": tumour.grade,
        "who_grade": tumour.who_grade,
        "oligodendroglioma": tumour.oligodendroglioma,
        "lobe": tumour.lobe,
        "side": "right" if tumour.side > 0 else "left",
        "centre_mni_mm": list(tumour.centre_mni_mm),
        "radius_mm": tumour.radius_mm,
        "push_mm": tumour.push_mm,
        "rcbv": round(tumour.rcbv, 4),
        "mtt_s": round(tumour.mtt_s, 3),
        "leakage": tumour.leakage,
        "ktrans_per_min": round(tumour.ktrans_per_min, 4),
        "leaked_r2star": round(tumour.leaked_r2star, 2),
    }


def _grown(
    anatomy: Anatomy, tumour: Tumour, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shares of living tumour, necrosis and oedema; mottling of unit variance; 1 at the inner rim.

    Shapes are cut before the mass has pushed the tissue: there the tumour is round.
    """
    high = tumour.grade == "high"
    place = anatomy.place_mm
    large, middle, small = (
        SmoothField.draw(rng, length_mm=length, components=2)(place) for length in (14.0, 7.0, 4.0)
    )
    centre = tumour.centre_mni_mm
    radii = tumour.radius_mm * np.asarray(tumour.elongation)
    own_side = ramp(tumour.side * anatomy.mni_mm[..., 0], -1.0, 1.0)
    brain = (anatomy.grey + anatomy.white + 0.8 * anatomy.csf).clamp(0, 1) * own_side

    uneven = 0.14 * large[..., 0] + (0.09 if high else 0.06) * middle[..., 0]
    infiltrates_mm = {2: 6.0, 3: 4.0, 4: 2.5}[tumour.who_grade]
    whole = ellipsoid(place, centre, radii, uneven, infiltrates_mm) * brain
    dead = torch.zeros_like(whole)
    rim = torch.zeros_like(whole)
    if tumour.necrosis > 0:
        off = np.asarray(centre) + rng.normal(0, 0.08, 3) * radii
        pits = 0.8 * uneven + 0.12 * middle[..., 1] + 0.08 * small[..., 0]
        dead = ellipsoid(place, off, tumour.necrosis * radii, pits, 1.5) * whole
        rim = torch.exp(-(((depth(place, off, tumour.necrosis * radii) + 0.25) / 0.35) ** 2))
    living = whole - dead

    swollen = torch.zeros_like(whole)
    if tumour.oedema > 1:
        # Fingers: it spreads between tracts of white matter and stops at grey matter.
        fingers = 0.3 * large[..., 1] + 0.22 * middle[..., 1] + 0.1 * small[..., 1]
        swollen = ellipsoid(place, centre, tumour.oedema * radii, fingers, 5.0)
        swollen = swollen * ramp(anatomy.white, 0.25, 0.6) * own_side
    return living, dead, swollen, small[..., 0], rim


def _heat(tumour: Tumour, mottled: torch.Tensor, rim: torch.Tensor) -> torch.Tensor:
    """(V,) blood volume of living tumour relative to its own mean: hot spots, and the rim."""
    if tumour.grade == "low":
        return torch.exp(0.14 * mottled)
    spots = ramp(mottled, 1.0, 1.8)
    return torch.exp(0.24 * mottled + 0.35 * spots) * (1 + 0.4 * rim)


def _reference(anatomy: Anatomy, tumour: Tumour, clear: torch.Tensor) -> torch.Tensor:
    """(V,) bool: white matter opposite to the tumour; farther around it where there is little."""
    opposite = mirrored(anatomy.place_mm)
    other_side = tumour.side * anatomy.mni_mm[..., 0] < -4.0
    found = torch.zeros_like(clear)
    for reach, purest in ((1.0, 0.8), (1.5, 0.75), (2.2, 0.7), (10.0, 0.5)):
        radii = reach * tumour.radius_mm * np.asarray(tumour.elongation)
        near = depth(opposite, tumour.centre_mni_mm, radii) > 0
        found = near & other_side & clear & anatomy.brain & (anatomy.white > purest)
        if int(found.sum()) >= _LEAST_REFERENCE:
            break
    return found


def _scale(
    tumour: Tumour,
    heat: torch.Tensor,
    region: torch.Tensor,
    reference: torch.Tensor,
    living: torch.Tensor,
    dead: torch.Tensor,
    anatomy: Anatomy,
    physiology: Physiology,
) -> float:
    """Factor from `heat` to CBV by which the mean over the region is rcbv times the reference.

    Other tissue within the voxels of the region is allowed for.
    """
    room = 1 - living - dead
    others = [
        (anatomy.grey * room, physiology.grey.cbv),
        (anatomy.white * room, physiology.white.cbv),
        (anatomy.csf * room, physiology.fluid.cbv),
    ]
    tumourous = [(living, heat)]
    shares = [share for share, _ in (*others, *tumourous)]
    filled = reduce(torch.add, [*shares, dead]).clamp(min=1e-6)

    def mean_of(chosen: torch.Tensor, parts: list[tuple[torch.Tensor, torch.Tensor]]) -> float:
        blood = reduce(torch.add, [share * cbv for share, cbv in parts])
        return float((blood / filled)[chosen].mean())

    wanted = tumour.rcbv * mean_of(reference, others)
    return max(wanted - mean_of(region, others), 0.2 * wanted) / mean_of(region, tumourous)
