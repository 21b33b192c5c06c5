"""A series at a fixed number of time points, whatever its frames: input of networks over time.

The points lie a fixed step apart and begin a fixed time before the bolus arrives, so that one
point means the same time since the bolus for every repetition time and length of a scan. Kossen
2022 stretches each whole series to its number of points instead (section 2.1), which is there to
be compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .products import product

MODES = ("bolus", "series")


@dataclass(frozen=True)
class TimePoints:
    """Where the points lie.

    points    how many.
    step_s    seconds from one to the next; not used by "series".
    before_s  seconds from the first point to the bolus arrival; not used by "series".
    mode      "bolus": as above; "series": from the first frame to the last one.
    """

    points: int = 80
    step_s: float = 1.25
    before_s: float = 15.0
    mode: str = "bolus"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(
                f"The mode of the time points is {self.mode!r}; choose one of {', '.join(MODES)}."
            )
        if self.points < 2 or self.step_s <= 0 or self.before_s < 0:
            raise InputError(
                "The time points want 2 or more points, a step_s above 0 and a before_s of 0 or "
                f"more; given are {self.points}, {self.step_s:g} and {self.before_s:g}."
            )

    def check_bolus(self) -> None:
        """Raise InputError where all of them would lie before the bolus."""
        if self.mode == "bolus" and self.before_s >= self.step_s * (self.points - 1):
            raise InputError(
                f"preprocessing: the {self.points} time points, {self.step_s:g} s apart, would all "
                f"lie before the bolus, {self.before_s:g} s after the first of them; give a "
                "smaller before_s."
            )

    def times_s(self, arrival_s: float, frame_times_s: np.ndarray) -> np.ndarray:
        """(points,) float64 times of the points, on the clock of `frame_times_s` (T,).

        arrival_s  of the bolus by that clock (series.bolus.BolusTiming.arrival_time_s).
        Raises InputError where all of them would lie before the bolus.
        """
        self.check_bolus()
        if self.mode == "series":
            return np.linspace(float(frame_times_s[0]), float(frame_times_s[-1]), self.points)
        return arrival_s - self.before_s + self.step_s * np.arange(self.points)


def resampling_weights(frame_times_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(points, T) float32 weights that read a curve at `times_s`, straight between its frames.

    Before the first frame and after the last one its value there is held.
    """
    frames = np.asarray(frame_times_s, float)
    before = np.clip(np.searchsorted(frames, times_s, side="right") - 1, 0, len(frames) - 2)
    step = frames[before + 1] - frames[before]
    share = np.clip((times_s - frames[before]) / step, 0.0, 1.0)
    weights = np.zeros((len(times_s), len(frames)), np.float32)
    rows = np.arange(len(times_s))
    weights[rows, before] = 1 - share
    weights[rows, before + 1] = share
    return weights


def resampled(curves: np.ndarray, frame_times_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(points, V) float32 of curves (T, V), of any float type, at `times_s` (points,)."""
    return product(resampling_weights(frame_times_s, times_s), curves.astype(np.float32))
