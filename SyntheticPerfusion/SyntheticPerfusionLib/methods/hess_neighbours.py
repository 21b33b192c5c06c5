"""Which voxels lie beside which, within slices, among those that are encoded."""

from __future__ import annotations

import numpy as np


def neighbours_in_slice(mask: np.ndarray, kernel: int) -> np.ndarray:
    """(V, kernel * kernel) int64: for each voxel of a (K, J, I) mask, those around it in its slice.

    Voxels are counted in the order of flatnonzero; V stands where the neighbour is outside the
    mask or the slice. Taps run by row, then column, as in the weights of a 2D convolution.
    """
    reach = kernel // 2
    where = np.flatnonzero(mask)
    number = np.full(
        (mask.shape[0], mask.shape[1] + 2 * reach, mask.shape[2] + 2 * reach), where.size, np.int64
    )
    number[:, reach : reach + mask.shape[1], reach : reach + mask.shape[2]][mask] = np.arange(
        where.size
    )
    k, j, i = np.unravel_index(where, mask.shape)
    return np.stack(
        [number[k, j + row, i + column] for row in range(kernel) for column in range(kernel)],
        axis=1,
    )
