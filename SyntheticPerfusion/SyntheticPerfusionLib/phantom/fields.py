"""Smooth random fields that are known everywhere, so that a patient is the same on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

_PART = 8192


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
        waves = torch.from_numpy(self.waves).to(device)
        cosines, sines = torch.from_numpy(self.amplitudes).to(device).chunk(2)
        flat = points_mm.reshape(-1, 3).float()
        values = flat.new_empty((flat.shape[0], cosines.shape[1]))
        # In parts that stay in a processor's cache; a GPU takes them whole.
        size = _PART if flat.device.type == "cpu" else max(1, flat.shape[0])
        for start in range(0, flat.shape[0], size):
            part = slice(start, start + size)
            phase = flat[part] @ waves
            torch.addmm(torch.cos(phase) @ cosines, torch.sin(phase), sines, out=values[part])
        shape = points_mm.shape[:-1]
        return values.reshape(shape if values.shape[1] == 1 else (*shape, values.shape[1]))
