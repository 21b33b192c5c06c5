"""Deconvolution needs frames at even steps; series do not always have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class EvenTimes:
    """Frame times at even steps.

    step_s   the step in seconds.
    weights  (T', T) linear interpolation from the series' frames, None where they are even.
    """

    step_s: float
    weights: np.ndarray | None

    def resample(self, curves: np.ndarray) -> np.ndarray:
        """(T, ...) curves at the even times, (T', ...)."""
        if self.weights is None:
            return curves
        return np.asarray(np.tensordot(self.weights.astype(curves.dtype), curves, axes=1))


def even_times(frame_times_s: np.ndarray) -> EvenTimes:
    """Even times over the span of `frame_times_s` at their median step.

    Frames within a hundredth of a step of even ones are taken as even.
    """
    step = float(np.median(np.diff(frame_times_s)))
    ideal = frame_times_s[0] + step * np.arange(len(frame_times_s))
    if np.abs(frame_times_s - ideal).max() <= _TOLERANCE * step:
        return EvenTimes(step, None)
    count = int(np.floor((frame_times_s[-1] - frame_times_s[0]) / step + _TOLERANCE)) + 1
    wanted = frame_times_s[0] + step * np.arange(count)
    weights = np.stack(
        [np.interp(wanted, frame_times_s, unit) for unit in np.eye(len(frame_times_s))], axis=1
    )
    return EvenTimes(step, weights)
