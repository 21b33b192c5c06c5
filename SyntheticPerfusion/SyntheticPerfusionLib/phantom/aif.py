"""The arterial curve of a digital patient: first pass, recirculation and the washed-out tail.

Ca(t) = peak * (gv(t; r, b) + recirculation + tail), gv the gamma-variate
(t / (r b))^r exp(r - t / b) with its peak of 1 at t = r b after the onset. The recirculation is a
smaller, wider gamma-variate some seconds later (after Calamante et al. 2000 for the first pass; the
second and the tail after real curves, where 3-10 % of the peak remain at the end). An injection
that takes longer by L averages both passes over L seconds, which keeps their area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from .acquisition import Acquisition

_USUAL_B_S = 1.5


@dataclass(frozen=True)
class ArterialShape:
    """Parameters of the arterial curve.

    onset_s               arrival in the arteries since the first frame.
    peak_per_s            height in 1/s of the first pass of an injection of the usual length.
    r, b_s                shape and time scale of the first pass.
    recirculation         height of the second pass over the first, `recirculation_delay_s` later
                          and `recirculation_width` times wider.
    tail                  level that remains, over the peak.
    injection_s           how much longer than usual the injection takes.
    """

    onset_s: float = 18.0
    peak_per_s: float = 430.0
    r: float = 3.0
    b_s: float = _USUAL_B_S
    recirculation: float = 0.10
    recirculation_delay_s: float = 12.0
    recirculation_width: float = 2.2
    tail: float = 0.04
    injection_s: float = 0.0

    @classmethod
    def draw(cls, rng: np.random.Generator, onset_s: float, peak_per_s: float) -> ArterialShape:
        """A patient's own circulation around the usual one."""
        return cls.of(Acquisition(bolus_onset_s=onset_s, aif_peak_per_s=peak_per_s), rng)

    @classmethod
    def of(cls, acquisition: Acquisition, rng: np.random.Generator) -> ArterialShape:
        """A patient's own circulation around that of the acquisition."""
        width = acquisition.bolus_width
        return cls(
            onset_s=max(0.0, acquisition.bolus_onset_s + float(rng.uniform(-1.0, 1.0))),
            peak_per_s=acquisition.aif_peak_per_s * float(rng.uniform(0.9, 1.1)),
            b_s=_USUAL_B_S * width * float(rng.uniform(0.9, 1.1)),
            recirculation=acquisition.recirculation * float(rng.uniform(0.7, 1.3)),
            recirculation_delay_s=width * float(rng.uniform(10.0, 14.0)),
            tail=acquisition.tail * float(rng.uniform(0.75, 1.25)),
            injection_s=acquisition.injection_s,
        )

    def at(self, times_s: torch.Tensor) -> torch.Tensor:
        """Ca in 1/s at times since the first frame."""
        since = torch.clamp(times_s - self.onset_s, min=0)
        first = self._passing(since, self.b_s)
        second = self._passing(
            since - self.recirculation_delay_s, self.b_s * self.recirculation_width
        )
        steady = 1 - torch.exp(-since / (2 * self.r * self.b_s))
        return self.peak_per_s * (first + self.recirculation * second + self.tail * steady**2)

    def _passing(self, since_s: torch.Tensor, b_s: float) -> torch.Tensor:
        if self.injection_s == 0:
            return _gamma_variate(since_s, self.r, b_s)
        begun = _gamma_variate_area(since_s, self.r, b_s)
        ended = _gamma_variate_area(since_s - self.injection_s, self.r, b_s)
        return (begun - ended) / self.injection_s


def _gamma_variate(since_s: torch.Tensor, r: float, b_s: float) -> torch.Tensor:
    x = torch.clamp(since_s, min=0) / (r * b_s)
    return x**r * torch.exp(r * (1 - x))


def _gamma_variate_area(since_s: torch.Tensor, r: float, b_s: float) -> torch.Tensor:
    """Integral of the gamma-variate from its onset, in s."""
    whole = b_s * math.exp(r + math.lgamma(r + 1) - r * math.log(r))
    shape = torch.full_like(since_s, r + 1)
    return whole * torch.special.gammainc(shape, torch.clamp(since_s, min=0) / b_s)
