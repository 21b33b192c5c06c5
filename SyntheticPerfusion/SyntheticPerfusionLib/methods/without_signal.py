"""Voxels that a network cannot have read."""

from __future__ import annotations

import numpy as np

from ..series.dsc_series import DscSeries


def without_signal(series: DscSeries, mask: np.ndarray) -> np.ndarray:
    """(K, J, I) bool: voxels of the mask with a frame that is 0, negative or no number."""
    whole = np.ones(mask.shape, bool)
    for frame in series.signal:
        whole &= (frame > 0) & (frame < np.inf)
    return mask & ~whole
