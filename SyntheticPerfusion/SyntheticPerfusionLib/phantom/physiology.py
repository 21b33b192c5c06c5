"""Blood flow, blood volume and arrival of the bolus in healthy tissue.

Values per 100 ml of tissue are those of the FAU brain perfusion phantom (Manhart et al.); divided
by the density of tissue they become the ml/100g in which maps are given.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from .anatomy import Anatomy
from .fields import SmoothField

TISSUE_DENSITY_G_PER_ML = 1.04
HAEMATOCRIT_RATIO = (1 - 0.45) / (1 - 0.25)
"""kH: plasma share of large vessels over that of capillaries."""


@dataclass(frozen=True)
class TissueValues:
    """Flow and volume per 100 ml of tissue, and the delay of the bolus after the artery."""

    cbf_ml_100ml_min: float
    cbv_ml_100ml: float
    delay_s: float

    @property
    def mtt_s(self) -> float:
        """Mean transit time in seconds."""
        return 60.0 * self.cbv_ml_100ml / self.cbf_ml_100ml_min


GREY = TissueValues(53.0, 3.3, 1.0)
WHITE = TissueValues(25.0, 1.9, 1.0)
GREY_PENUMBRA = TissueValues(16.0, 3.0, 4.0)
WHITE_PENUMBRA = TissueValues(7.5, 1.7, 8.0)
GREY_CORE = TissueValues(5.3, 0.71, 9.0)
WHITE_CORE = TissueValues(2.5, 0.42, 12.0)
FLUID = TissueValues(1.0, 0.25, 1.5)
SCALP = TissueValues(8.0, 1.2, 2.0)


@dataclass(frozen=True, eq=False)
class TissueMaps:
    """One tissue's physiology, float32 (V,) each, wherever the tissue may be.

    cbf       ml/100g/min.
    cbv       ml/100g.
    delay_s   arrival of the bolus after the middle cerebral artery, in seconds.
    dispersion_s   mean time that the vessels on the way spread the bolus over (dispersion.py).
    supply    the place's own flow and volume over those of its tissue; `late_s` its own delay
              beyond that of its tissue. Disease changes the tissue and keeps these.
    """

    cbf: torch.Tensor
    cbv: torch.Tensor
    delay_s: torch.Tensor
    dispersion_s: torch.Tensor
    supply: torch.Tensor
    late_s: torch.Tensor

    @property
    def mtt_s(self) -> torch.Tensor:
        """Mean transit time CBV / CBF in seconds."""
        return 60.0 * self.cbv / self.cbf.clamp(min=1e-6)

    def where(self, chosen: torch.Tensor | slice) -> TissueMaps:
        """The same in some of the voxels."""
        return TissueMaps(**{part.name: getattr(self, part.name)[chosen] for part in fields(self)})

    def towards(self, values: TissueValues, weight: torch.Tensor) -> TissueMaps:
        """Moved towards other values by a weight (V,) of 0 to 1; what the place has stays.

        Flow and volume move on a logarithmic scale: their ratios span a decade.
        """
        density = TISSUE_DENSITY_G_PER_ML
        delay = values.delay_s + self.late_s
        return replace(
            self,
            cbf=_blend(self.cbf, values.cbf_ml_100ml_min / density * self.supply, weight),
            cbv=_blend(self.cbv, values.cbv_ml_100ml / density * self.supply, weight),
            delay_s=self.delay_s + weight * (delay - self.delay_s),
        )


def _blend(here: torch.Tensor, there: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.exp((1 - weight) * torch.log(here) + weight * torch.log(there))


@dataclass(frozen=True, eq=False)
class Physiology:
    """The physiology of each tissue of a patient."""

    grey: TissueMaps
    white: TissueMaps
    fluid: TissueMaps


def make_physiology(anatomy: Anatomy, rng: np.random.Generator) -> Physiology:
    """Healthy values, with a texture, a side that is a little better supplied, and late borders.

    Flow varies by about 15 % in patches of 8 mm and by 8 % between regions, volume with it and
    6 % on its own; the posterior circulation and the border zones are up to a second later.
    """
    patches = SmoothField.draw(rng, length_mm=6.0, components=2)(anatomy.mni_mm)
    regions = SmoothField.draw(rng, length_mm=25.0, components=3)(anatomy.mni_mm)
    side = float(rng.normal(0, 0.02)) * torch.tanh(anatomy.mni_mm[..., 0] / 10.0)
    level = float(rng.normal(0, 0.06))
    supply = level + side + 0.12 * patches[..., 0] + 0.07 * regions[..., 0]
    transit = 0.05 * patches[..., 1] + 0.04 * regions[..., 1]
    posterior = ((-anatomy.mni_mm[..., 1] - 40) / 40).clamp(0, 1)
    late = 0.5 * posterior + 0.4 * _border_zone(anatomy.mni_mm) + 0.15 * regions[..., 2]
    return Physiology(
        grey=_healthy(GREY, supply, transit, late),
        white=_healthy(WHITE, supply, transit, late),
        fluid=_healthy(FLUID, supply, transit, late),
    )


def _healthy(
    values: TissueValues, supply: torch.Tensor, transit: torch.Tensor, late: torch.Tensor
) -> TissueMaps:
    density = TISSUE_DENSITY_G_PER_ML
    return TissueMaps(
        cbf=values.cbf_ml_100ml_min / density * torch.exp(supply),
        cbv=values.cbv_ml_100ml / density * torch.exp(supply + transit),
        delay_s=(values.delay_s + late).clamp(min=0.3),
        dispersion_s=torch.zeros_like(late),
        supply=torch.exp(supply),
        late_s=late,
    )


def _border_zone(mni_mm: torch.Tensor) -> torch.Tensor:
    x, y, z = mni_mm[..., 0].abs(), mni_mm[..., 1], mni_mm[..., 2]
    anterior = torch.exp(-(((x - 26 - 0.2 * (y - 20)) / 8) ** 2)) * (z > 20) * (y > -10)
    posterior = torch.exp(-(((x - 36) / 10) ** 2)) * torch.exp(-(((y + 62) / 14) ** 2))
    return torch.maximum(anterior, posterior)
