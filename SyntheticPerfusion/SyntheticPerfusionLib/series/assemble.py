"""From an opened image to a checked series: what NIfTI and NRRD have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .dsc_series import DscSeries
from .geometry import Geometry
from .timing import EchoTime, FrameTimes
from .validate import clean_signal

if TYPE_CHECKING:
    import SimpleITK as sitk


def assemble_series(
    image: sitk.Image,
    times: FrameTimes,
    echo_time: EchoTime | None,
    name: str,
    warnings: tuple[str, ...] = (),
) -> DscSeries:
    """The series in `image`, whose time axis is the fourth or the components of each voxel.

    Its peak memory is the image as stored plus the float32 series. Raises InputError where the
    signal is none of a DSC series.
    """
    signal = _signal(image)
    found = clean_signal(signal, name)
    return DscSeries(
        signal=signal,
        frame_times_s=times.times_s,
        geometry=Geometry.of_image(image),
        echo_time_s=echo_time.seconds if echo_time else None,
        frame_times_source=times.source,
        echo_time_source=echo_time.source if echo_time else "",
        name=name,
        warnings=times.warnings + warnings + found,
    )


def _signal(image: sitk.Image) -> np.ndarray:
    """(T, K, J, I) float32 copy of the pixels."""
    import SimpleITK as sitk

    stored = sitk.GetArrayViewFromImage(image)
    if image.GetNumberOfComponentsPerPixel() == 1:
        return stored.astype(np.float32)
    signal = np.empty((stored.shape[3], *stored.shape[:3]), np.float32)
    for k, slice_over_time in enumerate(stored):
        signal[:, k] = np.moveaxis(slice_over_time, -1, 0)
    return signal
