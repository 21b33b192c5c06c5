"""The arterial curve of a digital patient: first pass, recirculation and the washed-out tail.

Ca(t) = peak * (gv(t; r, b) + recirculation + tail), gv the gamma-variate
(t / (r b))^r exp(r - t / b) with its peak of 1 at t = r b after the onset. The recirculation is a
smaller, wider gamma-variate some seconds later (after Calamante et al. 2000 for the first pass; the
second and the tail after real curves, where 3-10 % of the peak remain at the end).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class ArterialShape:
    """Parameters of the arterial curve.

    onset_s               arrival in the arteries since the first frame.
    peak_per_s            height in 1/s.
    r, b_s                shape and time scale of the first pass.
    recirculation         height of the second pass over the first, `recirculation_delay_s` later
                          and `recirculation_width` times wider.
    tail                  level that remains, over the peak.
    """

    onset_s: float = 18.0
    peak_per_s: float = 430.0
    r: float = 3.0
    b_s: float = 1.5
    recirculation: float = 0.10
    recirculation_delay_s: float = 12.0
    recirculation_width: float = 2.2
    tail: float = 0.04

    @classmethod
    def draw(cls, rng: np.random.Generator, onset_s: float, peak_per_s: float) -> ArterialShape:
        """A patient's own circulation around the usual one."""
        return cls(
            onset_s=onset_s + float(rng.uniform(-1.0, 1.0)),
            peak_per_s=peak_per_s * float(rng.uniform(0.9, 1.1)),
            b_s=float(rng.uniform(1.35, 1.65)),
            recirculation=float(rng.uniform(0.07, 0.13)),
            recirculation_delay_s=float(rng.uniform(10.0, 14.0)),
            tail=float(rng.uniform(0.03, 0.05)),
        )

    def at(self, times_s: torch.Tensor) -> torch.Tensor:
        """Ca in 1/s at times since the first frame."""
        since = torch.clamp(times_s - self.onset_s, min=0)
        again = torch.clamp(since - self.recirculation_delay_s, min=0)
        first = _gamma_variate(since, self.r, self.b_s)
        second = _gamma_variate(again, self.r, self.b_s * self.recirculation_width)
        steady = 1 - torch.exp(-since / (2 * self.r * self.b_s))
        return self.peak_per_s * (first + self.recirculation * second + self.tail * steady**2)


def _gamma_variate(since_s: torch.Tensor, r: float, b_s: float) -> torch.Tensor:
    x = since_s / (r * b_s)
    return x**r * torch.exp(r * (1 - x))
