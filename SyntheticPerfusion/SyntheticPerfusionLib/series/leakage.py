"""Leakage of contrast agent through a broken barrier, estimated and taken away.

Boxerman JL, Schmainda KM, Weisskoff RM. AJNR 2006;27:859-867 (BSW):
dR2*(t) = K1 m(t) - K2 integral_0^t m(t') dt', where m is the mean curve of the brain's
non-enhancing voxels. K2 is positive where T1 shortening lowers the curve, negative where T2*
effects of leaked agent raise it.

The fit takes a passage that is slower than that of the brain for a leak of negative K2, and CBV
comes out too low (Bjornerud A et al. JCBFM 2011;31:2041-2053). Where the transit may differ, a
third term takes up the difference without touching the area,

dR2*(t) = K1 m(t) - K2 integral_0^t m(t') dt' + K3 (m * h)(t),   h(t) = exp(-t/6 s) / 6 s,

since m * h is the mean curve of a brain through which blood takes 6 s longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .concentration import Concentration, Flag

_END_SHARE = 0.1
_ENHANCING = 1.0
_FEWEST = 20

_SLOWER_S = 6.0
"""Transit added in the third term; K3 says how much of it a voxel has."""


@dataclass(frozen=True, eq=False)
class LeakageReference:
    """The mean curve of tissue without leakage, and its integral.

    mean      (T,) m(t) in 1/s.
    integral  (T,) integral of m from the first frame, in 1.
    slower    (T,) m as tissue of longer transit would show it, where transit is allowed for.
    """

    mean: np.ndarray
    integral: np.ndarray
    slower: np.ndarray | None = None

    def k2_of(self, curves: np.ndarray) -> np.ndarray:
        """(N,) K2 in 1/s of (T, N) curves, by linear least squares."""
        terms = [self.mean, -self.integral]
        design = np.stack(terms if self.slower is None else [*terms, self.slower], axis=1)
        solve = np.linalg.pinv(design)[1].astype(curves.dtype)
        return np.asarray(solve @ curves)

    def corrected(self, curves: np.ndarray, k2: np.ndarray) -> np.ndarray:
        """(T, N) curves without their leakage term: dR2* + K2 integral of m."""
        leaked = np.outer(self.integral.astype(curves.dtype), k2.astype(curves.dtype))
        return np.asarray(curves + leaked)


def leakage_reference(
    parts: Callable[[], Iterable[Concentration]],
    times_s: np.ndarray,
    allow_for_transit: bool = False,
) -> LeakageReference:
    """The reference of a brain.

    parts    gives the curves of the whole brain, a part at a time, each time it is called.
    times_s  (T,) frame times in seconds.
    allow_for_transit   whether K2 is fitted with the third term; without it as Boxerman does.
    Voxels with a flag do not count. A voxel enhances, and does not count, where the mean of its
    last tenth lies more than one standard deviation of its baseline to either side of zero
    (Boxerman 2006) after the brain's own median residue at the end is allowed for.
    Raises InputError where fewer than 20 voxels are left.
    """
    last = max(2, round(_END_SHARE * len(times_s)))
    ends = np.concatenate([_ends(part, last) for part in parts()])
    usual = float(np.median(ends)) if ends.size else 0.0

    total, count = np.zeros(len(times_s)), 0
    for part in parts():
        end = part.curves[-last:].mean(axis=0)
        quiet = (part.flags == Flag.GOOD) & (np.abs(end - usual) <= _ENHANCING * part.noise)
        total += part.curves[:, quiet].sum(axis=1, dtype=np.float64)
        count += int(quiet.sum())
    if count < _FEWEST:
        raise InputError(
            f"Only {count} voxels of the brain are free of leakage, too few for the "
            "leakage correction; turn it off or check the mask."
        )
    mean = total / count
    steps = 0.5 * (mean[1:] + mean[:-1]) * np.diff(times_s)
    return LeakageReference(
        mean,
        np.concatenate([[0.0], np.cumsum(steps)]),
        _slower(mean, times_s) if allow_for_transit else None,
    )


def _slower(mean: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(T,) m * h, the curve taken as straight between frames."""
    found = np.zeros_like(mean)
    for frame, step in enumerate(np.diff(times_s), start=1):
        kept = np.exp(-step / _SLOWER_S)
        average = (1 - kept) * _SLOWER_S / step
        found[frame] = kept * found[frame - 1]
        found[frame] += (average - kept) * mean[frame - 1] + (1 - average) * mean[frame]
    return found


def _ends(part: Concentration, last: int) -> np.ndarray:
    """Mean of the `last` frames of the voxels without a flag."""
    return np.asarray(part.curves[-last:, part.flags == Flag.GOOD].mean(axis=0))
