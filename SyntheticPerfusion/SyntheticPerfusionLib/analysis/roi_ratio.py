"""What a map says about a region, and about a tumour over its contralateral side.

A region is a share of every voxel (0 to 1), so that one drawn on a finer grid keeps its volume on
the thick slices of a perfusion map. Counts and volumes stay beside the means: a ratio of six
voxels should look like one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry

_OVERLAP = 0.01
"""Share of the smaller region up to which two may touch (rims of fractional coverage)."""


@dataclass(frozen=True)
class RoiStatistics:
    """A map in a region; w are the shares of the voxels, x the values.

    mean                 sum(w x) / sum(w).
    standard_deviation   sqrt(sum(w (x - mean)^2) / sum(w)).
    median               the lowest value at which half of sum(w) is reached.
    voxels               sum(w): a count, with fractions.
    volume_ml            the same in millilitres.
    without_value        the part of `voxels` in which the map holds exactly 0: outside the brain
                         mask or without a usable curve. It pulls the mean down.
    """

    mean: float
    standard_deviation: float
    median: float
    voxels: float
    volume_ml: float
    without_value: float


@dataclass(frozen=True)
class RoiRatio:
    """Two regions of a map and the ratio of their means."""

    tumor: RoiStatistics
    reference: RoiStatistics
    ratio: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences the person should read."""
        return tuple(
            f"{part.without_value / part.voxels:.0%} of the {name} region has no value in this "
            "map (it is 0 there) and lowers its mean; redraw the region inside the brain."
            for name, part in (("tumor", self.tumor), ("reference", self.reference))
            if part.without_value > 0.05 * part.voxels
        )


def roi_statistics(
    values: np.ndarray, weights: np.ndarray, geometry: Geometry, name: str = "region"
) -> RoiStatistics:
    """Values of a map (K, J, I) in a region given as shares (K, J, I), 0 to 1, or bool.

    Raises InputError for a region on another grid, an empty one, shares beyond 0 to 1, and
    values that are not finite.
    """
    if weights.shape != values.shape:
        raise InputError(
            f"The {name} lies on a grid of {_by(weights)} voxels and the map on one of "
            f"{_by(values)}; draw the {name} on the map or resample it."
        )
    if values.shape != geometry.shape:
        raise ValueError(f"The map has shape {values.shape}, its grid {geometry.shape}.")
    inside = weights > 0
    w = weights[inside].astype(np.float64)
    x = values[inside].astype(np.float64)
    if w.size == 0:
        raise InputError(f"The {name} is empty; draw it where the map has voxels.")
    if not w.max() <= 1.0:
        raise InputError(
            f"The {name} has shares of voxels up to {w.max():g}, expected 0 to 1; "
            "give a mask or fractional coverage."
        )
    if not np.all(np.isfinite(x)):
        raise InputError(
            f"The map is not a number in {int(np.sum(~np.isfinite(x)))} voxels of the {name}; "
            "redraw it where the map has values."
        )
    total = float(w.sum())
    mean = float(w @ x) / total
    order = np.argsort(x, kind="stable")
    half = int(np.searchsorted(np.cumsum(w[order]), total / 2))
    return RoiStatistics(
        mean=mean,
        standard_deviation=float(np.sqrt(w @ (x - mean) ** 2 / total)),
        median=float(x[order[min(half, x.size - 1)]]),
        voxels=total,
        volume_ml=total * geometry.voxel_volume_ml,
        without_value=float(w[x == 0].sum()),
    )


def roi_ratio(
    values: np.ndarray, tumor: np.ndarray, reference: np.ndarray, geometry: Geometry
) -> RoiRatio:
    """Mean of a map in the tumour over that in the reference, both as in `roi_statistics`.

    Raises InputError also where the regions overlap and where the reference mean is 0.
    """
    of_tumor = roi_statistics(values, tumor, geometry, "tumor region")
    of_reference = roi_statistics(values, reference, geometry, "reference region")
    shared = float(np.minimum(tumor, reference, dtype=np.float64).sum())
    if shared > _OVERLAP * min(of_tumor.voxels, of_reference.voxels):
        raise InputError(
            f"The tumor and reference regions share {shared:g} voxels; "
            "draw the reference in tissue outside the tumor."
        )
    if of_reference.mean == 0:
        raise InputError(
            "The mean of the map in the reference region is 0, so there is no ratio; "
            "draw the reference where the map has values."
        )
    return RoiRatio(of_tumor, of_reference, of_tumor.mean / of_reference.mean)


def _by(array: np.ndarray) -> str:
    return "x".join(str(size) for size in reversed(array.shape))
