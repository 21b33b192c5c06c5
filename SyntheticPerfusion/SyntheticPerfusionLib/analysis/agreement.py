"""How well a map agrees with the truth it should show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TMAX_BOUNDS_S = (0.0, 20.0)
"""Between which Tmax counts in the clipped error (Hess et al. 2018)."""


@dataclass(frozen=True)
class Agreement:
    """An estimated map x against the true one y over N voxels.

    voxels             N.
    correlation        Pearson's r (NaN where either is constant).
    median_ratio       median of x / y over y > 0.
    median_difference  median of x - y, in the unit of the map.
    mean_absolute      mean of |x - y|, in the unit of the map.
    """

    voxels: int
    correlation: float
    median_ratio: float
    median_difference: float
    mean_absolute: float


def agreement(estimate: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Agreement:
    """Agreement of two maps (K, J, I) within a mask; ValueError where it is empty."""
    x, y = estimate[mask].astype(np.float64), truth[mask].astype(np.float64)
    if x.size == 0:
        raise ValueError("The mask is empty.")
    varied = x.std() > 0 and y.std() > 0
    positive = y > 0
    ratios = x[positive] / y[positive]
    return Agreement(
        voxels=int(x.size),
        correlation=float(np.corrcoef(x, y)[0, 1]) if varied else float("nan"),
        median_ratio=float(np.median(ratios)) if ratios.size else float("nan"),
        median_difference=float(np.median(x - y)),
        mean_absolute=float(np.abs(x - y).mean()),
    )


def clipped_mean_absolute(
    estimate: np.ndarray,
    truth: np.ndarray,
    mask: np.ndarray,
    bounds: tuple[float, float] = TMAX_BOUNDS_S,
) -> float:
    """Mean of |x - y| after both maps are clipped to the bounds: MAEC of Hess et al. 2018.

    They clip Tmax to 0 to 20 s: values below belong to air, values above show a deficit or noise,
    however far above they lie. In the unit of the map; ValueError where the mask is empty.
    """
    if not mask.any():
        raise ValueError("The mask is empty.")
    x, y = (np.clip(values[mask].astype(np.float64), *bounds) for values in (estimate, truth))
    return float(np.abs(x - y).mean())


def area_under_roc(values: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> float:
    """Chance that a voxel of `inside` has a higher value than one of `outside`, ties half.

    The area under the ROC curve, by the rank sum (Hanley and McNeil 1982). Masks are (K, J, I);
    ValueError where one is empty.
    """
    from scipy.stats import rankdata

    high, low = values[inside], values[outside]
    if high.size == 0 or low.size == 0:
        raise ValueError("A mask is empty.")
    ranks = rankdata(np.concatenate([high, low]))
    above = ranks[: high.size].sum() - high.size * (high.size + 1) / 2
    return float(above / (high.size * low.size))
