"""Maps that need no arterial curve: TTP, bolus arrival, signal recovery, relative blood volume."""

from __future__ import annotations

import numpy as np

from ..maps.quantity import QUANTITIES, Quantity
from ..series.bolus import BolusTiming
from ..series.curve import time_of_arrival, time_of_peak

QUANTITIES_WITHOUT_AIF: tuple[Quantity, ...] = tuple(
    QUANTITIES[name] for name in ("TTP", "TTP_arrival", "BAT", "PSR", "rCBV")
)

_END_SHARE = 0.1


def bolus_parameters(
    curves: np.ndarray,
    area: np.ndarray,
    bolus: BolusTiming,
    times_s: np.ndarray,
    echo_time_s: float,
) -> dict[str, np.ndarray]:
    """TTP, TTP_arrival, BAT in seconds, PSR in % and the area for rCBV of (T, N) curves.

    curves       dR2* in 1/s.
    area         (N,) their areas.
    bolus        timing of the series.
    times_s      (T,) seconds since the first acquired frame.
    echo_time_s  TE in seconds.
    PSR = 100 (S_end - S_min) / (S0 - S_min) with S_end the mean of the last tenth of the frames
    (Cha 2007). rCBV is still to be divided by its mean in the brain.
    """
    peak = time_of_peak(curves, times_s)
    arrival = np.minimum(time_of_arrival(curves, times_s, bolus.baseline_start), peak)
    last = max(2, round(_END_SHARE * len(times_s)))
    lowest = np.exp(-echo_time_s * curves.max(axis=0))
    end = np.exp(-echo_time_s * curves[-last:]).mean(axis=0)
    recovery = np.zeros_like(lowest)
    np.divide(100.0 * (end - lowest), 1.0 - lowest, out=recovery, where=lowest < 1.0)
    return {
        "TTP": peak,
        "TTP_arrival": peak - arrival,
        "BAT": arrival,
        "PSR": recovery,
        "rCBV": area,
    }
