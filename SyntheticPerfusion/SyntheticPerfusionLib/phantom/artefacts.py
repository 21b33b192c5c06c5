"""What a scanner adds of its own: uneven fields of its coils, spikes, and the mask over air."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from .fields import SmoothField

RECEIVE_VARIATION = 0.06
"""Standard deviation of the logarithm of the coils' sensitivity, after the scanner's correction."""

SLICE_PROFILE = 0.9
"""Flip angle in the mean of a slice over that in its middle, which is the one set: pulses of a few
milliseconds leave slices round shoulders. Two real series taken to be of 90 degrees lie 0.8 and
1.1 % above the steady state in their second frame; 81 degrees leave 1.5 %, 90 leave none."""

_RECEIVE_LENGTH_MM = 60.0
_BRAIN_SEMI_AXES_MM = (64.0, 80.0, 62.0)
_MEAN_SQUARED = 0.6
"""Mean over an ellipsoid of the square of the distance from its middle, over that of its rim."""
_OUTERMOST_SQUARED = 1.0
"""In scalp the gain is that of the rim: scanners even out what is too close to the coils."""

_B1_LENGTH_MM = 70.0
_B1_RADIUS_MM = 75.0

_RIPPLE_SHARE = 0.7
_RIPPLE_HEIGHT = (0.08, 0.4)
_JUMP = (0.04, 0.12)
_LONGEST_SPIKE_SLICES = 3


def receive_field(
    points_mm: torch.Tensor,
    rng: np.random.Generator,
    rim_gain: float,
    variation: float = RECEIVE_VARIATION,
) -> torch.Tensor:
    """Sensitivity (...) of the receive coils at points (..., 3) in mm from the middle of the head.

    An array lies around the head: on the ellipsoid of the brain's surface it sees 1 + `rim_gain`
    of what it sees in the middle, with the square of the distance between. A smooth field of the
    patient's own comes on top, since no head lies in the middle of the array. Mean over the
    brain about 1; above 0.
    """
    semi_axes = torch.tensor(_BRAIN_SEMI_AXES_MM, device=points_mm.device)
    outward = ((points_mm.float() / semi_axes) ** 2).sum(-1).clamp(max=_OUTERMOST_SQUARED)
    own = SmoothField.draw(rng, _RECEIVE_LENGTH_MM)(points_mm)
    return torch.exp(math.log1p(rim_gain) * (outward - _MEAN_SQUARED) + variation * own)


def b1_field(points_mm: torch.Tensor, rng: np.random.Generator, variation: float) -> torch.Tensor:
    """Flip angle (...) over the nominal one at points (..., 3) in mm from the middle of the head.

    At 3 T standing waves make it larger in the middle of the head than at its rim; a smooth field
    of the patient's own comes on top. Both lie within 1 - 2 and 1 + 2 `variation`, so that for
    any legal flip angle and variation the field is above 0 and the angle under 180 degrees.
    """
    own = SmoothField.draw(rng, _B1_LENGTH_MM)(points_mm)
    radius_squared = (points_mm.float() ** 2).sum(-1) / _B1_RADIUS_MM**2
    return 1 + 2 * variation * torch.tanh((1 - radius_squared) / 2 + own / 4)


def add_spikes(
    series: torch.Tensor, count: int, brain_signal: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Put a spike into `count` frames of a series (T, K, J, I), in place; say what and where.

    Seven in ten are ripples: a spark during the readout is one wrong point of k-space, hence a
    wave over one to three slices, A exp(i(kx x + ky y + phi)), added to the complex image, of
    which the magnitude is kept. The others are jumps: the whole frame is brighter or darker, as
    after a fault of the transmitter.

    brain_signal   mean signal of the brain; waves are 0.08 to 0.4 of it high.
    """
    frames, slices, rows, columns = series.shape
    events: list[dict[str, Any]] = []
    for frame in sorted(rng.choice(frames, min(count, frames), replace=False).tolist()):
        if rng.random() > _RIPPLE_SHARE:
            gain = 1 + float(rng.choice([-1, 1]) * rng.uniform(*_JUMP))
            series[frame] *= gain
            events.append({"frame": frame, "kind": "jump", "gain": gain})
            continue
        thick = int(rng.integers(1, min(_LONGEST_SPIKE_SLICES, slices) + 1))
        first = int(rng.integers(0, slices - thick + 1))
        height = brain_signal * float(rng.uniform(*_RIPPLE_HEIGHT))
        # Cycles over the image; the middle of k-space is where sparks are not told from signal.
        waves = int(rng.integers(-rows // 2, rows // 2)), int(rng.integers(3, columns // 2))
        phase = float(rng.uniform(0, 2 * math.pi))
        part = series[frame, first : first + thick]
        part.copy_(_with_wave(part, height, waves, phase))
        events.append(
            {"frame": frame, "kind": "ripple", "slices": [first, first + thick], "height": height}
        )
    return events


def mask_air(series: torch.Tensor, head: torch.Tensor) -> None:
    """Set a series (T, K, J, I) to 0 beyond one voxel around the head (K, J, I), in place."""
    around = torch.nn.functional.max_pool2d(head[:, None], 3, stride=1, padding=1)[:, 0]
    for frame in series:
        frame.mul_(around > 0)


def _with_wave(
    image: torch.Tensor, height: float, waves: tuple[int, int], phase: float
) -> torch.Tensor:
    """|S + A exp(i theta)| of slices (K, J, I), theta = 2 pi (ky j / J + kx i / I) + phase."""
    rows, columns = image.shape[1:]
    j = torch.arange(rows, device=image.device, dtype=torch.float32)[:, None] / rows
    i = torch.arange(columns, device=image.device, dtype=torch.float32) / columns
    theta = 2 * math.pi * (waves[0] * j + waves[1] * i) + phase
    squared = image.square() + 2 * height * image * torch.cos(theta) + height**2
    return squared.clamp_(min=0).sqrt_()
