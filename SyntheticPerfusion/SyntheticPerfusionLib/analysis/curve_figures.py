"""What a DSC signal curve looks like, in figures that need neither an echo time nor a unit.

A digital curve and a real one are held against each other by these: depth and width of the dip,
the second pass, where the curve ends, how noisy it is. Widths are counted in frames, since the
repetition time of a published curve is not always known; times of a frame turn them into seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.bolus import BolusTiming, timing_of_curve
from ..series.curve import full_width_half_maximum, time_of_arrival, time_of_peak

_SECOND_PASS_WIDTHS = 3.0
"""A second pass is looked for within this many widths of the first after its peak: what rises
later is drift."""

_END_SHARE, _LATE_SHARE = 0.1, 1 / 3


@dataclass(frozen=True)
class CurveFigures:
    """Figures of one signal curve; levels are shares of the baseline, D = -ln(S/S0).

    dip                 fall of the signal at the peak, 1 - min(S)/S0.
    first_frame         signal of the first frame over the baseline.
    end                 mean signal of the last tenth of the frames over the baseline.
    width_frames        full width of D at half its maximum (NaN where a flank is cut off).
    rise_frames         from the arrival (10 % of the peak of D) to the peak.
    second_pass         how far D rises again after its first fall, over its peak: 0 where it only
                        falls.
    second_pass_level   height of that second maximum of D over the first.
    second_pass_frames  from the first peak to the second; NaN where there is none.
    late_rise           by how much the signal climbs over the last third of the frames, over the
                        baseline (the slope of a line through them).
    tsnr                baseline over the standard deviation of the noise, from second differences
                        of the last third of the frames: neither the end of the approach to the
                        steady state nor drift counts.
    """

    dip: float
    first_frame: float
    end: float
    width_frames: float
    rise_frames: float
    second_pass: float
    second_pass_level: float
    second_pass_frames: float
    late_rise: float
    tsnr: float


def curve_figures(signal: np.ndarray, timing: BolusTiming | None = None) -> CurveFigures:
    """Figures of a (T,) signal curve whose first frames may lie before the steady state.

    timing  baseline of the curve, counted in its frames; found in the curve where not given. That
            of the whole brain suits curves of few voxels, as an artery's or a lesion's.
    Raises InputError where the curve shows no bolus.
    """
    signal = np.asarray(signal, dtype=np.float64)
    frames = np.arange(signal.size, dtype=np.float64)
    timing = timing or timing_of_curve(signal, frames)
    steady = signal[timing.baseline_start : timing.baseline_stop]
    level = float(steady.mean())
    passage = np.maximum(signal[timing.first_steady :] / level, 1e-3)
    change = -np.log(passage)
    counted = frames[: change.size]
    first_peak = int(change.argmax())
    peak = float(time_of_peak(change[:, None], counted)[0])
    arrival = float(time_of_arrival(change[:, None], counted, 0)[0])
    width = full_width_half_maximum(change, counted)
    rise, height, second = _second_pass(change, first_peak, width)
    late = signal[-max(4, round(_LATE_SHARE * signal.size)) :] / level
    slope = np.polyfit(np.arange(late.size), late, 1)[0]
    noise = float(second_difference_noise(late[:, None])[0])
    return CurveFigures(
        dip=1 - float(passage.min()),
        first_frame=float(signal[0]) / level,
        end=float(signal[-max(1, round(_END_SHARE * signal.size)) :].mean()) / level,
        width_frames=width,
        rise_frames=peak - arrival,
        second_pass=rise,
        second_pass_level=height,
        second_pass_frames=second - peak,
        late_rise=float(slope) * (late.size - 1),
        tsnr=1 / noise if noise > 0 else float("inf"),
    )


def second_difference_noise(curves: np.ndarray) -> np.ndarray:
    """(N,) standard deviation of white noise in (T, N) curves that are straight but for it."""
    return np.asarray(np.sqrt(np.mean(np.diff(curves, 2, axis=0) ** 2, axis=0) / 6))


def _second_pass(change: np.ndarray, peak: int, width: float) -> tuple[float, float, float]:
    """Rise and height of the second maximum over the first, and its frame.

    The rise is counted from the lowest point between the two; the second maximum is where it is
    greatest.
    """
    reach = change.size - peak if not np.isfinite(width) else round(_SECOND_PASS_WIDTHS * width)
    after = change[peak : peak + reach + 1]
    climbed = after - np.minimum.accumulate(after)
    second = int(climbed.argmax())
    if climbed[second] <= 0 or change[peak] <= 0:
        return 0.0, 0.0, float("nan")
    top = float(change[peak])
    return float(climbed[second]) / top, float(after[second]) / top, float(peak + second)
