"""Smooth random fields that are known everywhere, so that a patient is the same on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class SmoothField:
    """Gaussian random fields of unit variance, as sums of random waves.

    Random Fourier features (Rahimi and Recht 2007): wave vectors drawn from the spectrum of a
    Gaussian correlation exp(-r^2 / 2 l^2) give a field with that correlation.

    waves       (3, W) wave vectors in 1/mm.
    amplitudes  (2 W, C) of the cosines and sines, for C fields on the same waves.
    """

    waves: np.ndarray
    amplitudes: np.ndarray

    @classmethod
    def draw(
        cls, rng: np.random.Generator, length_mm: float, components: int = 1, waves: int = 24
    ) -> SmoothField:
        """Fields of correlation length `length_mm`."""
        return cls(
            waves=(rng.standard_normal((3, waves)) / length_mm).astype(np.float32),
            amplitudes=(rng.standard_normal((2 * waves, components)) / np.sqrt(waves)).astype(
                np.float32
            ),
        )

    def __call__(self, points_mm: torch.Tensor) -> torch.Tensor:
        """Values (..., C) at points (..., 3) in mm, on their device; (...) for one component."""
        device = points_mm.device
        amplitudes = torch.from_numpy(self.amplitudes).to(device)
        phase = points_mm.reshape(-1, 3).float() @ torch.from_numpy(self.waves).to(device)
        half = phase.shape[1]
        values = torch.cos(phase) @ amplitudes[:half]
        values += torch.sin(phase) @ amplitudes[half:]
        shape = points_mm.shape[:-1]
        return values.reshape(shape) if values.shape[1] == 1 else values.reshape(*shape, -1)
