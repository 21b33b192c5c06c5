"""The series that the maps of phae-delay stand for, to be laid beside the one that was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..maps.perfusion_maps import PerfusionMaps
from ..series.aif import Aif
from ..series.bolus import find_bolus
from ..series.dsc_series import DscSeries
from .scale import CBV_PER_AREA
from .timing import even_times
from .transit_decoder import TransitDecoder

_PART_VOXELS = 8192


def reconstructed_series(maps: PerfusionMaps, series: DscSeries, aif: Aif) -> DscSeries:
    """S0 exp(-TE C) with C = CBV / (kH / rho) g(MTT, Tmax), 0 outside the mask of the maps.

    maps    CBV, MTT and Tmax with the setting `residue`; `series` and `aif` those they are from.
    Returns a series on the frame times of `series`.
    """
    echo_time_s = series.require_echo_time()
    bolus = find_bolus(series, maps.mask)
    even = even_times(series.frame_times_s)
    decoder = TransitDecoder(torch.from_numpy(even.resample(aif.concentration)).float())
    inside = np.flatnonzero(maps.mask.ravel() & (maps["MTT"].ravel() > 0))
    mtt, delay, cbv = (
        torch.from_numpy(maps[name].ravel()[inside]) for name in ("MTT", "Tmax", "CBV")
    )
    volume = cbv / CBV_PER_AREA
    measured = series.signal.reshape(series.frame_count, -1)
    signal = np.zeros_like(measured)
    for start in range(0, inside.size, _PART_VOXELS):
        part = slice(start, start + _PART_VOXELS)
        with torch.inference_mode():
            g = decoder.curves(
                maps.settings["residue"], mtt[part] / even.step_s, delay[part] / even.step_s
            )
            curves = (volume[part, None] * g).numpy().T
        if even.weights is not None:
            wanted = (series.frame_times_s - series.frame_times_s[0]) / even.step_s
            places = np.clip(wanted, 0, len(curves) - 1)
            low = np.minimum(places.astype(int), len(curves) - 2)
            share = (places - low)[:, None].astype(np.float32)
            curves = curves[low] * (1 - share) + curves[low + 1] * share
        voxels = inside[part]
        baseline = measured[bolus.baseline_start : bolus.baseline_stop, voxels].mean(axis=0)
        signal[:, voxels] = baseline * np.exp(-echo_time_s * curves)
    return replace(
        series,
        signal=signal.reshape(series.signal.shape),
        name=f"{series.name} explained" if series.name else "explained",
    )
