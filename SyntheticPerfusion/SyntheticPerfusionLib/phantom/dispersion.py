"""How a bolus spreads in vessels: densities of the transit time from the artery to the tissue.

What reaches the tissue is Ca * h, with h the vascular transport function (Calamante, Gadian and
Connelly, Magn Reson Med 2000). Its shape cannot be measured, so three families are given:

exponential   one well-stirred vessel: h = exp(-t/m) / m (Calamante et al. 2000, where means of
              1.5, 3 and 4.5 s are looked at).
lognormal     no blood comes through at once, and a few paths are much longer than the rest.
gamma         h ~ t^(sp) exp(-st), the kernel that Chappell et al. (2013) and Mehndiratta et al.
              (2014) fit; with their s p = 1 it is two well-stirred vessels in a row.

The means of all are m, so that the bolus is also late by m in the mean; a delay that is not
spread comes on top of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from ..errors import InputError

_LOGNORMAL_SIGMA = 0.6
"""Width of ln t; standard deviation over mean 0.66, between those of the two other families (1
and 0.71) and that of a plug."""

_GAMMA_SHAPE = 2.0


def _exponential(t_s: torch.Tensor, mean_s: float) -> torch.Tensor:
    return torch.exp(-t_s / mean_s) / mean_s


def _lognormal(t_s: torch.Tensor, mean_s: float) -> torch.Tensor:
    sigma = _LOGNORMAL_SIGMA
    centre = math.log(mean_s) - sigma**2 / 2
    safe = torch.clamp(t_s, min=torch.finfo(t_s.dtype).tiny)
    exponent = -((torch.log(safe) - centre) ** 2) / (2 * sigma**2)
    return torch.exp(exponent) / (safe * sigma * math.sqrt(2 * math.pi))


def _gamma(t_s: torch.Tensor, mean_s: float) -> torch.Tensor:
    scale = mean_s / _GAMMA_SHAPE
    x = t_s / scale
    return x ** (_GAMMA_SHAPE - 1) * torch.exp(-x) / (math.gamma(_GAMMA_SHAPE) * scale)


KERNELS: dict[str, Callable[[torch.Tensor, float], torch.Tensor]] = {
    "exponential": _exponential,
    "lognormal": _lognormal,
    "gamma": _gamma,
}


def kernel(name: str) -> Callable[[torch.Tensor, float], torch.Tensor]:
    """The density h(t, mean) in 1/s of times t >= 0 in s; InputError where there is none so called.

    `mean_s` is above 0; a mean of 0 is no dispersion, which no density can say.
    """
    if name not in KERNELS:
        raise InputError(
            f"There is no dispersion kernel called '{name}'; choose from {', '.join(KERNELS)}."
        )
    density = KERNELS[name]

    def checked(t_s: torch.Tensor, mean_s: float) -> torch.Tensor:
        if not mean_s > 0:
            raise ValueError(f"a dispersion of mean {mean_s} s has no density")
        return torch.where(t_s >= 0, density(torch.clamp(t_s, min=0), mean_s), 0)

    return checked
