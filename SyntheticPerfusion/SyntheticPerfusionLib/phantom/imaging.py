"""From the noise-free signal of a head to what the scanner gives: a series, with all that is amiss.

In the order in which it happens: receive gain, fluctuation of the body, motion, point spread,
spikes, noise, and the scanner's mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .acquisition import Acquisition
from .anatomy import Anatomy
from .artefacts import add_spikes, mask_air, receive_field
from .fluctuation import draw_fluctuation
from .motion import draw_motion, move
from .noise import rician
from .point_spread import blur

_SIGNAL_SCALE = 2000.0
"""Of proton density 1, fully relaxed: the brain comes out between 400 and 1000."""


@dataclass(frozen=True, eq=False)
class Scanned:
    """series (T, K, J, I); motion (T, 6) of motion.draw_motion; events of artefacts.add_spikes."""

    series: torch.Tensor
    motion: np.ndarray
    events: list[dict[str, Any]]


def scan(
    clean: torch.Tensor,
    baseline: torch.Tensor,
    anatomy: Anatomy,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> Scanned:
    """The series of a head with the noise-free signal `clean` (T, V) and its `baseline` (V,).

    `clean` is scaled to the units of the series, in place.
    """
    # Each has a stream of its own: changing how one draws leaves the others as they are.
    shading_rng, motion_rng, noise_rng, body_rng, spike_rng = rng.spawn(5)
    gain = _SIGNAL_SCALE * receive_field(anatomy.patient_mm, shading_rng, acquisition.rim_gain)
    clean *= gain
    brain_signal = float((baseline * gain)[anatomy.brain].mean())
    courses, maps = draw_fluctuation(anatomy, acquisition, body_rng)
    series = clean.new_empty((acquisition.frames, *acquisition.shape))
    for frame, values, course in zip(series, clean, courses, strict=True):
        frame.copy_(anatomy.volume(values * (1 + course @ maps)))
    motion = draw_motion(acquisition.frames, acquisition.motion_mm, motion_rng)
    if acquisition.motion_mm > 0:
        move(series, acquisition.spacing_mm, motion)
    for frame in series:
        frame.copy_(blur(frame, acquisition.psf_voxels))
    events = add_spikes(series, acquisition.spikes, brain_signal, spike_rng)
    sigma = brain_signal / acquisition.snr
    seed = int(noise_rng.integers(1 << 32))
    rician(series, sigma, seed, smoothness=acquisition.noise_smoothness)
    if acquisition.air_masked:
        mask_air(series, anatomy.volume(torch.ones_like(baseline)))
    return Scanned(series, motion, events)
