"""The voxels of a series as concentration curves, a part at a time to bound the memory."""

from __future__ import annotations

import numpy as np

from .bolus import BolusTiming
from .bolus_presence import shows_bolus
from .concentration import Concentration, concentration
from .dsc_series import DscSeries
from .noise import noise_sigma

_PART_VOXELS = 8192


class VoxelCurves:
    """Concentration of the voxels of a mask.

    inside  (N,) flat indices of the voxels.
    sigma   noise of the series in signal units.
    """

    def __init__(
        self,
        series: DscSeries,
        mask: np.ndarray,
        bolus: BolusTiming,
        sigma: float | None = None,
    ) -> None:
        """Curves of `series` (at steady state, with an echo time) inside `mask` (K, J, I).

        sigma  noise of the series in signal units; measured in `mask` where not given.
        Raises InputError where the echo time is not known.
        """
        self.inside = np.flatnonzero(mask)
        self._shape = mask.shape
        self.sigma = noise_sigma(series, mask, bolus) if sigma is None else sigma
        self._echo_time_s = series.require_echo_time()
        self._frames = series.signal.reshape(series.frame_count, -1)
        self._bolus = bolus
        self._shown = shows_bolus(series, mask, bolus, self.sigma).ravel()[self.inside]

    def parts(self) -> list[slice]:
        """Slices of `inside` that together are the whole."""
        count = self.inside.size
        return [
            slice(start, min(start + _PART_VOXELS, count))
            for start in range(0, count, _PART_VOXELS)
        ]

    def volume(self, values: np.ndarray) -> np.ndarray:
        """(K, J, I) of the values (N,) of all voxels, 0 outside the mask."""
        whole = np.zeros(self._shape, dtype=values.dtype)
        whole.reshape(-1)[self.inside] = values
        return whole

    def of(self, part: slice | np.ndarray) -> Concentration:
        """Curves and flags of the voxels `inside[part]`."""
        return concentration(
            self._frames[:, self.inside[part]],
            self._bolus,
            self._echo_time_s,
            self.sigma,
            self._shown[part],
        )
