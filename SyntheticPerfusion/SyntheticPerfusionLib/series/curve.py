"""Figures of concentration curves: peak, width, arrival, area. Shared by AIF and tissue."""

from __future__ import annotations

import numpy as np


def time_of_peak(curves: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(N,) time of the maximum of (T, N) curves in seconds, refined by a parabola."""
    frames, count = curves.shape
    peak = curves.argmax(axis=0)
    inner = np.clip(peak, 1, frames - 2)
    columns = np.arange(count)
    before, at, after = (curves[inner + step, columns] for step in (-1, 0, 1))
    curvature = before - 2 * at + after
    shift = np.zeros(count, dtype=np.float64)
    bent = (curvature < 0) & (inner == peak)
    np.divide(0.5 * (before - after), curvature, out=shift, where=bent)
    return np.interp(peak + np.clip(shift, -0.5, 0.5), np.arange(frames), times_s)


def time_of_arrival(
    curves: np.ndarray, times_s: np.ndarray, first: int, share: float = 0.1
) -> np.ndarray:
    """(N,) time at which each curve last rises through `share` of its peak, in seconds.

    curves  (T, N).
    first   frame before which no arrival is looked for.
    """
    count = curves.shape[1]
    columns = np.arange(count)
    peak = np.maximum(curves.argmax(axis=0), first)
    level = share * curves[peak, columns]
    frame = np.arange(len(curves))[:, None]
    below = (curves <= level) & (frame <= peak) & (frame >= first)
    last = np.where(below.any(axis=0), len(curves) - 1 - below[::-1].argmax(axis=0), first)
    following = np.minimum(last + 1, len(curves) - 1)
    low, high = curves[last, columns], curves[following, columns]
    rise = high - low
    part = np.zeros(count, dtype=np.float64)
    np.divide(level - low, rise, out=part, where=(rise > 0) & (following <= peak))
    return np.interp(last + np.clip(part, 0, 1), np.arange(len(curves)), times_s)


def full_width_half_maximum(curve: np.ndarray, times_s: np.ndarray) -> float:
    """Width of a (T,) curve at half its peak in seconds; NaN where a flank is cut off."""
    peak = int(curve.argmax())
    half = 0.5 * curve[peak]
    before = np.flatnonzero(curve[:peak] <= half)
    after = np.flatnonzero(curve[peak:] <= half)
    if curve[peak] <= 0 or before.size == 0 or after.size == 0:
        return float("nan")
    left, right = int(before[-1]), peak + int(after[0])
    rise = np.interp(half, curve[left : left + 2], times_s[left : left + 2])
    fall = np.interp(-half, -curve[right - 1 : right + 1], times_s[right - 1 : right + 1])
    return float(fall - rise)


def area_weights(times_s: np.ndarray, first: int, stop: int) -> np.ndarray:
    """(T,) weights in seconds so that ``weights @ curve`` is its area (trapezoidal rule).

    Frames before `first` and from `stop` on have no weight.
    """
    weights = np.zeros(len(times_s))
    steps = np.diff(times_s[first:stop])
    weights[first : stop - 1] += 0.5 * steps
    weights[first + 1 : stop] += 0.5 * steps
    return weights
