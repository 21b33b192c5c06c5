"""What a disease does to a patient: where it lies and how it changes tissue and vessels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ..errors import InputError
from .anatomy import Anatomy
from .fields import SmoothField
from .physiology import (
    GREY_CORE,
    GREY_PENUMBRA,
    TISSUE_DENSITY_G_PER_ML,
    WHITE,
    WHITE_CORE,
    WHITE_PENUMBRA,
    Physiology,
    TissueMaps,
    TissueValues,
)

KINDS = ("healthy", "stroke", "glioma-high", "glioma-low")

RCBV_RANGE = {"glioma-low": (1.5, 2.1), "glioma-high": (3.0, 6.0)}
"""Mean tumour CBV over that of contralateral white matter, from the means of Law, Lev, Hakyemez
and Aprile by grade."""

_OCCLUDED_DELAY_S, _OCCLUDED_DISPERSION_S = 5.0, 2.0
"""Of arteries that fill through collaterals."""
_NECROSIS = TissueValues(2.0, 0.35, 2.0)
_OEDEMA = TissueValues(15.0, 1.3, 1.4)
_TUMOUR_MTT_S = 5.0

_TUMOUR_SITES_MNI = (
    (30.0, 26.0, 26.0),
    (28.0, -38.0, 32.0),
    (40.0, -28.0, -6.0),
    (27.0, 0.0, 36.0),
)


@dataclass(frozen=True, eq=False)
class Condition:
    """A patient's tissue with its disease. Shares are float32 (V,), 0 to 1.

    physiology            of grey matter, white matter and fluid.
    tumour, necrosis      shares of the voxel, in the place of other tissue.
    tumour_maps           physiology of living tumour; `necrosis_maps` of its dead centre.
    ktrans_per_min        (V,) leakage of living tumour.
    oedema                share of the white matter that is swollen.
    core, penumbra        share of the brain tissue that is infarcted, or at risk.
    arterial_delay_s      how much later blood comes to the arteries of a voxel than in health;
                          `arterial_dispersion_s` how far it is spread on the way.
    leakage_space         v_e of living tumour; leaked_r2star what tracer there adds to R2*, in
                          1/(s mM).
    rois                  bool (V,) masks for the person: "tumor" and "reference", or "lesion" and
                          "core".
    settings              what was drawn, in plain JSON values.
    """

    physiology: Physiology
    tumour: torch.Tensor
    necrosis: torch.Tensor
    oedema: torch.Tensor
    core: torch.Tensor
    penumbra: torch.Tensor
    ktrans_per_min: torch.Tensor
    tumour_maps: TissueMaps
    necrosis_maps: TissueMaps
    arterial_delay_s: torch.Tensor
    arterial_dispersion_s: torch.Tensor
    leakage_space: float = 0.29
    leaked_r2star: float = 12.0
    rois: Mapping[str, torch.Tensor] = field(default_factory=dict)
    settings: Mapping[str, float | str | list[float]] = field(default_factory=dict)


def make_condition(
    kind: str, anatomy: Anatomy, physiology: Physiology, rng: np.random.Generator
) -> Condition:
    """The tissue of a patient of one of KINDS; InputError for another."""
    nothing = torch.zeros_like(anatomy.grey)
    healthy = Condition(
        physiology=physiology,
        tumour=nothing,
        necrosis=nothing,
        oedema=nothing,
        core=nothing,
        penumbra=nothing,
        ktrans_per_min=nothing,
        arterial_delay_s=nothing,
        arterial_dispersion_s=nothing,
        tumour_maps=physiology.white,
        necrosis_maps=physiology.fluid.towards(_NECROSIS, torch.ones_like(nothing)),
    )
    if kind == "healthy":
        return healthy
    if kind == "stroke":
        return _stroke(healthy, anatomy, rng)
    if kind in RCBV_RANGE:
        return _glioma(healthy, anatomy, kind, rng)
    raise InputError(f"There is no digital patient called '{kind}'; choose {', '.join(KINDS)}.")


def _stroke(healthy: Condition, anatomy: Anatomy, rng: np.random.Generator) -> Condition:
    side = int(rng.integers(2))
    sign = 1.0 if side else -1.0
    size = float(rng.uniform(0.85, 1.08))
    core_size = float(rng.uniform(0.8, 1.15))
    ragged = SmoothField.draw(rng, length_mm=9.0)(anatomy.mni_mm)
    along = anatomy.mni_mm * anatomy.mni_mm.new_tensor([sign, 1, 1])
    risk = _inside(along, (46, -14, 20), np.array([34, 46, 38]) * size, 0.16 * ragged, 2.0)
    risk *= ((along[..., 0] - 11) / 4).clamp(0, 1)
    dead = _inside(along, (34, -4, 14), np.array([15, 22, 17]) * core_size, 0.22 * ragged, 2.0)
    risk = torch.maximum(risk, dead)
    old = healthy.physiology
    physiology = replace(
        old,
        grey=old.grey.towards(GREY_PENUMBRA, risk).towards(GREY_CORE, dead),
        white=old.white.towards(WHITE_PENUMBRA, risk).towards(WHITE_CORE, dead),
    )
    tissue = anatomy.grey + anatomy.white > 0.5
    lesion = (risk > 0.5) & tissue & anatomy.brain
    return replace(
        healthy,
        physiology=physiology,
        core=dead,
        penumbra=risk - dead,
        arterial_delay_s=_OCCLUDED_DELAY_S * anatomy.occluded[side],
        arterial_dispersion_s=_OCCLUDED_DISPERSION_S * anatomy.occluded[side],
        rois={"lesion": lesion, "core": lesion & (dead > 0.5)},
        settings={"side": "right" if side else "left", "size": size, "core_size": core_size},
    )


def _glioma(healthy: Condition, anatomy: Anatomy, kind: str, rng: np.random.Generator) -> Condition:
    high = kind == "glioma-high"
    sign = float(rng.choice([-1.0, 1.0]))
    site = _TUMOUR_SITES_MNI[int(rng.integers(len(_TUMOUR_SITES_MNI)))]
    centre = np.array(site) * (sign, 1, 1) + rng.normal(0, 2.0, 3)
    radius = float(rng.uniform(16.0, 21.0) if high else rng.uniform(14.0, 19.0))
    lowest, highest = RCBV_RANGE[kind]
    rcbv = float(rng.uniform(lowest + 0.05 * lowest, highest - 0.05 * highest))
    radii = radius * rng.uniform(0.85, 1.15, 3)
    ragged = SmoothField.draw(rng, length_mm=7.0)
    mottled = SmoothField.draw(rng, length_mm=5.0)(anatomy.mni_mm)

    mirrored = anatomy.mni_mm * anatomy.mni_mm.new_tensor([-1, 1, 1])
    brain = (anatomy.grey + anatomy.white + 0.8 * anatomy.csf).clamp(0, 1)
    edge = 0.18 if high else 0.10
    whole = _inside(anatomy.mni_mm, centre, radii, edge * ragged(anatomy.mni_mm), 1.5) * brain
    opposite = _inside(mirrored, centre, radii, edge * ragged(mirrored), 1.5)
    inner = radii * (0.52 if high else 0.0) + 1e-3
    dead = _inside(anatomy.mni_mm, centre, inner, 0.3 * ragged(anatomy.mni_mm), 1.5) * whole
    living = whole - dead
    swollen = _inside(
        anatomy.mni_mm, centre, radii * (1.75 if high else 1.2), 0.25 * ragged(mirrored), 4.0
    )

    cbv = rcbv * WHITE.cbv_ml_100ml / TISSUE_DENSITY_G_PER_ML
    here = cbv * torch.exp(0.18 * mottled - 0.18**2 / 2)
    # The reference is what the person draws, so the ratio is to this patient's own white matter.
    reference = (opposite > 0.5) & (anatomy.white > 0.75) & (anatomy.artery + anatomy.vein < 0.01)
    if bool(reference.any()):
        here *= healthy.physiology.white.cbv[reference].mean() / (
            WHITE.cbv_ml_100ml / TISSUE_DENSITY_G_PER_ML
        )
    tumour_maps = replace(
        healthy.physiology.white,
        cbf=60 * here / _TUMOUR_MTT_S,
        cbv=here,
    )
    old = healthy.physiology
    room = living + dead
    return replace(
        healthy,
        physiology=replace(old, white=old.white.towards(_OEDEMA, swollen)),
        tumour=living,
        necrosis=dead,
        oedema=swollen * (1 - room),
        tumour_maps=tumour_maps,
        ktrans_per_min=(0.06 if high else 0.0) * torch.exp(0.3 * mottled),
        rois={
            "tumor": (living > 0.6) & (anatomy.artery + anatomy.vein < 0.01),
            "reference": reference,
        },
        settings={
            "side": "right" if sign > 0 else "left",
            "rcbv": rcbv,
            "radius_mm": radius,
            "centre_mni_mm": [round(float(value), 2) for value in centre],
        },
    )


def _inside(
    mni_mm: torch.Tensor,
    centre: tuple[float, float, float] | np.ndarray,
    radii: np.ndarray,
    ragged: torch.Tensor,
    soft_mm: float,
) -> torch.Tensor:
    """Share (0 to 1) by which positions lie in an ellipsoid whose surface is moved by `ragged`.

    `ragged` is relative to the radius; the edge is `soft_mm` wide.
    """
    middle = mni_mm.new_tensor([float(value) for value in centre])
    relative = (mni_mm - middle) / mni_mm.new_tensor([float(value) for value in radii])
    distance = relative.norm(dim=-1) - 1 + ragged
    softness = soft_mm / float(np.mean(radii))
    return (0.5 - distance / (2 * softness)).clamp(0, 1)
