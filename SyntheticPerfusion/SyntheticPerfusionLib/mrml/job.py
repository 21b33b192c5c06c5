"""What the panel asks for, as files and arguments for the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..series.dsc_series import DscSeries
from ..series.images import write_image
from ..series.write import write_series


@dataclass(frozen=True)
class MapsJob:
    """Everything that a run of `maps` is given.

    method        name of the method.
    device        auto, cpu, cuda or mps.
    mask          (K, J, I) bool brain mask; None to find it automatically.
    aif_voxels    (K, J, I) bool arterial voxels on the series' grid; None for another source.
    aif_file      CSV with the arterial curve; None for another source. Neither: automatic.
    regions       (K, J, I) bool by name, as in Needs.regions of the method, on the series' grid.
    """

    series: DscSeries
    method: str
    device: str = "auto"
    mask: np.ndarray | None = None
    aif_voxels: np.ndarray | None = None
    aif_file: Path | None = None
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    correct_motion: bool = False
    correct_leakage: bool = False
    smoothing_time_s: float = 0.0
    smoothing_space_mm: float = 0.0


def write_inputs(job: MapsJob, folder: Path) -> list[str]:
    """Write the job's files into `folder`; returns the arguments of the command line.

    The maps go to `folder`/maps. Raises OSError where the folder cannot be written to.
    """
    # Uncompressed: the file is read once and thrown away.
    series_file = folder / "series.nii"
    write_series(job.series, series_file)
    arguments = ["maps", str(series_file), "--method", job.method]
    arguments += ["--output", str(folder / "maps"), "--device", job.device, "--json-progress"]
    if job.mask is not None:
        brain_file = folder / "brain.nii"
        write_image(job.mask, job.series.geometry, brain_file)
        arguments += ["--mask", str(brain_file)]
    if job.aif_voxels is not None:
        mask_file = folder / "aif_voxels.nii"
        write_image(job.aif_voxels, job.series.geometry, mask_file)
        arguments += ["--aif", str(mask_file)]
    elif job.aif_file is not None:
        arguments += ["--aif", str(job.aif_file)]
    for name, voxels in job.regions.items():
        region_file = folder / f"{name}.nii"
        write_image(voxels, job.series.geometry, region_file)
        arguments += [f"--{name}", str(region_file)]
    if job.correct_motion:
        arguments.append("--motion-correction")
    if job.correct_leakage:
        arguments.append("--leakage-correction")
    if job.smoothing_time_s > 0:
        arguments += ["--smooth-time", f"{job.smoothing_time_s:g}"]
    if job.smoothing_space_mm > 0:
        arguments += ["--smooth-space", f"{job.smoothing_space_mm:g}"]
    return arguments
