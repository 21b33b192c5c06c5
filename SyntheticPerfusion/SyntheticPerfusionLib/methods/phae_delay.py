"""phae-delay: flow, volume, transit time and delay of each voxel, and how well they explain it.

series, AIF -> window around the bolus -> likelihood over (MTT, delay) -> network
            -> its bias for this patient taken off -> MTT, delay
            -> decoder -> CBV by least squares, CBF = CBV / MTT, misfit
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif import Aif
from ..series.bolus import BolusTiming, find_bolus
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from ..series.voxel_curves import VoxelCurves
from .bolus_window import BolusWindow, usable_times
from .neighbour_match import shared
from .network_method import NetworkMethod
from .networks.phae_delay import PhaeDelayArchitecture, PhaeDelayNetwork
from .parallel import in_parallel
from .phae_input import shows_passage
from .precision import autocast, has_bfloat16
from .reconstruction import reconstructed_series
from .residue_choice import Estimate, ResidueChoice, choose_residue
from .scale import CBV_PER_AREA, K_H, RHO_G_PER_ML, flow, scale_warning
from .transit_bias import TransitBias, simulated_bias
from .transit_decoder import TransitDecoder
from .transit_fit import fit
from .transit_match import PARAMETERS, Match, features

_LOOKED_AT = 4096
"""Voxels by which the residue function is chosen, as far as they are of good quality."""

_TMAX = (
    "Delay of the residue function that explains the curve best, from the arterial curve on. It "
    "is no time of a maximum: where the bolus is dispersed on its way Tmax by deconvolution is "
    "longer."
)


@dataclass(frozen=True, eq=False)
class _Passage:
    """What is the same for every voxel of a series."""

    voxels: VoxelCurves
    weights: np.ndarray
    window: BolusWindow
    echo_time_s: float

    def read(self, part: slice | np.ndarray) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
        """TE dR2* in the window (N, W), its noise (N,) and flags (N,) of the voxels of a part."""
        found = self.voxels.of(part)
        curves = (self.weights @ (found.curves * np.float32(self.echo_time_s))).T
        # As many frames as were averaged or read between, so the noise went down or not.
        smoothing = float(np.sqrt(np.square(self.weights).sum(1).mean()))
        return (
            self.window.cut(np.ascontiguousarray(curves, dtype=np.float32)),
            found.noise * np.float32(self.echo_time_s * smoothing),
            found.flags,
        )


class PhaeDelayMethod(NetworkMethod):
    """CBF, CBV, MTT, Tmax and the misfit."""

    def _build(self) -> PhaeDelayNetwork:
        return PhaeDelayNetwork(PhaeDelayArchitecture.from_json(self.architecture))

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
        bolus = find_bolus(series, mask)
        passage = _passage(series, mask, bolus, self.require_aif(aif))
        network = self.network(device)
        progress(0.0, f"Residue function ({self.name})")
        architecture = PhaeDelayArchitecture.from_json(self.architecture)
        estimate = _estimate_of(network, device)
        choice = _choose(passage, architecture, estimate, device, cancelled)
        window = passage.window.to(device)
        bias = simulated_bias(
            window, choice.family, choice.dictionary, estimate, architecture.transit_limits_s
        )
        stop_if(cancelled)
        decoder = TransitDecoder(window.arterial)
        spacing_mm = series.geometry.spacing

        count = passage.voxels.inside.size
        found = {name: np.zeros(count, np.float32) for name in ("CBV", "MTT", "Tmax", "misfit")}
        flags = np.zeros(count, np.uint8)

        def estimate_part(part: slice) -> None:
            curves, noise, flags[part] = passage.read(part)
            known = np.flatnonzero(shows_passage(flags[part]))
            if known.size == 0:
                return
            rows = known + part.start
            places = passage.voxels.inside[rows]
            beside = np.zeros(mask[0].size, bool)
            beside[places % beside.size] = True
            mtt_s, delay_s, amplitude, misfit = _estimated(
                curves[known].to(device),
                torch.from_numpy(noise[known]).to(device),
                window,
                choice,
                decoder,
                estimate,
                bias,
                lambda match: shared(
                    match, beside.reshape(mask[0].shape), spacing_mm, architecture.neighbourhood
                ),
            )
            found["MTT"][rows], found["Tmax"][rows] = mtt_s, delay_s
            found["CBV"][rows], found["misfit"][rows] = amplitude, misfit

        ends = np.cumsum(mask.reshape(mask.shape[0], -1).sum(1)).tolist()
        parts = [slice(a, b) for a, b in pairwise([0, *ends]) if b > a]
        for fraction in in_parallel(estimate_part, parts, device):
            stop_if(cancelled)
            progress(fraction, f"Transit times and delays ({self.name})")

        arterial = passage.window.height * passage.echo_time_s
        found["CBV"] = np.maximum(found["CBV"], 0) * np.float32(CBV_PER_AREA / arterial)
        found["CBF"] = flow(found["CBV"], found["MTT"])
        whole = passage.voxels.volume
        return self.maps(
            {name: whole(values) for name, values in found.items()},
            series,
            mask,
            flags=whole(flags),
            settings={
                "residue": choice.family,
                "evidence": choice.evidence,
                "k_h": K_H,
                "rho_g_per_ml": RHO_G_PER_ML,
                "precision": "bfloat16" if has_bfloat16(device) else "float32",
            },
            warnings=scale_warning(found["CBF"][flags == Flag.GOOD]),
            definitions={"Tmax": _TMAX},
        )

    def reconstruct(self, maps: PerfusionMaps, series: DscSeries, aif: Aif) -> DscSeries:
        """See `Method.reconstruct`."""
        return reconstructed_series(maps, series, aif)


def _passage(series: DscSeries, mask: np.ndarray, bolus: BolusTiming, aif: Aif) -> _Passage:
    echo_time_s = series.require_echo_time()
    if not np.isfinite(aif.concentration).all() or not aif.concentration.max() > 0:
        raise InputError(
            f"The arterial curve never rises above 0 or is no number somewhere ({aif.source}); "
            "choose another artery."
        )
    weights = usable_times(series.frame_times_s)
    step_s = float((weights @ series.frame_times_s)[1] - (weights @ series.frame_times_s)[0])
    begins = (weights @ series.frame_times_s) >= series.frame_times_s[bolus.baseline_start]
    window = BolusWindow.around(weights @ aif.concentration, step_s, int(np.argmax(begins)))
    return _Passage(
        VoxelCurves(series, mask, bolus), weights.astype(np.float32), window, echo_time_s
    )


def _estimate_of(network: torch.nn.Module, device: str) -> Estimate:
    """The network as a function, in the precision of the device."""

    def estimate(read: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        with autocast(device):
            found: tuple[torch.Tensor, torch.Tensor] = network(read)
        return found

    return estimate


def _choose(
    passage: _Passage,
    architecture: PhaeDelayArchitecture,
    estimate: Estimate,
    device: str,
    cancelled: CancelCheck,
) -> ResidueChoice:
    """By voxels spread evenly over those of good quality."""
    count = passage.voxels.inside.size
    some = np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).astype(int))
    curves, _, flags = passage.read(some)
    with torch.inference_mode():
        return choose_residue(
            curves[np.flatnonzero(flags == Flag.GOOD)].to(device),
            passage.window.to(device),
            architecture.families,
            architecture.grid,
            estimate,
            lambda: stop_if(cancelled),
        )


def _estimated(
    curves: torch.Tensor,
    noise: torch.Tensor,
    window: BolusWindow,
    choice: ResidueChoice,
    decoder: TransitDecoder,
    estimate: Estimate,
    bias: TransitBias,
    share: Callable[[Match], Match],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """MTT and delay in s, amplitude in the unit of the curves and misfit, (N,) each."""
    with torch.inference_mode():
        match = share(choice.dictionary.match(curves))
        mtt_s, delay_s = bias.without(*estimate(features(match, choice.dictionary)), match)
        g = decoder.curves(choice.family, mtt_s / window.step_s, delay_s / window.step_s)
        found = fit(curves, g, window)
        frames = max(choice.dictionary.count, PARAMETERS + 1.0)
        away = (found.left * (frames / (frames - PARAMETERS))).sqrt()
        misfit = torch.where(noise > 0, away / noise, 0.0)
        return tuple(  # type: ignore[return-value]
            one.cpu().numpy() for one in (mtt_s, delay_s, found.amplitude, misfit)
        )
