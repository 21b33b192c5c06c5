"""What a voxel is made of, and what the scanner needs to know of each part."""

from __future__ import annotations

import numpy as np
import torch

from .acquisition import Acquisition
from .anatomy import Anatomy
from .disease import Condition
from .fields import SmoothField
from .physiology import HAEMATOCRIT_RATIO, SCALP, TISSUE_DENSITY_G_PER_ML, TissueMaps
from .signal import Compartment, Leakage

_PER_CBV = TISSUE_DENSITY_G_PER_ML / HAEMATOCRIT_RATIO / 100.0
"""(rho/kH) / 100: from ml/100g to the factor in front of the arterial curve."""

VENOUS_MTT_S = 4.0
"""Transit through the brain, by which venous curves are wider than arterial ones."""

_RELAXATION_SPREAD = 0.04
"""Between patients, of the logarithm of T1 and T2*."""


def brain_shares(anatomy: Anatomy, condition: Condition) -> dict[str, torch.Tensor]:
    """Share of each voxel (V,) that is grey, white, csf, tumour, necrosis, artery, vein."""
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


def make_compartments(
    anatomy: Anatomy, condition: Condition, acquisition: Acquisition, rng: np.random.Generator
) -> list[Compartment]:
    """The parts of every voxel with their relaxation and blood.

    T1 at 3 T after Lu et al. 2005, T2* after Peters et al. 2007; proton densities relative to
    water. Fluid moves, so that its T1 is taken as 3.3 s in the place of 4.3: in the first frame
    of two real series it lies 2.2 times above the others, not 2.7. Tumour, oedema, eyes, scalp
    and the skull base are given the looks they have on such images.
    """

    def uniform(value: float) -> torch.Tensor:
        return torch.full_like(anatomy.grey, value)

    shares = brain_shares(anatomy, condition)

    def own(usual_s: float) -> float:
        """A patient's own relaxation time."""
        return usual_s * float(np.exp(rng.normal(0, _RELAXATION_SPREAD)))

    def tissue(
        name: str,
        maps: TissueMaps,
        density: float | torch.Tensor,
        t1_s: float,
        t2star_s: float,
        leakage: Leakage | None = None,
    ) -> Compartment:
        return Compartment(
            share=shares[name],
            density=density,
            t1_s=t1_s,
            t2star_s=t2star_s,
            amplitude=maps.cbv * _PER_CBV,
            mtt_s=maps.mtt_s,
            dispersion_s=maps.dispersion_s,
            delay_s=maps.delay_s,
            leakage=leakage,
        )

    def vessel(
        name: str, delay_s: torch.Tensor, mtt_s: torch.Tensor, dispersion_s: torch.Tensor
    ) -> Compartment:
        return Compartment(
            share=shares[name],
            density=0.85,
            t1_s=1.627,
            t2star_s=0.040,
            amplitude=uniform(acquisition.arterial_relaxivity),
            mtt_s=mtt_s,
            dispersion_s=dispersion_s,
            delay_s=delay_s,
        )

    def outside_brain(
        share: torch.Tensor,
        density: float | torch.Tensor,
        t2star_s: float,
        supplied: float = 1.0,
        t1_s: float = 0.9,
    ) -> Compartment:
        return Compartment(
            share=share,
            density=density,
            t1_s=t1_s,
            t2star_s=t2star_s,
            amplitude=uniform(supplied * SCALP.cbv_ml_100ml / TISSUE_DENSITY_G_PER_ML * _PER_CBV),
            mtt_s=uniform(SCALP.mtt_s),
            dispersion_s=uniform(0.0),
            delay_s=uniform(SCALP.delay_s),
        )

    leaking = Leakage(condition.ktrans_per_min, condition.leakage_space, condition.leaked_r2star)
    arterial_delay = anatomy.artery_delay_s + condition.arterial_delay_s
    # The venous curve is the arterial one after its transit: g(t) with its own MTT of delay.
    physiology = condition.physiology
    late_s = physiology.constitution.late_s
    venous_delay = (anatomy.vein_delay_s + late_s - VENOUS_MTT_S).clamp(min=0)
    patches = torch.exp(0.5 * SmoothField.draw(rng, length_mm=9.0)(anatomy.mni_mm))
    return [
        tissue("grey", physiology.grey, 0.82, own(1.209), own(0.062)),
        tissue(
            "white", physiology.white, 0.70 * (1 + 0.25 * condition.oedema), own(0.758), own(0.050)
        ),
        # Fluid between folds, beside vessels and pulsing: its T2* is far below its T2.
        tissue("csf", physiology.fluid, 1.0, own(3.3), own(0.10)),
        tissue("tumour", condition.tumour_maps, 0.86, own(1.35), own(0.075), leaking),
        tissue("necrosis", condition.necrosis_maps, 0.95, own(2.4), own(0.11)),
        vessel("artery", arterial_delay, uniform(0.0), condition.arterial_dispersion_s),
        vessel("vein", venous_delay, uniform(VENOUS_MTT_S), uniform(0.0)),
        outside_brain(anatomy.skull, 0.10, 0.015, supplied=0.0),
        outside_brain(anatomy.scalp, 0.30 * patches, 0.035),
        outside_brain(anatomy.base, 0.22 * patches**2, 0.030),
        outside_brain(anatomy.eye, 1.0, 0.30, supplied=0.0, t1_s=4.0),
    ]


def most_dispersed_s(compartments: list[Compartment]) -> float:
    """The largest dispersion in any voxel, in s."""
    return max(float(one.dispersion_s.max()) for one in compartments)
