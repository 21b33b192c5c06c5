"""Synthetic CBF, CBV, MTT, Tmax or TTP by a generator of Kossen 2022, one model for each quantity.

No arterial input function and no echo time are needed. Slices are worked on one by one. The models
of one group read the same slices, which are then prepared once for all of them.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import torch

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, stop_if
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from .group import GroupMember
from .networks.pix2pix import Pix2PixGenerator
from .parallel import in_parallel
from .pix2pix_input import Pix2PixInput, SourceSlice
from .pix2pix_settings import Pix2PixArchitecture, Pix2PixPreprocessing, TargetRange
from .without_signal import without_signal


class Pix2PixMethod(GroupMember):
    """One map."""

    def _build(self) -> Pix2PixGenerator:
        return Pix2PixGenerator(Pix2PixArchitecture.from_json(self.architecture))

    @property
    def range(self) -> TargetRange:
        """How the network's values become those of the map."""
        try:
            return TargetRange.from_json(self.preprocessing.get("target"))
        except InputError as error:
            raise InputError(f"In model.json of {self.folder.path}, {error}") from error

    @property
    def input_key(self) -> Hashable:
        """See `GroupMember`."""
        architecture = Pix2PixArchitecture.from_json(self.architecture)
        return architecture.points, architecture.matrix, self._preprocessing()

    def examine(self, series: DscSeries, mask: np.ndarray) -> PreparedSlices:
        """See `GroupMember`."""
        architecture = Pix2PixArchitecture.from_json(self.architecture)
        return PreparedSlices(series, mask, architecture, self._preprocessing())

    def estimate_examined(
        self,
        examined: PreparedSlices,
        series: DscSeries,
        mask: np.ndarray,
        device: str,
        progress: Progress,
        cancelled: CancelCheck,
    ) -> PerfusionMaps:
        """See `GroupMember`. Flagged is only what shows no signal: those voxels hold 0."""
        network, target = self.network(device), self.range
        values = np.zeros(mask.shape, np.float32)
        slices = [int(k) for k in np.flatnonzero(mask.any(axis=(1, 2)))]

        def estimate_slice(k: int) -> None:
            seen = examined.slice(k)
            source = torch.from_numpy(seen.source)[None].to(device)
            brain = torch.from_numpy(seen.brain)[None].to(device)
            # In float32: for layers this small bfloat16 is no faster on a CPU.
            with torch.inference_mode():
                made = target.in_unit(network(source, brain))[0, 0].cpu().numpy()
            values[k] = examined.input.plane.from_network(made, seen.brain)
            if target.clocked:
                values[k] += np.float32(seen.start_s)

        for fraction in in_parallel(estimate_slice, slices, device):
            stop_if(cancelled)
            progress(fraction, f"{target.quantity} ({self.name})")

        flags = np.where(examined.without_signal, Flag.NO_SIGNAL, Flag.GOOD).astype(np.uint8)
        times = examined.input.times_s()
        return self.maps(
            {target.quantity: np.where(flags == Flag.GOOD, values, 0)},
            series,
            mask,
            flags=flags,
            settings={"time_points_s": [round(float(end), 3) for end in times[[0, -1]]]},
        )

    def _preprocessing(self) -> Pix2PixPreprocessing:
        preprocessing = Pix2PixPreprocessing.from_json(self.preprocessing)
        if not preprocessing.ranged:
            raise InputError(
                f"In model.json of {self.folder.path}, preprocessing.source_range is missing; it "
                "must say which values of the source are -1 and 1."
            )
        return preprocessing


class PreparedSlices:
    """The slices of an examination, each prepared once for all the networks that read it.

    input           the examination.
    without_signal  (K, J, I) bool, voxels that no network can have read.
    """

    def __init__(
        self,
        series: DscSeries,
        mask: np.ndarray,
        architecture: Pix2PixArchitecture,
        preprocessing: Pix2PixPreprocessing,
    ) -> None:
        self.input = Pix2PixInput(
            series.signal,
            series.frame_times_s,
            mask,
            series.geometry.spacing,
            architecture,
            preprocessing,
            series.geometry.direction,
        )
        self.without_signal = without_signal(series, mask)
        self._preprocessing = preprocessing
        self._prepared: dict[int, SourceSlice] = {}

    def slice(self, k: int) -> SourceSlice:
        """Slice `k`, its source within [-1, 1]. No two threads work on one slice."""
        if k not in self._prepared:
            seen = self.input.slice(k)
            self._prepared[k] = replace(seen, source=self._preprocessing.scaled(seen.source))
        return self._prepared[k]
