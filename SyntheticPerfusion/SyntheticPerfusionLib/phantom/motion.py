"""How a head moves during a series, and a series with the head so moved."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import grid_sample

_STEPS = 2
_DRIFT, _STEP = 0.35, 0.5
"""Standard deviations of the whole drift and of each step, over the size of the motion."""
_FARTHEST = 2.0
"""No step or drift goes farther than this many of its standard deviations."""


def draw_motion(frames: int, size_mm: float, rng: np.random.Generator) -> np.ndarray:
    """(T, 6) shifts in mm along x, y, z (LPS) and turns in degrees: a drift and two steps.

    The first frame stays where it is. A step is at most as long as `size_mm` in each direction:
    with 2, steps go to 2 mm and 2 degrees.
    """

    def sizes(deviation: float) -> np.ndarray:
        return deviation * np.clip(rng.standard_normal(6), -_FARTHEST, _FARTHEST)

    path = np.linspace(0, 1, frames)[:, None] * sizes(_DRIFT)
    for _ in range(_STEPS):
        start = rng.integers(1, frames) if frames > 1 else 1
        path = path + (np.arange(frames) >= start)[:, None] * sizes(_STEP)
    return size_mm * path


def move(
    series: torch.Tensor, spacing_mm: tuple[float, float, float], poses: np.ndarray
) -> torch.Tensor:
    """Move the head of each frame, in place, and return the series.

    series   (T, K, J, I) float32, on any device.
    poses    (T, 6) of `draw_motion`, about the centre of the stack.

    A voxel takes the value of the place that has come to it. In plane that is interpolated by
    cubics, which keep a moved frame as sharp as one at rest, and what comes from outside is air;
    across the thick slices it is linear, and as the head goes on beyond the stack, the outer
    slices stand for what is there.
    """
    for frame, pose in zip(series, np.asarray(poses, float), strict=True):
        if np.any(pose):
            frame.copy_(_moved(frame, spacing_mm, pose))
    return series


def rotation(turns_deg: np.ndarray) -> np.ndarray:
    """(3, 3) of turns about x, then y, then z of the axes of (x, y, z) vectors."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(turns_deg)):
        one, two = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[one, one] = turn[two, two] = math.cos(angle)
        turn[one, two], turn[two, one] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


def _moved(
    frame: torch.Tensor, spacing_mm: tuple[float, float, float], pose: np.ndarray
) -> torch.Tensor:
    """The frame (K, J, I) in two passes, within slices and across them (Catmull and Smith 1980)."""
    back = rotation(pose[3:]).T
    turn, shift = back.tolist(), (-back @ pose[:3]).tolist()
    half = [(n - 1) / 2 for n in frame.shape[::-1]]
    x, y, z = (
        (torch.arange(n, device=frame.device, dtype=torch.float32) - middle) * step
        for n, middle, step in zip(frame.shape[::-1], half, spacing_mm, strict=True)
    )
    x, y, z = x[None, None, :], y[None, :, None], z[:, None, None]
    # The first pass fills each old slice with what new voxels (x, y) will look for in it.
    new_z = (z - turn[2][0] * x - turn[2][1] * y - shift[2]) / turn[2][2]
    within = [
        (row[0] * x + row[1] * y + row[2] * new_z + offset) / (max(middle, 0.5) * step)
        for row, offset, middle, step in zip(turn[:2], shift, half, spacing_mm, strict=False)
    ]
    sampled = grid_sample(
        frame[:, None],
        torch.stack(within, dim=-1),
        mode="bicubic",
        padding_mode="zeros",
        align_corners=True,
    )[:, 0]
    old_z = turn[2][0] * x + turn[2][1] * y + turn[2][2] * z + shift[2]
    place = (old_z / spacing_mm[2] + half[2]).clamp_(0, frame.shape[0] - 1)
    below = place.floor()
    lower = below.long()
    upper = (lower + 1).clamp_(max=frame.shape[0] - 1)
    moved = torch.lerp(sampled.gather(0, lower), sampled.gather(0, upper), place - below)
    # Cubics swing below nothing beside a bright edge.
    return moved.clamp_(min=0)
