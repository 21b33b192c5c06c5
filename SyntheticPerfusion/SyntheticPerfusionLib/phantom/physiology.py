"""Blood flow, blood volume and arrival of the bolus in healthy tissue.

Values per 100 ml of tissue are those of the FAU brain perfusion phantom (Manhart et al.); divided
by the density of tissue they become the ml/100g in which maps are given. Patients differ as a
whole (constitution.py), places by region, by the artery that feeds them, and by texture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from .anatomy import Anatomy
from .constitution import Constitution
from .feeding import softened
from .fields import SmoothField
from .regions import Regions, find_regions
from .territories import ONE_SIDE, Territory, of_side

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
FLUID = TissueValues(1.0, 0.25, 1.5)
SCALP = TissueValues(8.0, 1.2, 2.0)


EARLIEST_S = -0.5
"""Tissue near the carotid is reached before the middle cerebral artery, which is 0."""

_GREY_TRANSIT = {"cerebellum": 0.68, "lentiform": 0.73, "brainstem": 0.80, "thalamus": 0.91}
"""Transit time over that of the cortex: CBV/CBF by 15-O PET in nine volunteers (Neurosci Bull
2014;30:857-862; 19.3, 18.2, 16.4 and 14.5 per min where the cortex has 13.2)."""

_GREY_FLOW = {
    "cerebellum": 1.05,
    "lentiform": 1.00,
    "thalamus": 1.05,
    "brainstem": 0.85,
    "insula": 1.06,
    "frontal": 1.05,
    "occipital": 0.92,
}
"""Flow over that of the average cortex. Frontal more and occipital less as cortical layers resolved
by spin labelling show (doi 10.1177/0271678X20982382: +17 and -20 %), at a third to a half of that,
as 5 mm slices see it; the others are common knowledge of PET."""

_LATE_S = {
    "ACA": 0.05,
    "MCA_DEEP": -0.95,
    "MCA_SUPERIOR": -0.15,
    "MCA_INFERIOR": 0.0,
    "PCA": 0.45,
    "VERTEBROBASILAR": 0.30,
}
"""Arrival in a territory after the delay of its tissue: deep perforators leave the first segment,
the posterior circulation has the longer way (common knowledge of the field)."""


@dataclass(frozen=True, eq=False)
class TissueMaps:
    """One tissue's physiology, float32 (V,) each, wherever the tissue may be.

    cbf       ml/100g/min.
    cbv       ml/100g.
    delay_s   arrival of the bolus after the middle cerebral artery, in seconds.
    dispersion_s   mean time that the vessels on the way spread the bolus over (dispersion.py).
    supply    the place's own flow over that of its tissue; `holding` its own volume alike and
              `late_s` its own delay beyond that of its tissue. Disease changes the tissue and
              keeps these.
    """

    cbf: torch.Tensor
    cbv: torch.Tensor
    delay_s: torch.Tensor
    dispersion_s: torch.Tensor
    supply: torch.Tensor
    holding: torch.Tensor
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
            cbv=_blend(self.cbv, values.cbv_ml_100ml / density * self.holding, weight),
            delay_s=self.delay_s + weight * (delay - self.delay_s),
        )

    def changed(
        self,
        flow: torch.Tensor | float = 1.0,
        volume: torch.Tensor | float = 1.0,
        delay_s: torch.Tensor | float = 0.0,
        dispersion_s: torch.Tensor | float = 0.0,
    ) -> TissueMaps:
        """Flow and volume times a factor, delay and dispersion later by so much."""
        return replace(
            self,
            cbf=self.cbf * flow,
            cbv=self.cbv * volume,
            delay_s=self.delay_s + delay_s,
            dispersion_s=self.dispersion_s + dispersion_s,
        )


def _blend(here: torch.Tensor, there: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.exp((1 - weight) * torch.log(here) + weight * torch.log(there))


@dataclass(frozen=True, eq=False)
class Physiology:
    """The physiology of each tissue of a patient.

    constitution  what the patient is like as a whole; regions the parts of the brain.
    """

    grey: TissueMaps
    white: TissueMaps
    fluid: TissueMaps
    constitution: Constitution
    regions: Regions

    def changed(
        self,
        flow: torch.Tensor | float = 1.0,
        volume: torch.Tensor | float = 1.0,
        delay_s: torch.Tensor | float = 0.0,
        dispersion_s: torch.Tensor | float = 0.0,
    ) -> Physiology:
        """Every tissue changed alike, see TissueMaps.changed.

        Fluid too: the vessels of the pia between the folds hang on the same arteries.
        """
        grey, white, fluid = (
            maps.changed(flow, volume, delay_s, dispersion_s)
            for maps in (self.grey, self.white, self.fluid)
        )
        return replace(self, grey=grey, white=white, fluid=fluid)


def make_physiology(anatomy: Anatomy, rng: np.random.Generator) -> Physiology:
    """The healthy physiology of a head.

    Flow varies by 9 % in patches of 5 mm, by 7 % in patches of 12 mm and by 6 % between regions,
    volume with it and by another 6 % on its own.
    """
    people_rng, texture_rng, artery_rng = rng.spawn(3)
    patient = Constitution.draw(anatomy.settings.get("age"), people_rng)
    regions = find_regions(anatomy.mni_mm)
    fine, middle, coarse = (
        SmoothField.draw(texture_rng, length_mm=length, components=count)(anatomy.mni_mm)
        for length, count in ((5.0, 2), (12.0, 2), (28.0, 3))
    )
    texture = 0.09 * fine[..., 0] + 0.07 * middle[..., 0] + 0.06 * coarse[..., 0]
    transit = 0.04 * fine[..., 1] + 0.03 * middle[..., 1] + 0.03 * coarse[..., 1]
    flow, late, spread = _by_artery(anatomy, patient, artery_rng)
    late = late + 0.15 * coarse[..., 2]
    ragged = 0.10 * fine[..., 1] + 0.25 * middle[..., 1]
    sick_white = patient.white_matter_lesions(regions.deep_white, ragged)

    grey_flow = texture + flow + _cortical_flow(regions)
    grey_transit = transit + _log_mix(_GREY_TRANSIT, regions)
    white_flow = texture + flow + math.log(0.68) * sick_white
    white_transit = transit + 0.12 * regions.deep_white + math.log(1.25) * sick_white
    return Physiology(
        grey=_healthy(GREY, grey_flow, grey_transit, late, spread, patient.grey),
        white=_healthy(WHITE, white_flow, white_transit, late + 0.3, spread, patient.white),
        fluid=_healthy(FLUID, texture, transit, late, spread, patient.grey),
        constitution=patient,
        regions=regions,
    )


def _healthy(
    values: TissueValues,
    flow: torch.Tensor,
    transit: torch.Tensor,
    late: torch.Tensor,
    spread: torch.Tensor,
    levels: tuple[float, float],
) -> TissueMaps:
    """`flow` and `transit` are logarithms of what the place has over its tissue's value."""
    supply = levels[0] * torch.exp(flow)
    holding = levels[1] * torch.exp(flow + transit)
    return TissueMaps(
        cbf=values.cbf_ml_100ml_min / TISSUE_DENSITY_G_PER_ML * supply,
        cbv=values.cbv_ml_100ml / TISSUE_DENSITY_G_PER_ML * holding,
        delay_s=(values.delay_s + late).clamp(min=EARLIEST_S),
        dispersion_s=spread,
        supply=supply,
        holding=holding,
        late_s=late,
    )


def _log_mix(values: dict[str, float], regions: Regions) -> torch.Tensor:
    """(V,) logarithm of a factor that some regions have."""
    return torch.stack(
        [math.log(value) * getattr(regions, name) for name, value in values.items()]
    ).sum(0)


def _cortical_flow(regions: Regions) -> torch.Tensor:
    return _log_mix(_GREY_FLOW, regions)


def _by_artery(
    anatomy: Anatomy, patient: Constitution, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the feeding artery does to a place: logarithm of flow, delay in s, dispersion in s."""
    flow, late = np.zeros(len(Territory)), np.zeros(len(Territory))
    for side in (-1, 1):
        side_flow, side_late = rng.normal(0, 0.015), rng.normal(0, 0.08)
        for name, territory in zip(ONE_SIDE, of_side(side, *ONE_SIDE), strict=True):
            flow[territory] = side_flow + rng.normal(0, 0.02)
            late[territory] = _LATE_S[name] + side_late + rng.normal(0, 0.12)
    late[Territory.VERTEBROBASILAR] = _LATE_S["VERTEBROBASILAR"] + rng.normal(0, 0.2)
    weights = anatomy.grey.new_tensor(np.stack([flow, late]))
    flow_here, late_here = weights @ softened(anatomy)
    border = anatomy.border_zone
    late_here = late_here + patient.border_delay_s * border + patient.late_s
    earliest = float(late[Territory.NONE + 1 :].min()) + patient.late_s
    spread = (0.10 + 0.15 * (late_here - earliest) + 0.2 * border).clamp(0.05, 1.5)
    return flow_here - 0.04 * border, late_here, spread
