"""Figures of concentration curves: peak, width, arrival, area, noise. Shared by AIF and tissue."""

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
    if before.size == 0:
        return float("nan")
    left = int(before[-1])
    rise = np.interp(half, curve[left : left + 2], times_s[left : left + 2])
    return float(time_of_fall(curve, times_s) - rise)


def time_of_fall(curve: np.ndarray, times_s: np.ndarray, share: float = 0.5) -> float:
    """Time at which a (T,) curve first falls to `share` of its peak in seconds; NaN where never."""
    peak = int(curve.argmax())
    level = share * curve[peak]
    after = np.flatnonzero(curve[peak:] <= level)
    if curve[peak] <= 0 or after.size == 0:
        return float("nan")
    right = peak + int(after[0])
    return float(np.interp(-level, -curve[right - 1 : right + 1], times_s[right - 1 : right + 1]))


def area_weights(times_s: np.ndarray, first: int, stop: int) -> np.ndarray:
    """(T,) weights in seconds so that ``weights @ curve`` is its area (trapezoidal rule).

    Frames before `first` and from `stop` on have no weight.
    """
    weights = np.zeros(len(times_s))
    steps = np.diff(times_s[first:stop])
    weights[first : stop - 1] += 0.5 * steps
    weights[first + 1 : stop] += 0.5 * steps
    return weights


def interval_weights(times_s: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """(T,) weights in seconds so that ``weights @ curve`` is its area from start to stop.

    The curve is straight between its frames, so that an interval may begin and end between them;
    it lies within the times (ValueError where not).
    """
    if not times_s[0] <= start_s < stop_s <= times_s[-1]:
        raise ValueError(f"{start_s} to {stop_s} s is not within the times of the curve.")
    inner = times_s[(times_s > start_s) & (times_s < stop_s)]
    nodes = np.concatenate([[start_s], inner, [stop_s]])
    share = area_weights(nodes, 0, len(nodes))
    frame = np.clip(np.searchsorted(times_s, nodes, side="right") - 1, 0, len(times_s) - 2)
    beyond = (nodes - times_s[frame]) / (times_s[frame + 1] - times_s[frame])
    weights = np.zeros(len(times_s))
    np.add.at(weights, frame, share * (1 - beyond))
    np.add.at(weights, frame + 1, share * beyond)
    return weights


def noise_of_curve(curve: np.ndarray) -> float:
    """Standard deviation of the frame-to-frame noise, from second differences (robust)."""
    second = np.diff(curve, 2)
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6.0))
