"""Every method that can be chosen, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .classical import Deconvolution, DeconvolutionSettings

if TYPE_CHECKING:
    from .deconvolution.solver import Solver


def _ssvd(aif: np.ndarray, step_s: float, threshold: float, device: str) -> Solver:
    from .deconvolution.truncated import ssvd

    return ssvd(aif, step_s, threshold, device)


def _csvd(aif: np.ndarray, step_s: float, threshold: float, device: str) -> Solver:
    from .deconvolution.truncated import csvd

    return csvd(aif, step_s, threshold, device)


def _osvd(aif: np.ndarray, step_s: float, limit: float, device: str) -> Solver:
    from .deconvolution.oscillation import OscillationSolver

    return OscillationSolver(aif, step_s, limit, device)


def _tikhonov(aif: np.ndarray, step_s: float, _: float, device: str) -> Solver:
    from .deconvolution.tikhonov import TikhonovSolver

    return TikhonovSolver(aif, step_s, device)


def _make_ssvd(leakage: bool) -> Deconvolution:
    return Deconvolution(
        "sSVD",
        "Standard SVD",
        "Truncated singular value decomposition at 15 % of the largest singular value. "
        "Underestimates flow where the bolus arrives late; not for delayed territories.",
        "Ostergaard L et al. Magn Reson Med 1996;36:715-725",
        _ssvd,
        DeconvolutionSettings(regularisation=0.15, leakage=leakage),
    )


def _make_csvd(leakage: bool) -> Deconvolution:
    return Deconvolution(
        "cSVD",
        "Block-circulant SVD",
        "Block-circulant singular value decomposition at 7 % of the largest singular value. "
        "Insensitive to delay of either sign.",
        "Wu O et al. Magn Reson Med 2003;50:164-174",
        _csvd,
        DeconvolutionSettings(regularisation=0.07, leakage=leakage),
    )


def _make_osvd(leakage: bool) -> Deconvolution:
    return Deconvolution(
        "oSVD",
        "Oscillation-index SVD",
        "Block-circulant deconvolution with the threshold raised in each voxel until the "
        "oscillation index is under 0.035. The usual reference in stroke; insensitive to delay.",
        "Wu O et al. Magn Reson Med 2003;50:164-174",
        _osvd,
        DeconvolutionSettings(regularisation=0.035, leakage=leakage),
    )


def _make_tikhonov(leakage: bool) -> Deconvolution:
    return Deconvolution(
        "Tikhonov",
        "Tikhonov regularisation",
        "Smooth deconvolution whose strength is chosen in each voxel by generalised "
        "cross-validation. Underestimates flow where the bolus arrives late.",
        "Calamante F et al. Magn Reson Med 2003;50:1237-1247",
        _tikhonov,
        DeconvolutionSettings(leakage=leakage),
    )


_METHODS: dict[str, Callable[[bool], Deconvolution]] = {
    "sSVD": _make_ssvd,
    "cSVD": _make_csvd,
    "oSVD": _make_osvd,
    "Tikhonov": _make_tikhonov,
}


def method_names() -> list[str]:
    """Names of all methods, in the order in which they are offered."""
    return list(_METHODS)


def get_method(name: str, leakage: bool = False) -> Deconvolution:
    """The method called `name`; `leakage` adds the leakage-corrected maps where it can.

    Raises InputError where there is no such method.
    """
    if name not in _METHODS:
        raise InputError(
            f"There is no method called {name!r}; choose one of {', '.join(method_names())}."
        )
    return _METHODS[name](leakage)


def describe_methods() -> list[dict[str, Any]]:
    """Every method as plain JSON values."""
    return [get_method(name).describe() for name in method_names()]
