"""What a run says of itself: how the series was prepared, what was found, how long it took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .maps.perfusion_maps import PerfusionMaps
from .maps.write import RESEARCH_USE
from .series.aif import Aif
from .series.bolus import BolusTiming
from .series.concentration import Flag
from .series.dsc_series import DscSeries
from .series.prepare import PreparationOptions, Prepared


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Put the seconds that the block takes into `seconds[stage]`."""
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)


def preparation_settings(options: PreparationOptions, mask_file: Path | None) -> dict[str, Any]:
    """What was done to the series before a method, for the provenance of its maps."""
    return {**asdict(options), "mask": mask_file.name if mask_file else "automatic"}


def run_report(
    series: DscSeries,
    prepared: Prepared,
    aif: Aif | None,
    maps: PerfusionMaps,
    device: str,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Everything a reader needs to judge the maps or make them again, as plain JSON values."""
    warnings = [*prepared.warnings, *(aif.warnings if aif else ()), *maps.warnings]
    return {
        "program": f"SyntheticPerfusion {__version__}",
        "use": RESEARCH_USE,
        "method": maps.method,
        "settings": dict(maps.settings),
        "device": device,
        "series": {
            "name": series.name,
            "frames": series.frame_count,
            "shape": list(series.geometry.shape),
            "spacing_mm": list(series.geometry.spacing),
            "repetition_time_s": series.repetition_time_s,
            "frame_times_source": series.frame_times_source,
            "echo_time_s": series.echo_time_s,
            "echo_time_source": series.echo_time_source,
        },
        "bolus": _bolus(prepared.acquired),
        "motion": _motion(prepared),
        "mask_voxels": int(prepared.mask.sum()),
        "flagged_voxels": _flag_counts(maps),
        "aif": _aif(aif),
        "quantities": {
            item.name: {"unit": item.unit, "definition": item.definition} for item in maps.arrays
        },
        "warnings": warnings,
        "seconds": seconds,
    }


def _bolus(bolus: BolusTiming) -> dict[str, Any]:
    return {
        "frames_dropped": bolus.first_steady,
        "baseline_frames": [bolus.baseline_start, bolus.baseline_stop - 1],
        "arrival_frame": bolus.arrival,
        "arrival_time_s": bolus.arrival_time_s,
        "peak_frame": bolus.peak,
        "peak_time_s": bolus.peak_time_s,
        "drop": bolus.drop,
    }


def _motion(prepared: Prepared) -> dict[str, Any] | None:
    found = prepared.displacement
    if found is None:
        return None
    return {
        "mean_displacement_mm": [
            round(float(value), 3) if np.isfinite(value) else None for value in found.mean_mm
        ],
        "uncorrected_frames": list(found.uncorrected),
    }


def _flag_counts(maps: PerfusionMaps) -> dict[str, int]:
    if maps.flags is None:
        return {}
    inside = maps.flags[maps.mask]
    return {
        flag.name.lower(): int(np.sum(inside == flag)) for flag in Flag if flag is not Flag.GOOD
    }


def _aif(aif: Aif | None) -> dict[str, Any] | None:
    if aif is None:
        return None
    quality = {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in asdict(aif.quality).items()
    }
    voxels = None if aif.voxels is None else int(aif.voxels.sum())
    return {"source": aif.source, "voxels": voxels, **quality}
