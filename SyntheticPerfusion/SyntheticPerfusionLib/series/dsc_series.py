"""The measured 4D series, as everything downstream sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..errors import InputError
from .geometry import Geometry


@dataclass(frozen=True, eq=False, repr=False)
class DscSeries:
    """A dynamic susceptibility contrast series. Immutable: the arrays are read-only.

    signal               (T, K, J, I) float32, arbitrary units.
    frame_times_s        (T,) float64, seconds since the first acquired frame.
    geometry             grid of one frame.
    echo_time_s          TE in seconds, or None where it is not known.
    frame_times_source   where the frame times were read, in words ("BIDS sidecar RepetitionTime").
    echo_time_source     where TE was read, in words; empty where it is not known.
    name                 what to call the series on screen and in reports.
    noise_sigma          standard deviation of the noise in signal units, where it was measured
                         before smoothing; None where it is to be measured in the signal.
    warnings             sentences the person should read, from reading and preparing it.
    """

    signal: np.ndarray
    frame_times_s: np.ndarray
    geometry: Geometry
    echo_time_s: float | None = None
    frame_times_source: str = ""
    echo_time_source: str = ""
    name: str = "DSC series"
    warnings: tuple[str, ...] = ()
    noise_sigma: float | None = None

    def __post_init__(self) -> None:
        signal = np.ascontiguousarray(self.signal, dtype=np.float32).view()
        times = np.array(self.frame_times_s, dtype=np.float64)
        if signal.ndim != 4 or signal.shape[1:] != self.geometry.shape:
            raise InputError(
                f"The signal has shape {signal.shape}, expected (frames, *{self.geometry.shape})."
            )
        if times.shape != (signal.shape[0],):
            raise InputError(
                f"There are {times.size} frame times for {signal.shape[0]} frames; "
                "give one time per frame."
            )
        if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
            raise InputError(
                "The frame times do not increase from frame to frame; "
                "check them or give the repetition time."
            )
        signal.setflags(write=False)
        times.setflags(write=False)
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "frame_times_s", times)

    def __repr__(self) -> str:
        slices, rows, columns = self.geometry.shape
        return f"<DscSeries {self.name}: {self.frame_count} frames of {columns}x{rows}x{slices}>"

    @property
    def frame_count(self) -> int:
        """Number of frames T."""
        return int(self.signal.shape[0])

    @cached_property
    def repetition_time_s(self) -> float:
        """Median time between frames in seconds."""
        return float(np.median(np.diff(self.frame_times_s)))

    def with_signal(self, signal: np.ndarray) -> DscSeries:
        """The same series with another signal of the same shape (corrected, smoothed)."""
        return replace(self, signal=signal)

    def from_frame(self, first: int) -> DscSeries:
        """The series without the frames before `first`; the frame times keep their values."""
        if first == 0:
            return self
        return replace(self, signal=self.signal[first:], frame_times_s=self.frame_times_s[first:])

    def require_echo_time(self) -> float:
        """TE in seconds; raises InputError where it is not known."""
        if self.echo_time_s is None:
            raise InputError(
                "The echo time is not stored with the series; "
                "give it with --echo-time (in seconds) or in the panel."
            )
        return self.echo_time_s

    def mean_curve(self, mask: np.ndarray) -> np.ndarray:
        """(T,) float64 mean signal over a (K, J, I) mask, without copying the series."""
        selected = np.flatnonzero(mask)
        frames = self.signal.reshape(self.frame_count, -1)
        return np.array([np.take(frame, selected).mean(dtype=np.float64) for frame in frames])
