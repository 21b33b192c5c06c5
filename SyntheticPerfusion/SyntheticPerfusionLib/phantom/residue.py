"""Residue functions R(t), and the tissue curves they make of an arterial curve.

Every family is written for a mean transit time of 1, as a function of x = t / MTT; R(0) = 1 and
the integral over x is 1, so that CBV = CBF * MTT (central volume theorem) holds for all.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..errors import InputError

_GAMMA_SHAPE = 4

_SUBSTEPS = 16
"""Points per time step over which R is averaged: the box and the linear family have corners."""


def _exponential(x: torch.Tensor) -> torch.Tensor:
    return torch.exp(-x)


def _gamma(x: torch.Tensor) -> torch.Tensor:
    # The survival function of an Erlang distribution (gamma of whole shape) is a finite sum.
    scaled = _GAMMA_SHAPE * x
    term = torch.ones_like(scaled)
    total = term.clone()
    for order in range(1, _GAMMA_SHAPE):
        term = term * scaled / order
        total += term
    return total * torch.exp(-scaled)


def _lorentzian(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + (math.pi * x / 2) ** 2)


def _linear(x: torch.Tensor) -> torch.Tensor:
    return torch.clamp(1 - x / 2, min=0)


def _box(x: torch.Tensor) -> torch.Tensor:
    return (x < 1).to(x.dtype)


RESIDUES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "exponential": _exponential,
    "gamma": _gamma,
    "lorentzian": _lorentzian,
    "linear": _linear,
    "box": _box,
}
"""Families by name. `gamma` are gamma-distributed transit times of shape 4 (Ostergaard et al.
1999); `lorentzian` is 1 / (1 + (pi x / 2)^2) (Wu et al. 2003)."""


def residue(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """The family called `name`; InputError where there is none."""
    if name not in RESIDUES:
        raise InputError(
            f"There is no residue function called '{name}'; choose from {', '.join(RESIDUES)}."
        )
    return RESIDUES[name]


@dataclass(frozen=True, eq=False)
class TissueCurves:
    """Tissue curves per unit of blood volume, for any transit time and delay.

    g(MTT, t) = 1/MTT * integral of Ca(s) R((t - s) / MTT) ds, tabulated over transit times on a
    time step of at most 0.05 s by FFT and read by linear interpolation; MTT 0 gives Ca itself.

    transit_s  (M,) transit times of the rows, the first 0.
    table      (M, N) values in the unit of Ca.
    step_s     time step of the columns.
    """

    transit_s: torch.Tensor
    table: torch.Tensor
    step_s: float

    @classmethod
    def tabulate(
        cls,
        arterial: torch.Tensor,
        step_s: float,
        family: str,
        longest_s: float = 40.0,
        rows: int = 200,
    ) -> TissueCurves:
        """Curves of the arterial curve (N,) sampled every `step_s`, 0 before its first sample."""
        shape = residue(family)
        arterial = arterial.double()
        count = arterial.numel()
        transit = torch.logspace(
            math.log10(0.2), math.log10(longest_s), rows, dtype=torch.float64
        ).to(arterial.device)
        fine = (
            torch.arange(count * _SUBSTEPS, dtype=torch.float64, device=arterial.device) + 0.5
        ) * (step_s / _SUBSTEPS)
        spectrum = torch.fft.rfft(arterial, 2 * count)
        curves = [arterial]
        for one in transit:
            # Averages of R over each step: with Ca taken as linear between samples, this is the
            # integral to second order, corners of R included.
            steps = shape(fine / one).reshape(count, _SUBSTEPS).mean(1)
            full = torch.fft.irfft(spectrum * torch.fft.rfft(steps, 2 * count), 2 * count)[:count]
            late = torch.cat([full.new_zeros(1), full[:-1]])
            curves.append((full + late) / 2 * step_s / one)
        return cls(
            transit_s=torch.cat([transit.new_zeros(1), transit]).float(),
            table=torch.stack(curves).float(),
            step_s=step_s,
        )

    def read(
        self, transit_s: torch.Tensor, delay_s: torch.Tensor, times_s: torch.Tensor
    ) -> torch.Tensor:
        """Values (V, T) at times (T,) or (V, T), for V voxels with a transit time and a delay."""
        rows, columns = self.table.shape
        row = torch.bucketize(transit_s, self.transit_s).clamp(1, rows - 1)
        below, above = self.transit_s[row - 1], self.transit_s[row]
        down = ((transit_s - below) / (above - below)).clamp(0, 1)[:, None]
        times = torch.atleast_2d(times_s.to(delay_s.dtype))
        position = (times - delay_s[:, None]) / self.step_s
        column = position.floor().clamp(0, columns - 2)
        right = (position - column).clamp(0, 1)
        # Before the first sample there is no tracer; the clamp would repeat the first value.
        start = (position >= 0).to(right.dtype)
        upper = ((row - 1) * columns)[:, None] + column.long()
        flat = self.table.reshape(-1)
        first = torch.lerp(flat[upper], flat[upper + 1], right)
        second = torch.lerp(flat[upper + columns], flat[upper + columns + 1], right)
        return torch.lerp(first, second, down) * start
