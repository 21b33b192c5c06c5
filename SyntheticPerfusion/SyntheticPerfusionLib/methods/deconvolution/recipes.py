"""The classical methods as they are offered: names, defaults, and how each is built.

Solvers load torch; they are imported when one is built, not when the methods are listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .solver import Solver

BuildSolver = Callable[[np.ndarray, float, float, str], "Solver"]
"""(AIF (T,) at even steps, step in s, regularisation, device) -> solver."""


@dataclass(frozen=True)
class Recipe:
    """One classical method.

    regularisation  threshold (sSVD, cSVD) or oscillation limit (oSVD); 0 where it has none.
    """

    name: str
    title: str
    description: str
    reference: str
    build: BuildSolver
    regularisation: float = 0.0


def _ssvd(aif: np.ndarray, step_s: float, threshold: float, device: str) -> Solver:
    from .truncated import ssvd

    return ssvd(aif, step_s, threshold, device)


def _csvd(aif: np.ndarray, step_s: float, threshold: float, device: str) -> Solver:
    from .truncated import csvd

    return csvd(aif, step_s, threshold, device)


def _osvd(aif: np.ndarray, step_s: float, limit: float, device: str) -> Solver:
    from .oscillation import OscillationSolver

    return OscillationSolver(aif, step_s, limit, device)


def _tikhonov(aif: np.ndarray, step_s: float, _: float, device: str) -> Solver:
    from .tikhonov import TikhonovSolver

    return TikhonovSolver(aif, step_s, device)


RECIPES = (
    Recipe(
        "sSVD",
        "Standard SVD",
        "Truncated singular value decomposition at 15 % of the largest singular value. "
        "Flow depends on the delay between artery and tissue: not for delayed territories.",
        "Ostergaard L et al. Magn Reson Med 1996;36:715-725",
        _ssvd,
        0.15,
    ),
    Recipe(
        "cSVD",
        "Block-circulant SVD",
        "Block-circulant singular value decomposition at 7 % of the largest singular value. "
        "Insensitive to delay of either sign.",
        "Wu O et al. Magn Reson Med 2003;50:164-174",
        _csvd,
        0.07,
    ),
    Recipe(
        "oSVD",
        "Oscillation-index SVD",
        "Block-circulant deconvolution with the threshold raised in each voxel until the "
        "oscillation index is under 0.035. The usual reference in stroke; insensitive to delay.",
        "Wu O et al. Magn Reson Med 2003;50:164-174",
        _osvd,
        0.035,
    ),
    Recipe(
        "Tikhonov",
        "Tikhonov regularisation",
        "Smooth deconvolution whose strength is chosen in each voxel by generalised "
        "cross-validation. Flow depends on the delay: not for delayed territories.",
        "Calamante F et al. Magn Reson Med 2003;50:1237-1247; Golub GH et al. Technometrics "
        "1979;21:215-223",
        _tikhonov,
    ),
)
