"""What heart, breath and scanner add to the signal from frame to frame, apart from noise.

The signal of voxel x in frame t is multiplied by

    1 + p (c(t) + sum_i s_i(x) r_i(t) + w(x) h(t + o(x)) + d(t))

with p the size of what the whole brain shares. c is one course for all; r_i are courses of regions
some centimetres across, s_i their smooth fields; h beats with the heart at the time o(x) at which
the slice of the voxel is excited, w large in vessels and cerebrospinal fluid; d drifts over the
whole series. In two real series the mean of the brain fluctuates by 0.2 to 0.3 % and drifts by
0.5 %, cortical regions by 0.3 to 0.6 % (see Triantafyllou et al. 2005 on noise that grows with
the signal).
"""

from __future__ import annotations

import math

import numpy as np
import torch

from .acquisition import Acquisition
from .anatomy import Anatomy
from .fields import SmoothField

REGIONAL, PULSATION, DRIFT = 1.5, 3.0, 2.5
"""Standard deviations over that of the shared course: of all regions together, of pulsation in
pure fluid (in vessels twice that), and of the drift at the end."""

_REGIONS = 6
_REGION_MM = 22.0
_MEMORY = 0.3
"""Correlation of a course from one frame to the next."""

_PULSE_HZ = (0.8, 1.4)
_UNSTEADY = 0.25
"""Cycles by which the heart's phase wanders per square root of a second."""

_FARTHEST_DRIFT = 2.0


def draw_fluctuation(
    anatomy: Anatomy, acquisition: Acquisition, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Courses (T, R) and maps (R, V): the signal of frame t is multiplied by 1 + courses[t] @ maps.

    For a size of 0 the courses are all 0.
    """
    frames, device = acquisition.frames, anatomy.grey.device
    regions = SmoothField.draw(rng, _REGION_MM, components=_REGIONS)(anatomy.mni_mm).T
    rate_hz = float(rng.uniform(*_PULSE_HZ))
    slices = anatomy.voxels // int(np.prod(acquisition.shape[1:]))
    excited_s = torch.as_tensor(acquisition.slice_times_s, dtype=torch.float32, device=device)
    angle = 2 * math.pi * rate_hz * excited_s[slices]
    moving = PULSATION * (anatomy.csf + 2 * (anatomy.artery + anatomy.vein))
    everywhere = torch.ones_like(moving)[None]
    maps = torch.cat(
        [
            everywhere,
            regions,
            (moving * torch.cos(angle))[None],
            (moving * torch.sin(angle))[None],
            everywhere,
        ]
    )
    courses = np.column_stack(
        [
            _courses(frames, 1, rng),
            _courses(frames, _REGIONS, rng) * (REGIONAL / math.sqrt(_REGIONS)),
            _pulse(acquisition.frame_times_s, rate_hz, rng),
            _drift(frames, rng),
        ]
    )
    return torch.from_numpy(acquisition.physiological_noise * courses).to(maps), maps


def _courses(frames: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(T, count) of unit variance, a little alike from one frame to the next."""
    fresh = rng.standard_normal((frames, count))
    course = np.empty_like(fresh)
    course[0] = fresh[0]
    for frame in range(1, frames):
        course[frame] = _MEMORY * course[frame - 1] + math.sqrt(1 - _MEMORY**2) * fresh[frame]
    return course


def _pulse(times_s: np.ndarray, rate_hz: float, rng: np.random.Generator) -> np.ndarray:
    """(T, 2) whose sum, weighted by cosine and sine of 2 pi f o, is the pulse o later.

    Frames are slower than the heart, so that its beat is seen folded to a lower rate.
    """
    wander = np.cumsum(rng.standard_normal(times_s.size)) * math.sqrt(times_s[1] - times_s[0])
    phase = 2 * math.pi * (rate_hz * times_s + _UNSTEADY * wander + rng.uniform())
    return math.sqrt(2) * np.column_stack([np.cos(phase), -np.sin(phase)])


def _drift(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(T, 1) from 0 to about DRIFT: straight, or bent as a gradient coil warms."""
    along = np.linspace(0, 1, frames)
    bend = rng.uniform(0.0, 1.0)
    size = np.clip(rng.standard_normal(), -_FARTHEST_DRIFT, _FARTHEST_DRIFT)
    return (DRIFT * size * ((1 - bend) * along + bend * np.sin(math.pi / 2 * along)))[:, None]
