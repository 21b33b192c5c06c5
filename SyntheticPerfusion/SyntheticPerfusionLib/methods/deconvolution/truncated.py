"""Truncated singular value decomposition: sSVD (Ostergaard 1996) and cSVD (Wu 2003)."""

from __future__ import annotations

import numpy as np
import torch

from .matrices import Spectrum, toeplitz_matrix
from .peak import residue_peak


class LinearSolver:
    """A deconvolution that is one fixed matrix: residue = curves @ inverse."""

    def __init__(self, inverse: np.ndarray, wraps: bool, device: str) -> None:
        self.inverse = torch.as_tensor(inverse, dtype=torch.float32, device=device)
        self.wraps = wraps

    def residue(self, curves: torch.Tensor) -> torch.Tensor:
        """See `Solver.residue`."""
        return curves @ self.inverse

    def peak(self, curves: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """See `Solver.peak`."""
        return residue_peak(self.residue(curves), self.wraps)


def ssvd(aif: np.ndarray, frame_step_s: float, threshold: float, device: str) -> LinearSolver:
    """Standard SVD: the lower-triangular matrix, truncated at `threshold` times its largest.

    Tissue that is reached before the chosen artery cannot be described: a delay changes the flow.
    """
    u, s, vt = np.linalg.svd(toeplitz_matrix(aif, frame_step_s))
    kept = s >= threshold * s[0]
    inverse = (u[:, kept] / s[kept]) @ vt[kept]
    return LinearSolver(inverse, wraps=False, device=device)


def csvd(aif: np.ndarray, frame_step_s: float, threshold: float, device: str) -> LinearSolver:
    """Block-circulant SVD: twice the length, so that a delay of either sign only shifts."""
    inverse = Spectrum.of(aif, frame_step_s).inverse_at(threshold)
    return LinearSolver(inverse, wraps=True, device=device)
