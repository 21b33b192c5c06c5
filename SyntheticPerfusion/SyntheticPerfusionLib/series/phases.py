"""The passage of the bolus in five phases, and the tracer that a curve shows in each.

Collateral maps (Le et al. 2021, section 2.1) divide time by an arterial and a venous reference
curve into arterial, capillary, early venous, late venous and delay phase, and summarise the series
per phase. There a neuroradiologist places the dividing points, and the paper does not state them
(it refers to Roh et al. 2019); the rules here are this project's own, and need no hand:

    arterial      from the arrival in the artery (10 % of its peak) to the arterial peak,
    capillary     until halfway between the arterial and the venous peak,
    early venous  until the venous peak,
    late venous   until the venous curve has fallen to half its peak,
    delay         as long again as the four phases before, or to the end of the series.

The first venous rise would end the capillary phase within a frame or two of the arterial peak, and
before it after a slow injection; halfway between the peaks, where healthy tissue is at its own,
divides every passage. The last two bounds keep off the tail of the curves: recirculation, leakage
and the length of the scan do not move them.

Everything here works on bare arrays; analysis/collateral_phases.py makes the maps of a series.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import InputError
from .curve import interval_weights, noise_of_curve, time_of_arrival, time_of_fall, time_of_peak

PHASES = ("arterial", "capillary", "early_venous", "late_venous", "delay")

_ARRIVAL_SHARE = 0.1
_HALF = 0.5
_LEAST_DELAY_FRAMES = 2
_MINIMUM_CONTRAST = 5.0


@dataclass(frozen=True)
class PhaseDivision:
    """Five intervals of time, one after the other.

    bounds_s  start of each phase of PHASES and the end of the last: six times in seconds since
              the first acquired frame, increasing.
    rules     how each of the six was found, in words.
    """

    bounds_s: tuple[float, ...]
    rules: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.bounds_s) != len(PHASES) + 1 or len(self.rules) != len(self.bounds_s):
            raise ValueError(f"{len(PHASES)} phases need {len(PHASES) + 1} bounds and rules.")
        if not all(np.diff(self.bounds_s) > 0):
            raise ValueError(f"The bounds {self.bounds_s} do not increase.")

    @property
    def intervals_s(self) -> dict[str, tuple[float, float]]:
        """Start and end of each phase by name, in seconds."""
        return dict(zip(PHASES, pairwise(self.bounds_s), strict=True))

    @property
    def durations_s(self) -> np.ndarray:
        """(5,) length of each phase in seconds."""
        return np.diff(self.bounds_s)

    @property
    def delay_share(self) -> float:
        """How much of the delay phase the series holds: 1 where it does not end before."""
        start, end = self.bounds_s[-2:]
        return (end - start) / (start - self.bounds_s[0])


def divide_phases(times_s: np.ndarray, arterial: np.ndarray, venous: np.ndarray) -> PhaseDivision:
    """The phases that two reference curves divide time into, as the module says.

    times_s   (T,) frame times in seconds, increasing.
    arterial  (T,) tracer (dR2* or anything proportional to it) in the middle cerebral artery.
    venous    (T,) the same in the superior sagittal sinus.
    Raises InputError where a curve shows no bolus, the vein does not peak after the artery (the
    regions were exchanged), or the series ends before the delay phase.
    """
    times_s = np.asarray(times_s, np.float64)
    curves = np.stack([arterial, venous], axis=1).astype(np.float64)
    for name, curve in zip(("artery", "vein"), curves.T, strict=True):
        _check_bolus(name, curve, times_s)
    arrival = float(time_of_arrival(curves[:, :1], times_s, 0, _ARRIVAL_SHARE)[0])
    arterial_peak, venous_peak = time_of_peak(curves, times_s)
    step_s = float(np.median(np.diff(times_s)))
    if venous_peak - arterial_peak < step_s:
        raise InputError(
            f"The venous curve peaks at {venous_peak:.1f} s and the arterial at "
            f"{arterial_peak:.1f} s, expected the vein several seconds later; the two regions may "
            "be exchanged: draw the first in the middle cerebral artery of the healthy side and "
            "the second in the superior sagittal sinus."
        )
    falling = time_of_fall(curves[:, 1], times_s, _HALF)
    if np.isnan(falling) or np.sum(times_s > falling) < _LEAST_DELAY_FRAMES:
        raise InputError(
            f"The series ends at {times_s[-1]:.1f} s, before the delay phase (the venous curve "
            f"peaks at {venous_peak:.1f} s and must fall to half of that, with "
            f"{_LEAST_DELAY_FRAMES} frames to follow); the scan was stopped too early for "
            "collateral maps."
        )
    last = 2 * falling - arrival
    ends = min(float(times_s[-1]), last)
    bounds = (arrival, arterial_peak, (arterial_peak + venous_peak) / 2, venous_peak, falling, ends)
    if not all(np.diff(bounds) > 0):
        listed = ", ".join(f"{bound:.1f}" for bound in bounds)
        raise InputError(
            f"The reference curves give no phases in order (bounds at {listed} s); draw the two "
            "regions inside the artery and the sinus, and look at their curves."
        )
    rules = (
        f"arterial curve rises through {_ARRIVAL_SHARE:.0%} of its peak",
        "peak of the arterial curve",
        "halfway between the arterial and the venous peak",
        "peak of the venous curve",
        f"venous curve falls through {_HALF:.0%} of its peak",
        "end of the series" if ends < last else "as long again as the four phases before",
    )
    return PhaseDivision(tuple(float(bound) for bound in bounds), rules)


def _check_bolus(name: str, curve: np.ndarray, times_s: np.ndarray) -> None:
    """InputError where a reference curve (T,) has no peak that stands out inside the series."""
    if len(curve) < 5 or not np.all(np.isfinite(curve)):
        raise InputError(
            f"The curve of the {name} has {len(curve)} frames or values that are no numbers; "
            "expected five or more frames and finite values."
        )
    peak = int(curve.argmax())
    noise = noise_of_curve(curve)
    height = float(curve[peak] - np.median(curve))
    if curve[peak] <= 0 or height <= _MINIMUM_CONTRAST * noise:
        raise InputError(
            f"The curve of the {name} shows no bolus (highest value {curve[peak]:.3g} at "
            f"{times_s[peak]:.1f} s, noise {noise:.2g}); draw the region inside the {name}."
        )
    if peak in (0, len(curve) - 1):
        raise InputError(
            f"The curve of the {name} peaks in the {'last' if peak else 'first'} frame "
            f"({times_s[peak]:.1f} s): the series does not hold the whole bolus there."
        )


def phase_weights(times_s: np.ndarray, division: PhaseDivision) -> np.ndarray:
    """(5, T) weights so that ``weights @ curve`` is the mean of a curve in each phase.

    The curve is taken as straight between its frames, so that bounds between frames count exactly;
    times the durations, the five add up to the area under the whole passage.
    """
    intervals = pairwise(division.bounds_s)
    areas = [interval_weights(times_s, start, stop) for start, stop in intervals]
    return np.stack(areas) / division.durations_s[:, None]


def phase_means(curves: np.ndarray, times_s: np.ndarray, division: PhaseDivision) -> np.ndarray:
    """(5, ...) float32 mean of curves (T, ...) in each phase, in their unit."""
    weights = phase_weights(times_s, division).astype(np.float32)
    flat = np.asarray(curves, np.float32).reshape(len(times_s), -1)
    return (weights @ flat).reshape(len(PHASES), *curves.shape[1:])


def brain_level(means: np.ndarray, division: PhaseDivision, inside: np.ndarray) -> float:
    """What counts as 1 in a collateral map: the brain's usual tracer over the whole passage.

    means   (5, ...) as `phase_means` gives them.
    inside  (...) bool: the brain, without voxels that are not to be trusted.
    Median over the voxels of the mean of all phases, each by its length: large vessels and a
    lesion hardly move it, and dose, echo time and receiver gain cancel. Raises InputError where it
    is not positive.
    """
    durations = division.durations_s.astype(np.float32)
    whole = np.tensordot(durations / durations.sum(), means[:, inside], axes=1)
    level = float(np.median(whole)) if whole.size else 0.0
    if not level > 0:
        raise InputError(
            f"Half of the {whole.size} voxels of the brain mask show no tracer during the passage; "
            "check the mask and that this is the contrast-enhanced series."
        )
    return level


def collateral_phases(
    curves: np.ndarray,
    times_s: np.ndarray,
    mask: np.ndarray,
    mca: np.ndarray,
    sss: np.ndarray,
) -> tuple[PhaseDivision, np.ndarray]:
    """The division of time and the collateral maps of bare arrays, as of a noise-free simulation.

    curves   (T, ...) dR2* in any unit, finite everywhere.
    times_s  (T,) frame times in seconds.
    mask     (...) bool, the brain; `mca` and `sss` (...) bool, the regions of the two curves.
    Returns the division and (5, ...) float32: mean in each phase over `brain_level`, 0 outside the
    mask. Raises InputError as `divide_phases` and `brain_level` do, and for empty regions.
    """
    for name, region in (("middle cerebral artery", mca), ("superior sagittal sinus", sss)):
        if region.shape != mask.shape or not region.any():
            raise InputError(
                f"The region of the {name} has no voxel on the grid of the brain mask; draw it."
            )
    reference = (curves[:, region].mean(axis=1, dtype=np.float64) for region in (mca, sss))
    division = divide_phases(times_s, *reference)
    means = phase_means(curves, times_s, division)
    return division, np.where(mask, means / brain_level(means, division, mask), 0)
