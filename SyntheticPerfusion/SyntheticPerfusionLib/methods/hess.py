"""Synthetic Tmax, TTP and RBF: maps from the raw series by a network (Hess 2018).

No arterial input function and no echo time are needed. Slices are worked on one by one: every voxel
of the brain is encoded by itself, then correlated with its neighbours in the slice.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif import Aif
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from .hess_input import HessInput
from .hess_neighbours import neighbours_in_slice
from .hess_settings import HessArchitecture, HessPreprocessing, TargetScale
from .network_method import NetworkMethod
from .networks.hess import HessNetwork
from .parallel import in_parallel
from .precision import autocast, has_bfloat16
from .without_signal import without_signal

_AT_ONCE = {"cpu": 512}
"""Voxels whose activations stay in the cache of one core (2.6 MB of the first layer)."""
_AT_ONCE_ELSEWHERE = 16384


class HessMethod(NetworkMethod):
    """One map, and for Tmax the variance of its Laplace distribution, sigma^2 = 2 b^2."""

    def _build(self) -> HessNetwork:
        return HessNetwork(HessArchitecture.from_json(self.architecture))

    @property
    def scale(self) -> TargetScale:
        """How the network's values become those of the map."""
        try:
            return TargetScale.from_json(self.preprocessing.get("target"))
        except InputError as error:
            raise InputError(f"In model.json of {self.folder.path}, {error}") from error

    def estimate(
        self,
        series: DscSeries,
        mask: np.ndarray,
        aif: Aif | None = None,
        device: str = "cpu",
        progress: Progress = silent,
        cancelled: CancelCheck = never,
    ) -> PerfusionMaps:
        """See `Method.estimate`. Flagged is only what shows no signal: those voxels hold 0."""
        network, scale = self.network(device), self.scale
        assert isinstance(network, HessNetwork)
        examination = HessInput(
            series.signal,
            series.frame_times_s,
            mask,
            series.geometry.spacing,
            network.architecture,
            HessPreprocessing.from_json(self.preprocessing),
            series.geometry.direction,
        )
        # Asked before the slices, which else ask side by side: they must all be in one precision.
        in_bfloat16 = has_bfloat16(device)
        run = _Run(network, examination, device)
        values = np.zeros((2, *mask.shape), np.float32)
        slices = [int(k) for k in np.flatnonzero(mask.any(axis=(1, 2)))]
        # The largest first: the last ones to finish are then short.
        slices.sort(key=lambda k: -int(np.count_nonzero(mask[k])))

        def estimate_slice(k: int) -> None:
            values[:, k][:, mask[k]] = run.slice_values(mask, k)

        for fraction in in_parallel(estimate_slice, slices, device):
            stop_if(cancelled)
            progress(fraction, f"{scale.quantity} ({self.name})")

        flags = np.where(without_signal(series, mask), Flag.NO_SIGNAL, Flag.GOOD).astype(np.uint8)
        clock = run.middle_s if scale.clocked else 0.0
        found = {scale.quantity: values[0] * scale.sd + (scale.mean + clock)}
        if network.architecture.uncertainty:
            found[f"{scale.quantity}_uncertainty"] = 2 * (np.exp(values[1]) * scale.sd) ** 2
        return self.maps(
            {name: np.where(flags == Flag.GOOD, map_, 0) for name, map_ in found.items()},
            series,
            mask,
            flags=flags,
            settings={
                "frames_used": [int(n) for n in np.flatnonzero(run.window.counts)[[0, -1]]],
                "precision": "bfloat16" if in_bfloat16 else "float32",
            },
        )


class _Run:
    """A network at work on one examination: what all voxels share is computed once."""

    def __init__(self, network: HessNetwork, examination: HessInput, device: str) -> None:
        self._network, self._examination, self._device = network, examination, device
        self._at_once = _AT_ONCE.get(device, _AT_ONCE_ELSEWHERE)
        self.window = examination.window()
        self.middle_s = self.window.middle_s
        bolus: Mapping[str, Tensor] = {
            name: torch.from_numpy(array).to(device)
            for name, array in examination.bolus_input(self.window).items()
        }
        times = torch.from_numpy(examination.times(self.window)).to(device)
        with torch.inference_mode():
            self._shared = network.shared(times, bolus)

    def slice_values(self, mask: np.ndarray, k: int) -> np.ndarray:
        """(2, V) standardised value and log b of the V voxels of slice `k`."""
        voxels = k * mask[k].size + np.flatnonzero(mask[k])
        sequences = torch.from_numpy(self._examination.sequences(self.window, voxels))
        neighbours = neighbours_in_slice(mask[k][None], self._network.architecture.spatial_kernel)
        with torch.inference_mode(), autocast(self._device):
            encodings = self._network.encode(
                sequences.to(self._device), self._shared, self._at_once
            )
            taps = self._network.taps(encodings)
            output = self._network.regress(taps, torch.from_numpy(neighbours).to(self._device))
        values = output.float().T.cpu().numpy()
        return np.broadcast_to(values, (2, values.shape[1])) if len(values) == 1 else values
