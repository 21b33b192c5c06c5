"""From the series as acquired to the one that methods can use."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from .bolus import BolusTiming, find_bolus, outlying_frames
from .brain_mask import brain_mask
from .dsc_series import DscSeries
from .motion import Displacement, correct_motion
from .noise import noise_sigma
from .smoothing import smooth


@dataclass(frozen=True)
class PreparationOptions:
    """What is done to a series before maps are made.

    motion_correction   whether each frame is moved back onto the baseline.
    smoothing_time_s    standard deviation of the temporal Gaussian in seconds; 0 for none.
    smoothing_space_mm  full width at half maximum of the in-plane Gaussian in mm; 0 for none.
    """

    motion_correction: bool = False
    smoothing_time_s: float = 0.0
    smoothing_space_mm: float = 0.0


@dataclass(frozen=True, eq=False)
class Prepared:
    """A series ready for a method.

    series        at steady state from its first frame, corrected and smoothed as asked.
    mask          (K, J, I) bool, the brain.
    bolus         timing in `series`.
    acquired      timing in the series as acquired; its `first_steady` frames were dropped.
    displacement  motion that was found, where it was looked for.
    warnings      sentences the person should read.
    """

    series: DscSeries
    mask: np.ndarray
    bolus: BolusTiming
    acquired: BolusTiming
    displacement: Displacement | None
    warnings: tuple[str, ...]


def prepare(
    series: DscSeries,
    options: PreparationOptions | None = None,
    mask: np.ndarray | None = None,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> Prepared:
    """Find brain and bolus, drop the frames before steady state, correct and smooth as asked.

    mask  (K, J, I) bool brain mask; found automatically where not given.
    Raises InputError where the series shows no usable bolus or the mask does not fit.
    """
    options = options or PreparationOptions()
    if mask is not None and mask.shape != series.geometry.shape:
        raise InputError(
            f"The mask has {mask.shape} voxels, the series {series.geometry.shape}; "
            "give a mask on the grid of the series."
        )
    progress(0.0, "Brain mask")
    brain = brain_mask(series) if mask is None else mask.astype(bool)
    stop_if(cancelled)
    acquired = find_bolus(series, brain)
    steady = series.from_frame(acquired.first_steady)
    warnings = [*series.warnings, *_dropped(acquired), *_outliers(acquired)]

    displacement = None
    if options.motion_correction:
        reference = slice(0, min(4, acquired.baseline_stop - acquired.first_steady))
        steady, displacement = correct_motion(
            steady, brain, part(progress, 0.1, 0.9), cancelled, reference
        )
        warnings += _left_uncorrected(displacement, acquired.first_steady)
    if options.smoothing_time_s > 0 or options.smoothing_space_mm > 0:
        progress(0.9, "Smoothing")
        # Neighbouring frames and voxels of a smoothed series share their noise: what is at the
        # noise floor and what is a bolus is judged by the noise there was.
        steady = replace(steady, noise_sigma=noise_sigma(steady, brain, find_bolus(steady, brain)))
        steady = smooth(
            steady,
            time_sigma_s=options.smoothing_time_s,
            space_fwhm_mm=options.smoothing_space_mm,
            mask=brain,
        )
        stop_if(cancelled)
    progress(1.0, "Preparation")
    return Prepared(
        steady, brain, find_bolus(steady, brain), acquired, displacement, tuple(warnings)
    )


def _dropped(bolus: BolusTiming) -> list[str]:
    if bolus.first_steady == 0:
        return []
    frames = "frame was" if bolus.first_steady == 1 else f"{bolus.first_steady} frames were"
    return [f"The first {frames} dropped: the signal was not yet at steady state."]


def _outliers(bolus: BolusTiming) -> list[str]:
    frames = outlying_frames(bolus.mean_signal[bolus.first_steady :])
    if not frames:
        return []
    listed = ", ".join(str(frame + bolus.first_steady) for frame in frames)
    return [
        f"The mean signal of frame {listed} (counted from 0) stands out from its neighbours: "
        "motion or a disturbance; look at the series."
    ]


def _left_uncorrected(displacement: Displacement, dropped: int) -> list[str]:
    if not displacement.uncorrected:
        return []
    listed = ", ".join(str(frame + dropped) for frame in displacement.uncorrected)
    return [f"Motion could not be corrected in frame {listed} (counted from 0): left as it was."]
