"""PHAE: flow, volume and transit time by a self-supervised network (Fayolle 2025).

The encoder gives the mean transit time of each voxel from its curve and the arterial one; the
volume is their areas' ratio, the flow follows from the central volume theorem. The decoder, which
the encoder learned by, shows how well the measured curve is explained.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif import Aif
from ..series.bolus import find_bolus
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from ..series.voxel_curves import VoxelCurves
from .network_method import NetworkMethod
from .networks.phae import PhaeArchitecture, PhaeEncoder, folded
from .parallel import in_parallel
from .phae_decoder import reconstruct
from .phae_input import NORMALISATION, SubjectCurves, subject_curves
from .precision import has_bfloat16
from .scale import CBV_PER_AREA, K_H, RHO_G_PER_ML, flow, scale_warning

_PART_VOXELS = 2048
_FRAMES_AT_ONCE = 5120
"""Frames, of all voxels together, whose activations stay in the cache of one core: 2.6 MB of the
last block in bfloat16. Twice as many cost a sixth of the rate."""
_FRAMES_AT_ONCE_ELSEWHERE = 1 << 20
_DARKEST = 3.0
"""TE dR2* beyond which a frame counts no less: its signal is a twentieth of the baseline."""


class PhaeMethod(NetworkMethod):
    """CBF, CBV, MTT and the misfit of the reconstructed curve."""

    def _build(self) -> PhaeEncoder:
        used = self.preprocessing.get("normalisation")
        if used != NORMALISATION:
            raise InputError(
                f"{self.folder.path} was trained on curves normalised by {used!r}; this program "
                f"knows {NORMALISATION!r} alone."
            )
        return PhaeArchitecture.from_json(self.architecture).encoder()

    def network(self, device: str) -> torch.nn.Module:
        """See `NetworkMethod.network`; batch normalisation is folded into the convolutions."""
        known = self._networks.get(device)
        if known is None:
            whole = super().network(device)
            assert isinstance(whole, PhaeEncoder)
            known = folded(whole, torch.bfloat16 if has_bfloat16(device) else torch.float32)
            self._networks[device] = known
        return known

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
        network = self.network(device)
        residue = PhaeArchitecture.from_json(self.architecture).residue
        bolus = find_bolus(series, mask)
        voxels = VoxelCurves(series, mask, bolus)
        subject = subject_curves(
            voxels,
            bolus,
            series.frame_times_s,
            aif.concentration,
            aif.source,
            cancelled=cancelled,
        )
        known = np.flatnonzero(subject.known)
        found = {name: np.zeros(subject.volume.size, np.float32) for name in ("MTT", "misfit")}

        def estimate_part(part: slice) -> None:
            rows = known[part]
            mtt_s, misfit = _transit(
                network, subject, rows, residue, series.require_echo_time(), device
            )
            found["MTT"][rows] = mtt_s
            found["misfit"][rows] = misfit

        parts = [slice(start, start + _PART_VOXELS) for start in range(0, known.size, _PART_VOXELS)]
        for fraction in in_parallel(estimate_part, parts, device):
            stop_if(cancelled)
            progress(fraction, f"Transit times ({self.name})")

        found["CBV"] = np.where(subject.known, subject.volume * np.float32(CBV_PER_AREA), 0)
        found["CBF"] = flow(found["CBV"], found["MTT"])
        return self.maps(
            {name: voxels.volume(values) for name, values in found.items()},
            series,
            mask,
            flags=voxels.volume(subject.flags),
            settings={
                "residue": residue,
                "k_h": K_H,
                "rho_g_per_ml": RHO_G_PER_ML,
                "maximum_per_s": subject.maximum,
                "precision": "bfloat16" if has_bfloat16(device) else "float32",
            },
            warnings=scale_warning(found["CBF"][subject.flags == Flag.GOOD]),
        )


def _transit(
    network: torch.nn.Module,
    subject: SubjectCurves,
    rows: np.ndarray,
    residue: str,
    echo_time_s: float,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """(N,) MTT in seconds and (N,) misfit of the voxels `rows`."""
    with torch.inference_mode():
        tissue = torch.from_numpy(subject.tissue[rows]).to(device)
        arterial = torch.from_numpy(subject.arterial).to(device)
        noise = torch.from_numpy(subject.noise[rows]).to(device)
        volume = torch.from_numpy(subject.volume[rows]).to(device)
        mtt_s = torch.cat(
            [
                network(paired(curves, arterial), subject.step_s)
                for curves in _at_once(tissue, device)
            ]
        )
        curves = reconstruct(arterial, volume, mtt_s, subject.step_s, residue)
        found = misfit(tissue, curves, noise, subject.maximum * echo_time_s)
        return mtt_s.cpu().numpy(), found.cpu().numpy()


def misfit(
    measured: torch.Tensor, rebuilt: torch.Tensor, noise: torch.Tensor, depth: float
) -> torch.Tensor:
    """(N,) what is left of curves (N, T) over their noise (N,); 1 where noise alone is left.

    `noise` is that of the baseline. The logarithm makes it larger by S0 / S in a dark frame, so
    the square of a frame counts by (S / S0)^2 = exp(-2 TE dR2*) of the reconstructed curve;
    `depth` times a curve is its TE dR2*. 0 where no noise was measured.
    """
    weights = torch.exp(-2 * (depth * rebuilt).clamp(0, _DARKEST))
    left = (weights * (measured - rebuilt).square()).mean(dim=1).sqrt()
    return torch.where(noise > 0, left / noise, 0.0)


def paired(tissue: torch.Tensor, arterial: torch.Tensor) -> torch.Tensor:
    """(N, 2, T) input of the encoder, of (N, T) tissue curves and one (T,) arterial curve."""
    return torch.stack([tissue, arterial.expand_as(tissue)], dim=1)


def _at_once(curves: torch.Tensor, device: str) -> Iterator[torch.Tensor]:
    frames = _FRAMES_AT_ONCE if device == "cpu" else _FRAMES_AT_ONCE_ELSEWHERE
    yield from curves.split(max(1, frames // curves.shape[1]))
