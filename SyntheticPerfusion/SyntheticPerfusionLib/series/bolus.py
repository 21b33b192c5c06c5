"""When the bolus comes: steady state, baseline, arrival and peak of the brain's mean signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .curve import noise_of_curve
from .dsc_series import DscSeries

MINIMUM_FRAMES = 10
MINIMUM_DROP = 0.03
"""Smallest share of the baseline by which the brain's mean signal must fall to count as a bolus."""
_MINIMUM_CONTRAST = 4.0
_MAXIMUM_UNSTEADY = 6
_UNSTEADY_CHANGE = 0.02
_ARRIVAL_SHARE = 0.1
_OUTLIER_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class BolusTiming:
    """Where the bolus lies in a series. Frames are indices into that series.

    first_steady     first frame at steady state; those before it are to be dropped.
    baseline_start   first baseline frame.
    baseline_stop    one past the last baseline frame.
    arrival          last frame before the mean signal begins to fall.
    peak             frame of the lowest mean signal.
    arrival_time_s, peak_time_s  their times since the first acquired frame.
    baseline         mean signal of the baseline frames.
    drop             fall of the mean signal at the peak as a share of the baseline.
    mean_signal      (T,) mean signal over the mask.
    """

    first_steady: int
    baseline_start: int
    baseline_stop: int
    arrival: int
    peak: int
    arrival_time_s: float
    peak_time_s: float
    baseline: float
    drop: float
    mean_signal: np.ndarray


def find_bolus(series: DscSeries, mask: np.ndarray) -> BolusTiming:
    """Timing of the bolus from the mean signal over `mask`.

    series  at least 10 frames.
    mask    (K, J, I) bool, the brain.
    Raises InputError where there are too few frames, no bolus, or a bolus at the very start or
    end of the series.
    """
    if series.frame_count < MINIMUM_FRAMES:
        raise InputError(
            f"The series has {series.frame_count} frames; a bolus passage needs at least "
            f"{MINIMUM_FRAMES}; load the whole dynamic series."
        )
    return timing_of_curve(series.mean_curve(mask), series.frame_times_s)


def timing_of_curve(mean_signal: np.ndarray, times_s: np.ndarray) -> BolusTiming:
    """Timing of the bolus in a (T,) signal curve; raises as `find_bolus` does."""
    frames = len(mean_signal)
    if not np.all(np.isfinite(mean_signal)) or mean_signal.max() <= 0:
        raise InputError(
            "The mean signal of the brain is zero or not a number; check the series and the mask."
        )
    unsteady = min(_MAXIMUM_UNSTEADY, frames // 4)
    peak = _lowest_frame(mean_signal)
    first_steady = _first_steady_frame(mean_signal, peak, unsteady)
    if peak - first_steady < 2:
        raise InputError(
            f"The bolus is at its peak in frame {peak} (counted from 0), without a baseline; "
            "the scan must begin at least three frames before the bolus."
        )

    first_guess = _fall_begins(mean_signal, first_steady, peak, float(mean_signal[first_steady]))
    baseline = float(np.mean(mean_signal[first_steady : first_guess + 1]))
    arrival = _fall_begins(mean_signal, first_steady, peak, baseline)
    # Arteries and early tissue fall before the mean does: the last frames before its arrival count
    # only where there are few.
    baseline_stop = max(arrival - 1, min(first_steady + 5, arrival + 1))
    baseline = float(np.mean(mean_signal[first_steady:baseline_stop]))
    if baseline_stop - first_steady < 2:
        raise InputError(
            f"The bolus arrives in frame {arrival} (counted from 0), with fewer than two steady "
            "frames before it; the scan must begin at least three frames before the bolus."
        )
    fall = baseline - float(mean_signal[peak])
    noise = noise_of_curve(mean_signal)
    if fall < MINIMUM_DROP * baseline or fall < _MINIMUM_CONTRAST * noise:
        raise InputError(
            f"No bolus was found: the brain's mean signal falls by {max(fall / baseline, 0):.1%} "
            f"of its baseline, expected at least {MINIMUM_DROP:.0%} and a clear dip; "
            "check that this is the contrast-enhanced DSC series."
        )
    if peak >= frames - 2:
        raise InputError(
            f"The bolus is still at its peak at the end of the series ({frames} frames); "
            "the scan was stopped too early for perfusion maps."
        )
    return BolusTiming(
        first_steady=first_steady,
        baseline_start=first_steady,
        baseline_stop=baseline_stop,
        arrival=arrival,
        peak=peak,
        arrival_time_s=float(times_s[arrival]),
        peak_time_s=float(times_s[peak]),
        baseline=baseline,
        drop=fall / baseline,
        mean_signal=mean_signal,
    )


def outlying_frames(mean_signal: np.ndarray) -> list[int]:
    """Frames whose (T,) mean signal stands out from both neighbours by a tenth of the median.

    A bolus is wider than one frame; what is not is a spike, a dropped excitation or a jerk.
    """
    inner = mean_signal[1:-1]
    apart = inner - np.median(np.stack([mean_signal[:-2], inner, mean_signal[2:]]), axis=0)
    found = np.flatnonzero(np.abs(apart) > _OUTLIER_SHARE * np.median(mean_signal))
    return [int(frame) + 1 for frame in found]


def _lowest_frame(curve: np.ndarray) -> int:
    """Frame of the lowest signal, one dark frame alone not counting."""
    padded = np.concatenate([curve[:1], curve, curve[-1:]])
    smooth = np.median(np.stack([padded[:-2], curve, padded[2:]]), axis=0)
    lowest = int(np.argmin(smooth))
    around = np.arange(max(lowest - 1, 0), min(lowest + 2, len(curve)))
    outlying = outlying_frames(curve)
    inside = [frame for frame in around if frame not in outlying]
    return int(min(inside, key=lambda frame: curve[frame])) if inside else lowest


def _first_steady_frame(curve: np.ndarray, peak: int, most: int) -> int:
    """First frame within the spread of the calm frames that follow it."""
    calm_stop = _last_calm_frame(curve, peak)
    settled = curve[min(most, calm_stop // 2) : calm_stop + 1]
    level = float(np.median(settled))
    spread = max(_UNSTEADY_CHANGE * level, 4.0 * 1.4826 * float(np.median(abs(settled - level))))
    steady = 0
    for frame in range(min(most, calm_stop)):
        if abs(curve[frame] - level) > spread:
            steady = frame + 1
    return steady


def _last_calm_frame(curve: np.ndarray, peak: int) -> int:
    """Last frame before the steep fall to `peak`: where half of the fall is still to come."""
    before = curve[: peak + 1]
    level = float(np.median(before[: max(2, (2 * peak) // 3)]))
    half = level - 0.5 * (level - float(curve[peak]))
    below = np.flatnonzero(before < half)
    return max(int(below[0]) - 2 if below.size else peak, 1)


def _fall_begins(curve: np.ndarray, start: int, peak: int, baseline: float) -> int:
    """Last frame before `peak` whose signal has not yet fallen by a tenth of the whole fall."""
    limit = baseline - _ARRIVAL_SHARE * (baseline - float(curve[peak]))
    calm = np.flatnonzero(curve[start:peak] >= limit)
    return start + int(calm[-1]) if calm.size else start
