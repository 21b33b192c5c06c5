"""Slices of any matrix on the one that a network works on, and its maps back on theirs.

The network's plane is a square around the middle of the slice, as wide as the slice's longer side.
Both ways are straight lines between voxels, or means over them where the grid becomes coarser: one
small matrix for the rows and one for the columns. Where both grids are the same, values pass as
they are.
"""

from __future__ import annotations

import numpy as np

_LEAST_SHARE = 0.5
"""Of a voxel of the network's plane that must be brain, for it to be brain."""
_LEAST_TRACE = 1e-3
"""The same, for brain that would else be seen by none: single voxels of a fine matrix."""


class SlicePlane:
    """The two grids of a slice.

    rows, columns  of the series' slices; `step_mm` (i, j) their voxel size, which may be longer.
    matrix         rows and columns of the network's plane.
    upside_down    whether the series' rows run towards the forehead: the network sees all heads the
                   same way up.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        step_mm: tuple[float, ...],
        matrix: int,
        upside_down: bool = False,
    ) -> None:
        rows, columns = shape
        height, width = rows * step_mm[1], columns * step_mm[0]
        side = max(height, width)
        own = side / matrix
        turn = -1 if upside_down else 1
        self._rows = _weights(rows, step_mm[1], matrix, own)[:, ::turn]
        self._columns = _weights(columns, step_mm[0], matrix, own)
        self._rows_back = _weights(matrix, own, rows, step_mm[1])[::turn]
        self._columns_back = _weights(matrix, own, columns, step_mm[0])
        self.same = rows == columns == matrix and height == width and not upside_down

    def to_network(self, planes: np.ndarray) -> np.ndarray:
        """(..., M, M) float32 of (..., J, I)."""
        if self.same:
            return planes.astype(np.float32)
        return self._rows @ planes.astype(np.float32) @ self._columns.T

    def brain(self, mask: np.ndarray) -> np.ndarray:
        """(M, M) bool of a mask (J, I), every voxel of which reads its map from some of it."""
        brain: np.ndarray = self.to_network(mask) >= _LEAST_SHARE
        if self.same:
            return brain
        unseen = mask & (self._rows_back @ brain.astype(np.float32) @ self._columns_back.T <= 0)
        return brain | (self.to_network(unseen) >= _LEAST_TRACE) if unseen.any() else brain

    def from_network(self, values: np.ndarray, brain: np.ndarray) -> np.ndarray:
        """(J, I) float32 of a map (M, M) that says something in `brain` (M, M)."""
        if self.same:
            return values.astype(np.float32)
        inside = brain.astype(np.float32)
        share = self._rows_back @ inside @ self._columns_back.T
        total = self._rows_back @ (values * inside) @ self._columns_back.T
        plain = self._rows_back @ values @ self._columns_back.T
        np.divide(total, share, out=plain, where=share > 0)
        return plain


def _weights(count: int, step: float, wanted: int, wanted_step: float) -> np.ndarray:
    """(wanted, count) float32 weights from one row of voxels to another with the same middle.

    A tent as wide as the larger of both steps on either side; what lies beyond the row is 0.
    """
    here = (np.arange(count) - (count - 1) / 2) * step
    there = (np.arange(wanted) - (wanted - 1) / 2) * wanted_step
    reach = max(step, wanted_step)
    tents = np.clip(1 - np.abs(there[:, None] - here) / reach, 0, None)
    total = tents.sum(axis=1, keepdims=True)
    inside = np.abs(there)[:, None] <= count * step / 2
    shares = np.divide(tents, total, out=np.zeros_like(tents), where=(total > 0) & inside)
    return shares.astype(np.float32)
