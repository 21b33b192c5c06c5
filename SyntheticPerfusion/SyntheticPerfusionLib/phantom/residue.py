"""Residue functions R(t): what part of the tracer that came at time 0 is still in the tissue.

Every family is written for a mean transit time of 1, as a function of x = t / MTT; R(0) = 1 and
the integral over x is 1, so that CBV = CBF * MTT (central volume theorem) holds for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from ..errors import InputError

Residue = Callable[[torch.Tensor], torch.Tensor]
"""R at x = t / MTT >= 0, element by element."""


def _exponential(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(-x)


def _gamma(x: torch.Tensor, shape: float) -> torch.Tensor:
    # The survival function of a gamma distribution of mean 1.
    return torch.special.gammaincc(torch.full_like(x, shape), shape * x)


def _lorentzian(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + (math.pi * x / 2) ** 2)


def _linear(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp(1 - x / 2, min=0)


def _box(x: torch.Tensor) -> torch.Tensor:
    return (x < 1).to(x.dtype)


RESIDUES = ("exponential", "gamma", "lorentzian", "linear", "box")
"""Families by name. `gamma` are gamma-distributed transit times (Ostergaard et al. 1999): shape 1
is the exponential, a large shape nears the box; `lorentzian` is 1 / (1 + (pi x / 2)^2) (Wu et al.
2003)."""


def residue(name: str, gamma_shape: float = 4.0) -> Residue:
    """The family called `name`; InputError where there is none."""
    families: dict[str, Residue] = {
        "exponential": _exponential,
        "gamma": lambda x: _gamma(x, gamma_shape),
        "lorentzian": _lorentzian,
        "linear": _linear,
        "box": _box,
    }
    if name not in families:
        raise InputError(
            f"There is no residue function called '{name}'; choose from {', '.join(RESIDUES)}."
        )
    return families[name]
