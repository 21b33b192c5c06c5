"""Residue functions in the Fourier domain, of which one is chosen for a whole brain.

A family is written for a mean transit time of 1 (phantom/residue.py): R(t) = r(t / MTT), so that
all transit times share one complex function of y = w MTT,

    Phi(y) = integral of r(x) exp(-i y x) dx from 0 on,   Phi(0) = 1,   R(w) = MTT Phi(w MTT).

gamma-k       gamma-distributed transit times of shape k: (1 - (1 + i y / k)^-k) / (i y) (Mouridsen
              et al. 2006); gamma-1 is the exponential residue.
box           every transit alike, what gamma-k nears as k grows: (1 - exp(-i y)) / (i y).
linear        transit times spread evenly from 0 to 2: (1 - (1 - exp(-2 i y)) / (2 i y)) / (i y).
lorentzian    equation 4 of Fayolle et al. 2025, r(x) = 1 / (1 + (pi x / 2)^2): with z = 2 y / pi
              its real part is exp(-z), its imaginary part -(exp(-z) Ei(z) + exp(z) E1(z)) / pi,
              read from a table.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch

from ..errors import InputError

_TABLE_END = 12.0
_TABLE_ROWS = 6001
_TABLE_SCALE = 0.05
"""The table runs evenly in asinh(y / scale): finely near 0, where Phi falls steeply."""


def spectrum(family: str, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Real and imaginary part of Phi at y = w MTT >= 0, element by element.

    family  "exponential", "lorentzian", "linear", "box" or "gamma-K" with a number K above 0.
    Raises InputError for another name.
    """
    if family == "lorentzian":
        return _lorentzian(y)
    if family == "box":
        return _box(y)
    if family == "linear":
        return _linear(y)
    return _gamma(y, _shape(family))


def _shape(family: str) -> float:
    if family == "exponential":
        return 1.0
    try:
        shape = float(family.removeprefix("gamma-"))
    except ValueError:
        shape = math.nan
    if not family.startswith("gamma-") or not shape > 0:
        raise InputError(
            f"There is no residue family called '{family}'; choose exponential, lorentzian, "
            "linear, box or gamma-K with a number K above 0."
        )
    return shape


def _gamma(y: torch.Tensor, shape: float) -> tuple[torch.Tensor, torch.Tensor]:
    # (1 + i x)^-k = (1 + x^2)^(-k/2) exp(-i k atan x)
    x = y / shape
    size = torch.exp(-0.5 * shape * torch.log1p(x * x))
    turn = shape * torch.atan(x)
    return _left(size * torch.cos(turn), size * torch.sin(turn), y)


def _box(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return _left(torch.cos(y), torch.sin(y), y)


def _linear(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    # Of transit times spread evenly up to 2 the spectrum is that of the box, at 2 y.
    real, imaginary = _box(2 * y)
    return _left(real, -imaginary, y)


def _left(
    cosine: torch.Tensor, sine: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(1 - h) / (i y) where transit times have the spectrum h = cosine - i sine."""
    moving = y > 0
    below = torch.where(moving, y, 1.0)
    return torch.where(moving, sine / below, 1.0), torch.where(moving, (cosine - 1) / below, 0.0)


def _lorentzian(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    table = _lorentzian_table().to(y)
    place = (torch.asinh(y / _TABLE_SCALE) * ((_TABLE_ROWS - 1) / _TABLE_END)).clamp(
        0, _TABLE_ROWS - 1.001
    )
    row = place.detach().floor().long()
    further = place - row
    below, above = table[:, row], table[:, row + 1]
    found = below + (above - below) * further
    return found[0], found[1]


@cache
def _lorentzian_table() -> torch.Tensor:
    from scipy.special import exp1, expi

    y = _TABLE_SCALE * np.sinh(np.linspace(0, _TABLE_END, _TABLE_ROWS))
    z = 2 * y[1:] / np.pi
    near = np.minimum(z, 300.0)
    both = np.exp(-near) * expi(near) + np.exp(near) * exp1(near)
    # Far out each of the two terms nears 1 / z, and neither can be worked out as it stands.
    imaginary = -np.where(z < 300.0, both, 2.0 / z) / np.pi
    return torch.tensor(
        np.stack([np.concatenate([[1.0], np.exp(-z)]), np.concatenate([[0.0], imaginary])]),
        dtype=torch.float64,
    )
