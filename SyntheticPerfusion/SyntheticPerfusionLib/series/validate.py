"""What a signal must be before anything is computed from it.

Works frame by frame: no copy of the series is made.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from .bolus import MINIMUM_FRAMES

STRAY_NEGATIVE_SHARE = 0.01
"""Largest share of the total signal that negative values may hold and count as stray.

Interpolation (an earlier motion correction or resampling) leaves small negative values at edges;
a phase image or a wrapped integer leaves large ones.
"""


def check_frame_count(size: tuple[int, ...], name: str) -> None:
    """Raise InputError where an image of this size (I, J, K, T) holds no DSC series."""
    if len(size) < 4:
        raise InputError(
            f"{name} is a single {len(size)}D image; expected a 4D series of at least "
            f"{MINIMUM_FRAMES} frames; give the whole series, not one frame or map of it."
        )
    if len(size) > 4:
        raise InputError(
            f"{name} has {len(size)} axes ({' x '.join(map(str, size))}); expected four: "
            "three of space and one of time."
        )
    if size[3] == 1:
        raise InputError(
            f"{name} holds a single frame; expected a series of at least {MINIMUM_FRAMES} frames "
            "over the passage of the bolus."
        )
    if size[3] < MINIMUM_FRAMES:
        raise InputError(
            f"{name} holds {size[3]} frames; a bolus passage needs at least {MINIMUM_FRAMES}."
        )


def clean_signal(signal: np.ndarray, name: str) -> tuple[str, ...]:
    """Check a (T, K, J, I) float32 signal; set stray negative values to 0, in place.

    Returns sentences the person should read. Raises InputError for NaN or infinite values, a
    series or a frame without signal, more negative signal than interpolation leaves, and frames
    that are all the same.
    """
    negative_count, negative_sum, total = 0, 0.0, 0.0
    for index, frame in enumerate(signal):
        low, high = float(frame.min()), float(frame.max())
        if not np.isfinite(low) or not np.isfinite(high):
            raise InputError(_not_finite(signal, name))
        frame_sum = float(frame.sum(dtype=np.float64))
        if low < 0:
            negative = np.minimum(frame, 0)
            negative_count += int(np.count_nonzero(negative))
            below = -float(negative.sum(dtype=np.float64))
            negative_sum += below
            frame_sum += 2 * below
        total += frame_sum
        if low == high == 0 and signal.any():
            raise InputError(
                f"Frame {index} (counted from 0) of the {len(signal)} in {name} is empty (all "
                "zero); the series is incomplete: export it again or cut it there."
            )
    if total == 0:
        raise InputError(f"{name} holds no signal: every value is zero.")
    if negative_sum > STRAY_NEGATIVE_SHARE * total:
        raise InputError(
            f"{name} holds negative signal ({negative_count} values, "
            f"{100 * negative_sum / total:.0f} % of the total); expected a magnitude image: "
            "choose the magnitude series, or export it with its rescaling."
        )
    if all(np.array_equal(frame, signal[0]) for frame in signal[1:]):
        raise InputError(
            f"All {len(signal)} frames of {name} are the same: nothing changes over time, "
            "so there is no bolus."
        )
    if not negative_count:
        return ()
    for frame in signal:
        np.maximum(frame, 0, out=frame)
    return (
        f"{negative_count} stray negative values "
        f"({100 * negative_count / signal.size:.2g} % of all) were set to 0.",
    )


def _not_finite(signal: np.ndarray, name: str) -> str:
    bad = [int(frame.size - np.count_nonzero(np.isfinite(frame))) for frame in signal]
    frames = [index for index, count in enumerate(bad) if count]
    first = f"frame {frames[0]} (counted from 0)"
    where = first if len(frames) == 1 else f"{len(frames)} frames from {first} on"
    return (
        f"{name} holds {sum(bad)} values that are not a number or infinite, in {where}; "
        "export it again, or set them to 0 where they lie outside the head."
    )
