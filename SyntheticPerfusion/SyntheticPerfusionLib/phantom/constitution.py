"""What a patient is like as a whole: age, level of flow, and how fast blood travels.

Flow falls by 0.3 to 0.5 % a year of healthy ageing (review of 33 studies, Cerebrovasc Dis
2023;52:11) and volume less, so that transit takes longer. Between patients of one age flow varies
by 15 % (cortex 44.4 +- 6.5 ml/100ml/min in 70 subjects of 11 PET centres: Ito, Kanno and Fukuda,
Ann Nucl Med 2005;19:65), and volume with the power 0.38 of it (Grubb et al., Stroke 1974;5:630).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import torch

from .shapes import ramp

_MIDDLE_AGE = 50.0
_FLOW_PER_YEAR = 0.0045
_VOLUME_PER_YEAR = 0.0030
_GRUBB = 0.38


@dataclass(frozen=True)
class Constitution:
    """One patient; factors are over the values of a person of 50 years.

    age_years
    flow, volume    factors of CBF and CBV in the whole brain.
    white_flow      factor of white matter on top, hence the ratio of grey to white.
    late_s          the bolus is so much longer on its way from the arteries to tissue everywhere;
                    `border_delay_s` alike in border zones.
    lesion_load     0 to 1, how much of the deep white matter has lesions of age.
    """

    age_years: float
    flow: float
    volume: float
    white_flow: float
    late_s: float
    border_delay_s: float
    lesion_load: float

    @classmethod
    def draw(cls, age_years: float | None, rng: np.random.Generator) -> Constitution:
        """A patient of an age; of any from 22 to 88 where it is not given."""
        drawn_age = float(rng.uniform(22, 88))
        age = drawn_age if age_years is None else float(age_years)
        older = age - _MIDDLE_AGE
        level = math.exp(float(np.clip(rng.normal(0, 0.15), -0.4, 0.4)))
        own_volume = math.exp(float(rng.normal(0, 0.07)))
        return cls(
            age_years=round(age, 2),
            flow=level * math.exp(-_FLOW_PER_YEAR * older),
            volume=level**_GRUBB * own_volume * math.exp(-_VOLUME_PER_YEAR * older),
            white_flow=math.exp(float(rng.normal(0, 0.07))),
            late_s=float(rng.normal(0.0, 0.12)) + 0.004 * older,
            border_delay_s=float(rng.uniform(0.3, 0.8)) + 0.004 * max(0.0, older),
            lesion_load=float(np.clip((age - 50) / 60 + rng.normal(0, 0.15), 0, 1)),
        )

    @property
    def grey(self) -> tuple[float, float]:
        """Factors of flow and volume in grey matter."""
        return self.flow, self.volume

    @property
    def white(self) -> tuple[float, float]:
        """Factors of flow and volume in white matter: both share what is white matter's own."""
        return self.flow * self.white_flow, self.volume * self.white_flow

    def white_matter_lesions(self, deep: torch.Tensor, ragged: torch.Tensor) -> torch.Tensor:
        """(V,) share of white matter with lesions: caps and bands around the ventricles first.

        deep    (V,) 0 to 1, nearness to the ventricles' white matter; ragged moves the edge.
        """
        if self.lesion_load <= 0:
            return torch.zeros_like(deep)
        reach = 1.0 - 0.75 * self.lesion_load
        return ramp(deep + ragged, reach, reach + 0.15) * (deep > 0)

    @property
    def settings(self) -> dict[str, float]:
        """In plain JSON values."""
        return {name: round(value, 4) for name, value in asdict(self).items()}
