"""What a voxel is made of, and what the scanner needs to know of each part."""

from __future__ import annotations

import numpy as np

from .acquisition import Acquisition
from .anatomy import Anatomy
from .disease import Condition
from .fields import SmoothField
from .physiology import HAEMATOCRIT_RATIO, SCALP, TISSUE_DENSITY_G_PER_ML, TissueMaps
from .signal import Compartment

_PER_CBV = TISSUE_DENSITY_G_PER_ML / HAEMATOCRIT_RATIO / 100.0
"""(rho/kH) / 100: from ml/100g to the factor in front of the arterial curve."""

_VENOUS_MTT_S = 4.0
"""Transit through the brain, by which venous curves are wider than arterial ones."""

_OCCLUDED_MTT_S = 2.0
"""Spread of the bolus in arteries that fill through collaterals."""


def brain_shares(anatomy: Anatomy, condition: Condition) -> dict[str, np.ndarray]:
    """Share of each voxel (K, J, I) that is grey, white, csf, tumour, necrosis, artery, vein."""
    room = 1 - condition.tumour - condition.necrosis
    blood_free = 1 - anatomy.artery - anatomy.vein
    return {
        "grey": anatomy.grey * room,
        "white": anatomy.white * room,
        "csf": anatomy.csf * room,
        "tumour": condition.tumour * blood_free,
        "necrosis": condition.necrosis * blood_free,
        "artery": anatomy.artery,
        "vein": anatomy.vein,
    }


def head_voxels(anatomy: Anatomy, condition: Condition) -> np.ndarray:
    """(V,) flat indices of the voxels that are not air."""
    filled = anatomy.skull + anatomy.scalp + anatomy.base
    for share in brain_shares(anatomy, condition).values():
        filled = filled + share
    return np.flatnonzero(filled > 1e-3)


def make_compartments(
    anatomy: Anatomy,
    condition: Condition,
    acquisition: Acquisition,
    head: np.ndarray,
    rng: np.random.Generator,
) -> list[Compartment]:
    """The parts of the voxels `head` (V,) with their relaxation and blood.

    T1 at 3 T after Lu et al. 2005, T2* after Peters et al. 2007; proton densities relative to
    water. Tumour, oedema, scalp and the skull base are given the looks they have on such images.
    """

    def at(volume: np.ndarray) -> np.ndarray:
        return volume.ravel()[head].astype(np.float32)

    def uniform(value: float) -> np.ndarray:
        return np.full(head.size, value, np.float32)

    shares = {name: at(share) for name, share in brain_shares(anatomy, condition).items()}

    def tissue(
        name: str,
        maps: TissueMaps,
        density: float | np.ndarray,
        t1_s: float,
        t2star_s: float,
        ktrans: np.ndarray | None = None,
    ) -> Compartment:
        return Compartment(
            share=shares[name],
            density=density,
            t1_s=t1_s,
            t2star_s=t2star_s,
            amplitude=at(maps.cbv) * _PER_CBV,
            mtt_s=at(maps.mtt_s),
            delay_s=at(maps.delay_s),
            ktrans_per_min=None if ktrans is None else at(ktrans),
        )

    def vessel(name: str, delay_s: np.ndarray, mtt_s: np.ndarray) -> Compartment:
        return Compartment(
            share=shares[name],
            density=0.85,
            t1_s=1.627,
            t2star_s=0.040,
            amplitude=uniform(acquisition.arterial_relaxivity),
            mtt_s=mtt_s,
            delay_s=delay_s,
        )

    def outside_brain(
        share: np.ndarray, density: float | np.ndarray, t2star_s: float, supplied: float
    ) -> Compartment:
        return Compartment(
            share=at(share),
            density=density,
            t1_s=0.9,
            t2star_s=t2star_s,
            amplitude=uniform(supplied * SCALP.cbv_ml_100ml / TISSUE_DENSITY_G_PER_ML * _PER_CBV),
            mtt_s=uniform(SCALP.mtt_s),
            delay_s=uniform(SCALP.delay_s),
        )

    cut_off = uniform(0.0)
    if condition.occluded_side is not None:
        cut_off = at(anatomy.occluded[condition.occluded_side])
    arterial_delay = at(anatomy.artery_delay_s) + condition.artery_delay_s * cut_off
    # The venous curve is the arterial one after its transit: g(t) with its own MTT of delay.
    venous_delay = np.maximum(at(anatomy.vein_delay_s) - _VENOUS_MTT_S, 0)
    patches = np.exp(
        0.5 * SmoothField.draw(rng, length_mm=9.0)(anatomy.mni_mm.reshape(-1, 3)[head])
    )
    physiology = condition.physiology
    return [
        tissue("grey", physiology.grey, 0.82, 1.209, 0.062),
        tissue("white", physiology.white, 0.70 * (1 + 0.25 * at(condition.oedema)), 0.758, 0.050),
        tissue("csf", physiology.fluid, 1.0, 4.3, 0.40),
        tissue("tumour", condition.tumour_maps, 0.86, 1.35, 0.060, condition.ktrans_per_min),
        tissue("necrosis", condition.necrosis_maps, 0.95, 2.4, 0.11),
        vessel("artery", arterial_delay, _OCCLUDED_MTT_S * cut_off),
        vessel("vein", venous_delay, uniform(_VENOUS_MTT_S)),
        outside_brain(anatomy.skull, 0.10, 0.015, supplied=0.0),
        outside_brain(anatomy.scalp, 0.42 * patches, 0.035, supplied=1.0),
        outside_brain(anatomy.base, 0.22 * patches**2, 0.030, supplied=1.0),
    ]
