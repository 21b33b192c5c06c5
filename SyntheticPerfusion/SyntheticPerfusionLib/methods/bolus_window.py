"""The stretch of a series around the bolus that phae-delay reads, laid to the arterial peak.

Whatever its number of frames and its time between them, a series comes to the network as the same
64 frames, the arterial peak in the eleventh; frames that were not measured are marked. Series
faster than those of training are first brought to its shortest time between frames. Slower ones are
read as they are: the decoder knows any step, and frames between theirs would be no measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

FRAMES = 64
LEAD = 10
"""Frames before the arterial peak."""

STEP_RANGE_S = (1.0, 2.5)
"""Times between frames of training."""
_ABOUT = 0.1
"""A series this much faster than the range, over it, is left as it is."""


@dataclass(frozen=True, eq=False)
class BolusWindow:
    """Where the window lies in a series, and the arterial curve in it.

    arterial   (W,) float32 over its maximum `height`, in 1/s; 0 before the series, its last value
               after it.
    measured   (W,) float32, 1 for frames there are.
    first      frame of the series that stands first in the window; below 0: that many frames of
               the window come before the series.
    before     baseline frames of the series before the window: they too say where 0 is.
    step_s     time between frames.
    """

    arterial: torch.Tensor
    height: float
    measured: torch.Tensor
    first: int
    before: float
    step_s: float

    @classmethod
    def around(cls, arterial: np.ndarray, step_s: float, baseline_start: int = 0) -> BolusWindow:
        """The window for an arterial curve (T,) in 1/s, the baseline of which begins at a frame."""
        peak = int(np.argmax(arterial))
        first = peak - LEAD
        window = _cut(arterial[None].astype(np.float32), first)[0]
        # What follows the last frame is not known; a fall to 0 would reach back into it.
        window[max(0, arterial.size - first) :] = arterial[-1]
        measured = _cut(np.ones((1, arterial.size), np.float32), first)[0]
        measured[: max(0, baseline_start - first)] = 0.0
        height = float(window.max())
        return cls(
            arterial=torch.from_numpy(window / np.float32(height)),
            height=height,
            measured=torch.from_numpy(measured),
            first=first,
            before=float(max(0, first - baseline_start)),
            step_s=step_s,
        )

    def cut(self, curves: np.ndarray) -> torch.Tensor:
        """(V, T) curves of the series in the window: (V, W) float32, 0 where not measured."""
        return torch.from_numpy(_cut(curves, self.first)) * self.measured

    def to(self, device: str) -> BolusWindow:
        """The same on a device."""
        return BolusWindow(
            self.arterial.to(device),
            self.height,
            self.measured.to(device),
            self.first,
            self.before,
            self.step_s,
        )


def _cut(curves: np.ndarray, first: int) -> np.ndarray:
    found = np.zeros((curves.shape[0], FRAMES), np.float32)
    start, stop = max(first, 0), min(first + FRAMES, curves.shape[1])
    found[:, start - first : stop - first] = curves[:, start:stop]
    return found


def usable_times(times_s: np.ndarray) -> np.ndarray:
    """(T', T) weights that bring curves to even times with a step of STEP_RANGE_S[0] or more.

    Frames at uneven times are read between by straight lines. Of fast series as few frames as reach
    that step are averaged, which loses nothing of their signal to noise.
    """
    step = float(np.median(np.diff(times_s)))
    together = max(1, int(np.ceil(STEP_RANGE_S[0] / step - _ABOUT)))
    count = int(np.floor((times_s[-1] - times_s[0]) / step + 0.01)) + 1
    wanted = times_s[0] + step * np.arange(count)
    wanted = np.minimum(wanted, times_s[-1])
    weights = np.stack([np.interp(wanted, times_s, unit) for unit in np.eye(times_s.size)], axis=1)
    if together > 1:
        whole = weights.shape[0] // together
        weights = weights[: whole * together].reshape(whole, together, -1).mean(1)
    return weights
