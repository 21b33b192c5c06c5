"""Whether an uncertainty map tells how wrong a map is, or only how high its values are.

Hess et al. 2018 give sigma^2 = 2 b^2 of a Laplace distribution around each predicted value and
doubt it: they hoped for a correlation of sigma with the error and saw one with the predicted value.
Here both are measured, and what is left of the first when the second is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)

_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """Predictions x with a scale b of Laplace's distribution, against the truth y, over N voxels.

    voxels             N.
    expected, observed share of voxels that should lie, and that do lie, in the central interval
                       of each probability, |x - y| <= -b ln(1 - p).
    coverage_error     mean of |observed - expected|.
    predicted_error, observed_error   mean b and mean |x - y| of the tenths of the voxels of
                       rising b, in the unit of the map: equal where b is right, since the mean
                       of |x - y| of that distribution is b.
    with_error         Spearman's correlation of b with |x - y|.
    with_value         of b with x.
    error_with_value   of |x - y| with x.
    partial            of b with |x - y|, x held fixed (by ranks); 0 where b says nothing of the
                       error that x does not say.
    NaN stands for correlations of what is constant.
    """

    voxels: int
    expected: tuple[float, ...]
    observed: tuple[float, ...]
    coverage_error: float
    predicted_error: tuple[float, ...]
    observed_error: tuple[float, ...]
    with_error: float
    with_value: float
    error_with_value: float
    partial: float


def laplace_calibration(
    estimate: np.ndarray, variance: np.ndarray, truth: np.ndarray, mask: np.ndarray
) -> Calibration:
    """Calibration of a map and its variance sigma^2 = 2 b^2 (K, J, I) within a bool mask.

    variance  in the square of the map's unit; ValueError where it is negative or no number, or
              where the mask is empty.
    """
    x, y, squared = (values[mask].astype(np.float64) for values in (estimate, truth, variance))
    if x.size == 0:
        raise ValueError("The mask is empty.")
    if not (np.isfinite(squared).all() and squared.min() >= 0):
        raise ValueError("A variance is negative or not a number.")
    scale = np.sqrt(squared / 2)
    error = np.abs(x - y)
    expected = np.array(PROBABILITIES)
    observed = np.array([np.mean(error <= -scale * np.log1p(-p)) for p in expected])
    tenths = np.array_split(np.argsort(scale, kind="stable"), min(_BINS, x.size))
    with_error, with_value, error_with_value = _rank_correlations(scale, error, x)
    return Calibration(
        voxels=int(x.size),
        expected=PROBABILITIES,
        observed=tuple(float(share) for share in observed),
        coverage_error=float(np.abs(observed - expected).mean()),
        predicted_error=tuple(float(scale[part].mean()) for part in tenths),
        observed_error=tuple(float(error[part].mean()) for part in tenths),
        with_error=with_error,
        with_value=with_value,
        error_with_value=error_with_value,
        partial=partial_correlation(with_error, with_value, error_with_value),
    )


def partial_correlation(r_ab: float, r_ac: float, r_bc: float) -> float:
    """Correlation of a and b with c held fixed, from the three of a, b and c.

    (r_ab - r_ac r_bc) / sqrt((1 - r_ac^2) (1 - r_bc^2)); NaN where c settles a or b alone.
    """
    left = (1 - r_ac**2) * (1 - r_bc**2)
    return float((r_ab - r_ac * r_bc) / np.sqrt(left)) if left > 1e-12 else float("nan")


def _rank_correlations(scale: np.ndarray, error: np.ndarray, value: np.ndarray) -> list[float]:
    """Spearman's of scale and error, scale and value, error and value."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (scale, error, value)]
    varied = [values.std() > 0 for values in ranks]
    return [
        float(np.corrcoef(ranks[one], ranks[other])[0, 1])
        if varied[one] and varied[other]
        else float("nan")
        for one, other in ((0, 1), (0, 2), (1, 2))
    ]
