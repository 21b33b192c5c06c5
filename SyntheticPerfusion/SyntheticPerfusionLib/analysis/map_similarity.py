"""How alike two maps are as pictures: the figures of Kossen et al. 2022 and Le et al. 2021.

Both papers scale a map to [-1, 1], so that its dynamic range L is 2, and compare whole slices or
the inside of a brain mask. On whole slices these figures flatter: outside the brain both maps hold
the same value, and a constant map scores a structural similarity of 0.75 to 0.96. So they stand
beside those of a trivial predictor and beside agreement.py, which has maps in their unit.

x is the estimated map, y the true one, n the number of voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DYNAMIC_RANGE = 2.0
"""L of maps from -1 to 1."""

K1, K2 = 0.01, 0.03
"""Constants that keep the structural similarity finite (Wang et al. 2004)."""
WINDOW_RADIUS, WINDOW_SIGMA = 5, 1.5
"""The window of 11 x 11 pixels and its Gaussian weights, in pixels (Wang et al. 2004)."""


@dataclass(frozen=True)
class Similarity:
    """Of two scaled maps over n voxels.

    voxels   n.
    mae      mean absolute error.
    nrmse    normalised root mean square error.
    psnr     peak signal to noise ratio in dB.
    ssim     structural similarity, 1 where the maps are the same.
    r2       squared Pearson correlation (NaN where either map is constant).
    tanimoto Tanimoto measure.
    """

    voxels: int
    mae: float
    nrmse: float
    psnr: float
    ssim: float
    r2: float
    tanimoto: float


def similarity(
    estimate: np.ndarray,
    truth: np.ndarray,
    region: np.ndarray | None = None,
    dynamic_range: float = DYNAMIC_RANGE,
    picture: np.ndarray | None = None,
) -> Similarity:
    """Of maps (K, J, I): of the voxels of a bool region (K, J, I), or of whole slices without one.

    picture  `structural_similarity` of the two, where it is at hand.

    Structural similarity is the mean over the windows around those voxels: what lies outside the
    region must be the same in both maps, or it counts at the border. ValueError where the region
    is empty.
    """
    region = np.ones(truth.shape, bool) if region is None else region
    if not region.any():
        raise ValueError("The region is empty.")
    if picture is None:
        picture = structural_similarity(estimate, truth, dynamic_range)
    x, y = estimate[region].astype(np.float64), truth[region].astype(np.float64)
    return Similarity(
        voxels=int(x.size),
        mae=mean_absolute_error(x, y),
        nrmse=normalised_error(x, y),
        psnr=peak_signal_to_noise(x, y, dynamic_range),
        ssim=float(picture[region].mean()),
        r2=squared_correlation(x, y),
        tanimoto=tanimoto(x, y),
    )


def mean_absolute_error(x: np.ndarray, y: np.ndarray) -> float:
    """MAE = 1/n sum |y_i - x_i| (Kossen equation 3)."""
    return float(np.abs(x - y).mean())


def normalised_error(x: np.ndarray, y: np.ndarray) -> float:
    """NRMSE = RMSE / sqrt(1/n sum y_i^2), RMSE = sqrt(1/n sum (y_i - x_i)^2) (equations 4, 5).

    NaN where y is 0 everywhere.
    """
    power = float(np.square(y).mean())
    return float(np.sqrt(np.square(x - y).mean() / power)) if power > 0 else float("nan")


def peak_signal_to_noise(
    x: np.ndarray, y: np.ndarray, dynamic_range: float = DYNAMIC_RANGE
) -> float:
    """PSNR = 10 log10(L^2 / MSE) in dB, infinite for maps that are the same.

    Equation 7 of Kossen et al. prints MAX_I / MSE, which depends on the unit of the map and must
    have lost its square; as printed it would be 10 log10(L) = 3 dB less for L = 2.
    """
    error = float(np.square(x - y).mean())
    return 10.0 * float(np.log10(dynamic_range**2 / error)) if error > 0 else float("inf")


def squared_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """R^2, the square of Pearson's correlation; NaN where either is constant."""
    if not (x.size > 1 and x.std() > 0 and y.std() > 0):
        return float("nan")
    return float(np.corrcoef(x.ravel(), y.ravel())[0, 1] ** 2)


def tanimoto(x: np.ndarray, y: np.ndarray) -> float:
    """T = x.y / (|x|^2 + |y|^2 - x.y), 1 for maps that are the same (Tanimoto 1958).

    NaN where both are 0 everywhere. It depends on where 0 lies: of maps from -1 to 1 that mostly
    hold -1, any two score high.
    """
    product = float((x * y).sum())
    size = float((x * x).sum() + (y * y).sum()) - product
    return product / size if size > 0 else float("nan")


def structural_similarity(
    estimate: np.ndarray, truth: np.ndarray, dynamic_range: float = DYNAMIC_RANGE
) -> np.ndarray:
    """SSIM of the window around each voxel, (K, J, I) float64, slice by slice (equation 6).

        (2 mu_x mu_y + c1) (2 sigma_xy + c2) / ((mu_x^2 + mu_y^2 + c1) (sigma_x^2 + sigma_y^2 + c2))

    with c1 = (K1 L)^2, c2 = (K2 L)^2 and means, variances and covariance weighted by a Gaussian of
    WINDOW_SIGMA over 11 x 11 pixels, as Wang et al. 2004 have them; Kossen et al. do not say which
    window they took. Beyond its edge a slice is mirrored. ValueError where a slice is smaller than
    the window.
    """
    if min(estimate.shape[1:]) <= 2 * WINDOW_RADIUS:
        raise ValueError(f"Slices of {estimate.shape[1:]} voxels are smaller than the window.")
    x, y = estimate.astype(np.float64), truth.astype(np.float64)
    mu_x, mu_y = _windowed(x), _windowed(y)
    c1, c2 = (K1 * dynamic_range) ** 2, (K2 * dynamic_range) ** 2
    variances = _windowed(x * x + y * y) - mu_x**2 - mu_y**2
    covariance = _windowed(x * y) - mu_x * mu_y
    alike = (2 * mu_x * mu_y + c1) * (2 * covariance + c2)
    return np.asarray(alike / ((mu_x**2 + mu_y**2 + c1) * (variances + c2)))


def _windowed(values: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    width = (0.0, WINDOW_SIGMA, WINDOW_SIGMA)
    return np.asarray(gaussian_filter(values, width, radius=WINDOW_RADIUS, mode="mirror"))
