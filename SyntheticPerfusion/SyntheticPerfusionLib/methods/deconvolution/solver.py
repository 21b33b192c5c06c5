"""What every deconvolution looks like to the method that calls it."""

from __future__ import annotations

from typing import Protocol

import torch


class Solver(Protocol):
    """A deconvolution by one arterial curve.

    wraps  whether the time axis of the residue is circular.
    """

    wraps: bool

    def residue(self, curves: torch.Tensor) -> torch.Tensor:
        """CBF R(t) in 1/s for (N, T) tissue curves: (N, L), L = 2T where the axis wraps, else T."""
        ...

    def peak(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Height (1/s) and time (frames) of the maximum of `residue`, (N,) each."""
        ...
