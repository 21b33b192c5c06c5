"""From what a file holds to a checked series: what NIfTI and NRRD have in common."""

from __future__ import annotations

import numpy as np

from .dsc_series import DscSeries
from .geometry import Geometry
from .timing import EchoTime, FrameTimes
from .validate import clean_signal


def assemble_series(
    signal: np.ndarray,
    geometry: Geometry,
    times: FrameTimes,
    echo_time: EchoTime | None,
    name: str,
    warnings: tuple[str, ...] = (),
) -> DscSeries:
    """A series of a (T, K, J, I) float32 signal, which it takes over, not copies.

    Raises InputError where the signal is none of a DSC series.
    """
    found = clean_signal(signal, name)
    return DscSeries(
        signal=signal,
        frame_times_s=times.times_s,
        geometry=geometry,
        echo_time_s=echo_time.seconds if echo_time else None,
        frame_times_source=times.source,
        echo_time_source=echo_time.source if echo_time else "",
        name=name,
        warnings=times.warnings + warnings + found,
    )
