"""The trivial predictor of flow by an arterial curve: the volume, with one transit time for all.

Volume needs no deconvolution and explains most of the flow's variation (r with oSVD's flow is 0.96
in a real slice). What a method adds is the transit time: a figure that this one reaches as well
says nothing about it.
"""

from __future__ import annotations

import numpy as np

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import QUANTITIES
from ..methods.method import Method, Needs
from ..methods.registry import get_method
from ..methods.scale import S_PER_MIN
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries

USUAL_MTT_S = 4.6
"""About that of a brain's tissue."""


class ConstantTransit(Method):
    """CBF = CBV / MTT with one MTT, CBV as every method here finds it."""

    name = "constant MTT"
    title = "Volume with one transit time"
    description = "CBV over a transit time that is the same everywhere. For comparison."
    reference = "none"
    needs = Needs(aif=True, echo_time=True)
    quantities = tuple(QUANTITIES[name] for name in ("CBF", "CBV", "MTT"))

    def __init__(self, mtt_s: float = USUAL_MTT_S) -> None:
        self._mtt_s = mtt_s
        self._volume_by = get_method("Tikhonov")

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """See `Method.estimate`."""
        found = self._volume_by.estimate(series, mask, aif, device, progress, cancelled)
        volume = found["CBV"]
        values = {
            "CBF": volume * np.float32(S_PER_MIN / self._mtt_s),
            "CBV": volume,
            "MTT": np.where(volume > 0, self._mtt_s, 0).astype(np.float32),
        }
        return PerfusionMaps(
            {item: values[item.name] for item in self.quantities},
            series.geometry,
            mask,
            self.name,
            flags=found.flags,
        )
