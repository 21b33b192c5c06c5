"""A series as 4D NIfTI with a BIDS sidecar, from which `read_series` gives the same series back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .atomic import replacing
from .dsc_series import DscSeries
from .images import save
from .itk_file import NIFTI_SUFFIXES, has_suffix
from .sidecar import ECHO_TIME_SOURCE, FRAME_TIMES_SOURCE, sidecar_path


def write_series(series: DscSeries, path: Path, described: Mapping[str, Any] | None = None) -> None:
    """Write `series` to `path` (.nii or .nii.gz) and its timing to the .json beside it.

    A signal of whole numbers is stored as int16 where it fits, as scanners do, else as float32.
    described  further fields of the sidecar, by their BIDS names.

    Evenly spaced frames from 0 on are stored as RepetitionTime, others, such as those of a series
    whose first frames were dropped, as VolumeTiming (BIDS allows one of them). Raises OSError
    where the folder cannot be written to or has no room; then both files are as they were.
    """
    import SimpleITK as sitk

    if not has_suffix(path, NIFTI_SUFFIXES):
        raise ValueError(f"{path.name}: a series is written as .nii or .nii.gz.")
    geometry = series.geometry
    image = sitk.GetImageFromArray(_compact(series.signal), isVector=False)
    direction = np.eye(4)
    direction[:3, :3] = np.reshape(geometry.direction, (3, 3))
    image.SetDirection(direction.ravel().tolist())
    image.SetSpacing((*geometry.spacing, series.repetition_time_s))
    image.SetOrigin((*geometry.origin, 0.0))
    with replacing(sidecar_path(path)) as sidecar, replacing(path) as temporary:
        content = {**_sidecar(series), **(described or {})}
        sidecar.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        save(image, temporary)


def _compact(signal: np.ndarray) -> np.ndarray:
    limits = np.iinfo(np.int16)
    for frame in signal:
        # Not min and max first: NaN is in no range, and must stay what it is.
        if not np.all((frame >= limits.min) & (frame <= limits.max) & (frame == np.rint(frame))):
            return signal
    return signal.astype(np.int16)


def _sidecar(series: DscSeries) -> dict[str, Any]:
    sidecar: dict[str, Any] = {"Modality": "MR"}
    if series.echo_time_s is not None:
        sidecar["EchoTime"] = series.echo_time_s
        if series.echo_time_source:
            sidecar[ECHO_TIME_SOURCE] = series.echo_time_source
    if series.frame_times_source:
        sidecar[FRAME_TIMES_SOURCE] = series.frame_times_source
    times = series.frame_times_s
    step = float(times[1]) if times.size > 1 else 0.0
    if np.array_equal(times, np.arange(times.size) * step):
        sidecar["RepetitionTime"] = step
    else:
        sidecar["VolumeTiming"] = times.tolist()
    return sidecar
