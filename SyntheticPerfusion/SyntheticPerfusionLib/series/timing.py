"""When the frames were acquired: units, plausible ranges, and the words for what is wrong.

A time is never guessed silently. A value with a stated unit is taken at its word if it is possible
for a DSC series; one without a unit is taken as seconds only where that is plausible, and its
source says so; anything else ends in a sentence that names the option to give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

FRAME_INTERVAL_RANGE_S = (0.1, 10.0)
"""Shorter is the time between excitations; at longer ones the bolus falls between frames."""

ECHO_TIME_RANGE_S = (0.001, 0.3)
"""Wide around the 10 to 60 ms of DSC protocols, and apart from any of them in milliseconds."""

GIVEN = "given by the user"

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "µs", "μs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
}


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """Times of the frames and where they were read.

    times_s   (T,) float64 seconds since the first acquired frame.
    source    in words.
    warnings  sentences the person should read.
    """

    times_s: np.ndarray
    source: str
    warnings: tuple[str, ...] = ()

    @property
    def interval_s(self) -> float:
        """Median time between frames in seconds."""
        return float(np.median(np.diff(self.times_s)))


@dataclass(frozen=True)
class EchoTime:
    """TE in seconds and where it was read, in words."""

    seconds: float
    source: str


def seconds_per(unit: str) -> float | None:
    """Seconds in one `unit` of time; None where it is no unit of time."""
    return _SECONDS.get(unit.strip().lower())


def checked_echo_time(seconds: float, source: str) -> EchoTime:
    """TE, or InputError where no DSC series can have it (milliseconds taken for seconds)."""
    low, high = ECHO_TIME_RANGE_S
    if low <= seconds <= high:
        return EchoTime(float(seconds), source)
    if low <= seconds / 1000 <= high:
        raise InputError(
            f"The echo time of {seconds:g} s ({source}) looks like milliseconds; "
            f"give it in seconds: --echo-time {seconds / 1000:g}."
        )
    raise InputError(
        f"The echo time of {seconds:g} s ({source}) is impossible for a DSC series, "
        f"expected {low:g} to {high:g} s; give it with --echo-time in seconds."
    )


def checked_interval(seconds: float, source: str) -> float:
    """Time between frames, or InputError where no DSC series can have it."""
    low, high = FRAME_INTERVAL_RANGE_S
    if low <= seconds <= high:
        return float(seconds)
    if seconds > high and low <= seconds / 1000 <= high:
        raise InputError(
            f"The time between frames of {seconds:g} s ({source}) looks like milliseconds; "
            f"give it in seconds: --repetition-time {seconds / 1000:g}."
        )
    raise InputError(
        f"The time between frames of {seconds:g} s ({source}) is impossible for a DSC series, "
        f"expected {low:g} to {high:g} s; give it with --repetition-time in seconds."
    )


def is_possible_interval(seconds: float) -> bool:
    """Whether a DSC series can have this time between frames."""
    low, high = FRAME_INTERVAL_RANGE_S
    return low <= seconds <= high


def uniform_times(frame_count: int, interval_s: float, source: str) -> FrameTimes:
    """Frame times at equal steps; InputError where the step is impossible."""
    return FrameTimes(np.arange(frame_count) * checked_interval(interval_s, source), source)


def listed_times(frame_count: int, times_s: Sequence[float], source: str) -> FrameTimes:
    """Frame times from a list of (T,) seconds; InputError where it cannot be theirs."""
    times = np.asarray(times_s, dtype=np.float64)
    if times.shape != (frame_count,):
        raise InputError(
            f"There are {times.size} times for {frame_count} frames ({source}); "
            "correct them or give --repetition-time in seconds."
        )
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise InputError(
            f"The frame times do not increase from frame to frame ({source}); "
            "correct them or give --repetition-time in seconds."
        )
    checked_interval(float(np.median(np.diff(times))), source)
    return FrameTimes(times, source)


def header_times(frame_count: int, interval: float, unit: str, source: str) -> FrameTimes | None:
    """Frame times from the step of a file's time axis; None where the file holds none.

    interval  the number in the header; 0 or not finite means that there is none.
    unit      a unit of time, or empty where the header states none: then the number is taken as
              seconds where that is possible, except 1, which programs write that know no time.
    """
    if not math.isfinite(interval) or interval <= 0:
        return None
    if unit:
        scale = seconds_per(unit)
        if scale is None:
            return None
        return uniform_times(frame_count, interval * scale, f"{source}, in {unit}")
    if interval == 1:
        return None
    if not is_possible_interval(interval):
        raise InputError(
            f"The time between frames is {interval:g} with no unit ({source}), which cannot be "
            "seconds; give it in seconds with --repetition-time"
            + (f" ({interval / 1000:g} if it is milliseconds)." if interval > 1 else ".")
        )
    return uniform_times(frame_count, interval, f"{source}, unit not stated, taken as seconds")


def chosen_times(
    given_s: float | None, frame_count: int, stored: Callable[[], FrameTimes | None], name: str
) -> FrameTimes:
    """Frame times from the step the person gave, else the stored ones; InputError for neither.

    stored  looks for them; not called where they were given, so that what is wrong in the file
            does not stand in the way.
    name    what to call the series in the error.
    """
    if given_s is not None:
        return uniform_times(frame_count, given_s, GIVEN)
    times = stored()
    if times is None:
        raise InputError(
            f"The time between frames is not stored with {name}; "
            "give it with --repetition-time (in seconds) or in the panel."
        )
    return times


def chosen_echo_time(
    given_s: float | None, stored: Callable[[], EchoTime | None]
) -> EchoTime | None:
    """TE as the person gave it, else the stored one, else None: some methods need none."""
    return checked_echo_time(given_s, GIVEN) if given_s is not None else stored()
