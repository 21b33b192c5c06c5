"""Collateral maps by a network, without regions drawn by a person (Le 2021)."""

from __future__ import annotations

import numpy as np
import torch

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.aif import Aif
from ..series.concentration import Flag
from ..series.dsc_series import DscSeries
from .collateral_input import canvas_around, collateral_input, upright
from .collateral_scale import PhaseScale
from .collateral_settings import QUANTITIES, CollateralArchitecture, CollateralPreprocessing
from .network_method import NetworkMethod
from .networks.collateral import CollateralNetwork
from .precision import autocast, has_bfloat16
from .without_signal import without_signal


class CollateralMethod(NetworkMethod):
    """The five maps of 3D-MDRNN or 3D-DRNN; whichever it is, the regression head gives them."""

    def _build(self) -> CollateralNetwork:
        return CollateralNetwork(CollateralArchitecture.from_json(self.architecture))

    @property
    def scale(self) -> PhaseScale:
        """How the network's answers become maps."""
        try:
            return PhaseScale.from_json(self.preprocessing.get("highest"))
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
        """See `Method.estimate`. Flagged is only what shows no signal, or is not in the paper's
        mask where the network was trained by that: those voxels hold 0.
        """
        network, scale = self.network(device), self.scale
        assert isinstance(network, CollateralNetwork)
        preprocessing = CollateralPreprocessing.from_json(self.preprocessing)
        progress(0.0, f"Time points ({self.name})")
        seen = collateral_input(
            series.signal,
            series.frame_times_s,
            mask,
            network.architecture.points,
            preprocessing,
            series.geometry.direction,
        )
        stop_if(cancelled)
        progress(0.3, f"Collateral maps ({self.name})")
        canvas = canvas_around(seen.voxels, network.MULTIPLE)
        volume = torch.from_numpy(seen.volume(canvas)[None]).to(device)
        places = torch.from_numpy(canvas.places(seen.voxels)[1]).to(device)
        with torch.inference_mode(), autocast(device):
            answers = network(volume, places)
        stop_if(cancelled)
        found = np.zeros((len(QUANTITIES), *mask.shape), np.float32)
        where = tuple(upright(seen.voxels, mask.shape, series.geometry.direction))
        found[:, *where] = scale.maps(answers.cpu().numpy()).T
        unseen = mask.copy()
        unseen[where] = False
        dark = without_signal(series, mask) | unseen
        progress(1.0, f"Collateral maps ({self.name})")
        return self.maps(
            {name: np.where(dark, 0, map_) for name, map_ in zip(QUANTITIES, found, strict=True)},
            series,
            mask,
            warnings=_of_unseen(int(unseen.sum())),
            flags=np.where(dark, Flag.NO_SIGNAL, Flag.GOOD).astype(np.uint8),
            settings={
                "source": preprocessing.source,
                "precision": "bfloat16" if has_bfloat16(device) else "float32",
            },
        )


def _of_unseen(voxels: int) -> tuple[str, ...]:
    """What is said of voxels of the brain that the network was not shown."""
    if not voxels:
        return ()
    return (
        f"{voxels} voxels of the brain mask are not brain by the sum of the series, by which this "
        "network was trained (Le 2021); they hold 0.",
    )
