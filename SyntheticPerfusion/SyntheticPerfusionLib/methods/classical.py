"""The reference: deconvolution with a measured arterial curve, as `Method`s."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import QUANTITIES, Quantity
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif import Aif
from ..series.bolus import find_bolus
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from ..series.leakage import LeakageReference, leakage_reference
from ..series.voxel_curves import VoxelCurves
from .bolus_parameters import QUANTITIES_WITHOUT_AIF, bolus_parameters
from .deconvolution.recipes import Recipe
from .method import Method, Needs
from .parallel import in_parallel
from .scale import (
    K_H,
    ML_PER_100_G,
    RHO_G_PER_ML,
    S_PER_MIN,
    arterial_area,
    scale_warning,
    volume_weights,
)
from .timing import even_times

if TYPE_CHECKING:
    from .deconvolution.solver import Solver


@dataclass(frozen=True)
class DeconvolutionSettings:
    """What a classical method is run with.

    regularisation  threshold (sSVD, cSVD) or oscillation limit (oSVD); unused by Tikhonov.
    k_h             haematocrit factor kH = (1 - 0.45) / (1 - 0.25) for arteries and capillaries.
    rho_g_per_ml    density of brain tissue.
    leakage         whether CBV_corrected and K2 are computed too.
    allow_for_transit   whether K2 is told from a transit slower than the brain's
                    (series/leakage.py); without it as Boxerman does.
    """

    regularisation: float = 0.0
    k_h: float = K_H
    rho_g_per_ml: float = RHO_G_PER_ML
    leakage: bool = False
    allow_for_transit: bool = False


class Deconvolution(Method):
    """CBF, CBV, MTT and Tmax by one kind of deconvolution, with the maps that need no AIF."""

    needs = Needs(aif=True, echo_time=True, minimum_frames=10)

    def __init__(
        self, recipe: Recipe, leakage: bool = False, allow_for_transit: bool = False
    ) -> None:
        self.name = recipe.name
        self.title = recipe.title
        self.description = recipe.description
        self.reference = recipe.reference
        self.settings = DeconvolutionSettings(
            recipe.regularisation, leakage=leakage, allow_for_transit=allow_for_transit
        )
        self._build = recipe.build
        extra = ("CBV_corrected", "K2") if leakage else ()
        self.quantities: tuple[Quantity, ...] = (
            *(QUANTITIES[item] for item in ("CBF", "CBV", "MTT", "Tmax")),
            *QUANTITIES_WITHOUT_AIF,
            *(QUANTITIES[item] for item in extra),
        )

    def build_solver(self, aif: np.ndarray, step_s: float, device: str) -> Solver:
        """The deconvolution by an arterial curve (T,) sampled every `step_s` seconds."""
        return self._build(aif, step_s, self.settings.regularisation, device)

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
        aif = self.require_aif(aif)
        echo_time = series.require_echo_time()
        bolus = find_bolus(series, mask)
        even = even_times(series.frame_times_s)
        solver = self.build_solver(even.resample(aif.concentration), even.step_s, device)
        scale = self.settings.k_h / self.settings.rho_g_per_ml * ML_PER_100_G
        weights = volume_weights(series.frame_times_s, bolus)
        whole_artery = arterial_area(weights, aif.concentration, aif.source)
        tissue_weights = weights.astype(np.float32)
        voxels = VoxelCurves(series, mask, bolus)
        leakage = self._leakage_reference(voxels, series) if self.settings.leakage else None

        def values_of(curves: np.ndarray) -> dict[str, np.ndarray]:
            height, position = _peak(solver, even.resample(curves), device)
            area = tissue_weights @ curves
            values = bolus_parameters(curves, area, bolus, series.frame_times_s, echo_time)
            values["CBF"] = np.maximum(height, 0) * (scale * S_PER_MIN)
            values["CBV"] = np.maximum(area, 0) * (scale / whole_artery)
            values["MTT"] = _ratio(values["CBV"], values["CBF"]) * S_PER_MIN
            values["Tmax"] = position * even.step_s
            if leakage is not None:
                values["K2"] = leakage.k2_of(curves)
                whole = tissue_weights @ leakage.corrected(curves, values["K2"])
                values["CBV_corrected"] = np.maximum(whole, 0) * (scale / whole_artery)
            return values

        found = {item.name: np.zeros(voxels.inside.size, np.float32) for item in self.quantities}
        flags = np.zeros(voxels.inside.size, np.uint8)

        def estimate_part(part: slice) -> None:
            measured = voxels.of(part)
            unknown = (measured.flags == Flag.NO_SIGNAL) | (measured.flags == Flag.NO_BOLUS)
            for name, values in values_of(measured.curves).items():
                found[name][part] = np.where(unknown, 0, values)
            flags[part] = measured.flags

        for fraction in in_parallel(estimate_part, voxels.parts(), device):
            stop_if(cancelled)
            progress(fraction, f"Deconvolution ({self.name})")
        found["rCBV"] = _relative(found["rCBV"])
        return self._maps(series, mask, voxels, found, flags)

    def _leakage_reference(self, voxels: VoxelCurves, series: DscSeries) -> LeakageReference:
        return leakage_reference(
            lambda: map(voxels.of, voxels.parts()),
            series.frame_times_s,
            self.settings.allow_for_transit,
        )

    def _maps(
        self,
        series: DscSeries,
        mask: np.ndarray,
        voxels: VoxelCurves,
        found: dict[str, np.ndarray],
        flags: np.ndarray,
    ) -> PerfusionMaps:
        return PerfusionMaps(
            arrays={item: voxels.volume(found[item.name]) for item in self.quantities},
            geometry=series.geometry,
            mask=mask,
            method=self.name,
            flags=voxels.volume(flags),
            settings=asdict(self.settings),
            warnings=scale_warning(found["CBF"][flags == Flag.GOOD]),
        )


def _peak(solver: Solver, curves: np.ndarray, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Height (1/s) and position (frames) of the residue's maximum for (T, N) curves."""
    import torch

    with torch.inference_mode():
        rows = torch.from_numpy(np.ascontiguousarray(curves.T, dtype=np.float32)).to(device)
        height, position = solver.peak(rows)
        return height.cpu().numpy(), position.cpu().numpy()


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Their quotient, 0 where the denominator is not positive."""
    quotient = np.zeros_like(numerator)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _relative(area: np.ndarray) -> np.ndarray:
    """Areas over their mean where they are not 0."""
    counted = area[area != 0]
    mean = float(counted.mean()) if counted.size else 0.0
    return area / np.float32(mean) if mean > 0 else np.zeros_like(area)
