"""The arterial curve of a digital patient: first pass, recirculation and the washed-out tail.

Ca(t) = peak * (gv(t; r, b) + recirculation + tail), gv the gamma-variate
(t / (r b))^r exp(r - t / b) with its peak of 1 at t = r b after the onset (Calamante et al. 2000).
The recirculation is a smaller, wider gamma-variate some seconds later. The tail rises as the tracer
mixes and leaves with the kidneys' and tissues' time constant. An injection that takes longer by L
averages both passes over L seconds, which keeps their area.

The usual values are those of two real series (TR 2 s), whose arterial curves the formula follows
within 0.8 and 1.4 % of the peak: b 1.70 and 1.74 s, recirculation 0.16 and 0.17 of the peak, 17.4
and 16.2 s later and 1.1 and 1.3 times as wide, tail 0.09 and 0.11. b and tail are taken a
little smaller, since arterial voxels average over branches, over a frame and over what lies beside
them. The arterial curve in the test data of fabber_models_dsc peaks 8.8 s after its onset and is
9.3 s wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from .acquisition import Acquisition

_USUAL_B_S = 1.6
_TAIL_DECAY_S = 100.0
_TAIL_READ_S = 60.0


@dataclass(frozen=True)
class ArterialShape:
    """Parameters of the arterial curve.

    onset_s               arrival in the arteries since the first frame.
    peak_per_s            height in 1/s of the first pass of an injection of the usual length.
    r, b_s                shape and time scale of the first pass.
    recirculation         height of the second pass over the first, `recirculation_delay_s` later
                          and `recirculation_width` times wider.
    tail                  level a minute after the onset, over the peak; it falls by e in 100 s.
    injection_s           how much longer than usual the injection takes.
    """

    onset_s: float = Acquisition.bolus_onset_s
    peak_per_s: float = Acquisition.aif_peak_per_s
    r: float = 4.0
    b_s: float = _USUAL_B_S
    recirculation: float = Acquisition.recirculation
    recirculation_delay_s: float = 17.0
    recirculation_width: float = 1.2
    tail: float = Acquisition.tail
    injection_s: float = Acquisition.injection_s

    @classmethod
    def of(cls, acquisition: Acquisition, rng: np.random.Generator) -> ArterialShape:
        """A patient's own circulation around that of the acquisition."""
        width = acquisition.bolus_width
        return cls(
            onset_s=max(0.0, acquisition.bolus_onset_s + float(rng.uniform(-1.0, 1.0))),
            peak_per_s=acquisition.aif_peak_per_s * float(rng.uniform(0.9, 1.1)),
            b_s=_USUAL_B_S * width * float(rng.uniform(0.9, 1.1)),
            recirculation=acquisition.recirculation * float(rng.uniform(0.7, 1.3)),
            recirculation_delay_s=width * float(rng.uniform(15.5, 18.5)),
            recirculation_width=float(rng.uniform(1.05, 1.4)),
            tail=acquisition.tail * float(rng.uniform(0.8, 1.2)),
            injection_s=acquisition.injection_s,
        )

    def at(self, times_s: torch.Tensor) -> torch.Tensor:
        """Ca in 1/s at times since the first frame."""
        since = torch.clamp(times_s - self.onset_s, min=0)
        first = self._passing(since, self.b_s)
        second = self._passing(
            since - self.recirculation_delay_s, self.b_s * self.recirculation_width
        )
        mixed = (1 - torch.exp(-since / (2 * self.r * self.b_s))) ** 2
        left = mixed * torch.exp((_TAIL_READ_S - since) / _TAIL_DECAY_S)
        return self.peak_per_s * (first + self.recirculation * second + self.tail * left)

    def _passing(self, since_s: torch.Tensor, b_s: float) -> torch.Tensor:
        if self.injection_s == 0:
            return _gamma_variate(since_s, self.r, b_s)
        begun = _gamma_variate_area(since_s, self.r, b_s)
        ended = _gamma_variate_area(since_s - self.injection_s, self.r, b_s)
        return torch.clamp((begun - ended) / self.injection_s, min=0)


def _gamma_variate(since_s: torch.Tensor, r: float, b_s: float) -> torch.Tensor:
    x = torch.clamp(since_s, min=0) / (r * b_s)
    return x**r * torch.exp(r * (1 - x))


def _gamma_variate_area(since_s: torch.Tensor, r: float, b_s: float) -> torch.Tensor:
    """Integral of the gamma-variate from its onset, in s."""
    whole = b_s * math.exp(r + math.lgamma(r + 1) - r * math.log(r))
    shape = torch.full_like(since_s, r + 1)
    return whole * torch.special.gammainc(shape, torch.clamp(since_s, min=0) / b_s)
