"""Tikhonov regularisation, its strength chosen voxel by voxel (Calamante 2003)."""

from __future__ import annotations

import numpy as np
import torch

from .matrices import toeplitz_matrix
from .peak import residue_peak

STRENGTHS = np.geomspace(0.05, 1.0, 48)
"""Regularisation strengths tried, as shares of the largest singular value.

The lower end keeps single noisy voxels, for which no strength has a clear minimum, from being left
without regularisation.
"""


class TikhonovSolver:
    """Minimises |A f - c|^2 + lambda^2 |f|^2 with lambda by generalised cross-validation.

    GCV(lambda) = |A f - c|^2 / (T - sum_i s_i^2 / (s_i^2 + lambda^2))^2 (Golub, Heath and
    Wahba 1979) over `STRENGTHS`; Calamante chooses it by the L-curve. Without noise the lowest
    strength is taken.
    """

    wraps = False

    def __init__(self, aif: np.ndarray, frame_step_s: float, device: str) -> None:
        u, s, vt = np.linalg.svd(toeplitz_matrix(aif, frame_step_s))
        strength = STRENGTHS[:, None] * s[0]
        kept = s**2 / (s**2 + strength**2)
        freedom = (len(s) - kept.sum(axis=1)) ** 2

        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)

        self._u = tensor(u)
        self._misfit = tensor(((1.0 - kept) ** 2 / freedom[:, None]).T)
        self._filter = tensor(s / (s**2 + strength**2))
        self._vt = tensor(vt)

    def residue(self, curves: torch.Tensor) -> torch.Tensor:
        """See `Solver.residue`."""
        coefficients = curves @ self._u
        chosen = ((coefficients * coefficients) @ self._misfit).argmin(dim=1)
        return (coefficients * self._filter[chosen]) @ self._vt

    def peak(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Solver.peak`."""
        return residue_peak(self.residue(curves), self.wraps)
