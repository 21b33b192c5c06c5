"""The collateral maps that a person makes of a digital patient, who draws its regions perfectly.

The classical reference of the collateral networks: the same division of time as the truth's, by
the same voxels of artery and sinus, but from the noisy series. A network that is no better adds
nothing but the work of drawing that it saves.
"""

from __future__ import annotations

import numpy as np

from ..analysis.collateral_phases import phase_maps
from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import COLLATERALS
from ..methods.method import Method, Needs
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries
from .evaluated_patient import EvaluatedPatient


class ReferencePhases(Method):
    """Collateral maps by the true regions of one patient."""

    name = "true regions"
    title = "Collateral maps by the true regions"
    description = "The five phases by the true artery and sinus of a patient. For comparison."
    reference = "none"
    needs = Needs(echo_time=True)
    quantities = COLLATERALS

    def __init__(self, patient: EvaluatedPatient) -> None:
        """Raises InputError where the slices hold no artery or no sinus."""
        missing = [name.upper() for name in ("mca", "sss") if name not in patient.rois]
        if missing:
            raise InputError(f"There is no region of the {' and the '.join(missing)}.")
        self._mca, self._sss = (patient.rois[name] for name in ("mca", "sss"))

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
        maps = phase_maps(series, mask, self._mca, self._sss, None, progress, cancelled)
        return PerfusionMaps(
            maps.arrays,
            maps.geometry,
            maps.mask,
            self.name,
            flags=maps.flags,
            settings=maps.settings,
            warnings=maps.warnings,
        )
