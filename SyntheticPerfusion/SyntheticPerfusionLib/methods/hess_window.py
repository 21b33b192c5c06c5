"""The frames of a series as a sequence of fixed length: padding, cropping, shift and smoothing.

All of it is linear in time, so it is one matrix: sequence = weights @ frames. A shift by s frames
and the padding at the end are the same thing, positions beyond the series, whose frames come by
reflection at its ends (Hess 2018, section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.bolus import BolusTiming

_KERNEL_SIGMAS = 4.0
_PEAK_AT = 1 / 3
"""Of a series longer than the sequence, the frames kept have the bolus at this share of them."""
_FRAMES_BEFORE_BOLUS = 2
_FRAMES_AFTER_PEAK = 12


@dataclass(frozen=True, eq=False)
class Window:
    """Which frames make the sequence.

    weights   (N, T) float32: smoothed sequence of N frames from the T of the series.
    counts    (T,) float32: how often each frame comes in the sequence, before smoothing.
    times_s   (N,) float64 since the first acquired frame, running on beyond the series' ends.
    """

    weights: np.ndarray
    counts: np.ndarray
    times_s: np.ndarray

    @property
    def middle_s(self) -> float:
        """Where the sequence's own clock stands at 0: halfway from its first to its last frame.

        To the network a sequence that starts later by the scanner's clock is the same.
        """
        return float(self.times_s[0] + self.times_s[-1]) / 2

    def times_for_network(self, unit_s: float) -> np.ndarray:
        """(N,) float32 times by the sequence's own clock, in units of `unit_s`."""
        return ((self.times_s - self.middle_s) / unit_s).astype(np.float32)


def make_window(
    frame_times_s: np.ndarray, bolus_peak: int, frames: int, smoothing_frames: float, shift: int = 0
) -> Window:
    """The sequence of `frames` frames, its content moved to later frames by `shift`.

    frame_times_s  (T,) seconds since the first acquired frame.
    bolus_peak     frame of the mean curve's peak, around which longer series are cropped.
    shift          below 0: frames at the start are left out and the end is padded.
    """
    count = len(frame_times_s)
    positions = first_frame(count, bolus_peak, frames) - shift + np.arange(frames)
    indices = reflected(positions, count)
    reach = int(np.ceil(_KERNEL_SIGMAS * smoothing_frames))
    offsets = np.arange(-reach, reach + 1)
    kernel = (
        np.exp(-0.5 * (offsets / smoothing_frames) ** 2) if smoothing_frames > 0 else np.ones(1)
    )
    kernel /= kernel.sum()
    weights = np.zeros((frames, count))
    rows = np.arange(frames)
    for offset, weight in zip(offsets, kernel, strict=True):
        # The sequence is what is smoothed, so it is reflected at its own ends.
        np.add.at(weights, (rows, indices[reflected(rows + offset, frames)]), weight)
    return Window(
        weights=weights.astype(np.float32),
        counts=np.bincount(indices, minlength=count).astype(np.float32),
        times_s=extended_times(np.asarray(frame_times_s, float), positions),
    )


def first_frame(count: int, bolus_peak: int, frames: int) -> int:
    """First of the frames that are kept: 0, or for a longer series such that the bolus is in."""
    return int(np.clip(bolus_peak - round(frames * _PEAK_AT), 0, max(count - frames, 0)))


def reflected(positions: np.ndarray, count: int) -> np.ndarray:
    """Indices 0 .. count-1 of whole positions anywhere, by reflection at the first and last."""
    if count == 1:
        return np.zeros_like(positions)
    period = 2 * (count - 1)
    folded = np.mod(positions, period)
    return np.minimum(folded, period - folded)


def extended_times(times_s: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Times (s) at whole positions, running on with the steps of the reflected frames."""
    count = len(times_s)
    lap, inside = np.divmod(positions, count - 1)
    span = times_s[-1] - times_s[0]
    forward = times_s[inside] - times_s[0]
    backward = times_s[-1] - times_s[count - 1 - inside]
    return times_s[0] + lap * span + np.where(lap % 2 == 0, forward, backward)


def allowed_shifts(
    bolus: BolusTiming, count: int, frames: int, lowest: int, highest: int
) -> tuple[int, int]:
    """The shifts of [lowest, highest] that leave the bolus in the sequence; 0 always does.

    Two frames stay before its arrival and twelve after its peak, where the series has them: a
    sequence that has lost its bolus teaches nothing.
    """
    start = first_frame(count, bolus.peak, frames)
    earliest = _FRAMES_BEFORE_BOLUS - (bolus.arrival - start)
    latest = frames - _FRAMES_AFTER_PEAK - (bolus.peak - start)
    return min(max(lowest, earliest), 0), max(min(highest, latest), 0)
