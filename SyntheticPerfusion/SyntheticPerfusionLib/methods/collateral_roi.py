"""Collateral maps from two regions that a person draws, offered beside the networks."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import COLLATERALS
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries
from .method import Method, Needs


class CollateralRegions(Method):
    """The reference of the collateral networks: the curves of an artery and a sinus divide time.

    The maps are made where the regions are read (phase_pipeline), so that `maps` and `phases`
    give the same; here stands what the lists of methods say of it.
    """

    name = "collateral-roi"
    title = "Collateral maps from two regions"
    description = (
        "Divides the passage of the bolus into five phases by the curves of two regions that you "
        "draw, in the middle cerebral artery of the healthy side (MCA) and in the superior "
        "sagittal sinus (SSS), and maps the tracer of each phase. The reference that the "
        "collateral networks learn from; a region on the diseased side moves every phase."
    )
    reference = (
        "Le et al., 3-D multitask deep neural networks for collateral imaging, Proc. SPIE 11597 "
        "(2021), section 2.1, doi:10.1117/12.2581011; the bounds of the phases are this project's"
    )
    needs = Needs(echo_time=True, minimum_frames=10, regions=("mca", "sss"))
    quantities = COLLATERALS

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """Raises InputError: a series alone does not say where its vessels lie."""
        raise InputError(
            f"{self.name} needs two regions drawn by a person, which only `maps` and `phases` take."
        )
