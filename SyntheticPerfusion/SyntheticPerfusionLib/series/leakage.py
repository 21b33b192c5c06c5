"""Leakage of contrast agent through a broken barrier, estimated and taken away.

Boxerman JL, Schmainda KM, Weisskoff RM. AJNR 2006;27:859-867 (BSW):
dR2*(t) = K1 m(t) - K2 integral_0^t m(t') dt', where m is the mean curve of the brain's
non-enhancing voxels. K2 is positive where T1 shortening lowers the curve, negative where T2*
effects of leaked agent raise it.
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


@dataclass(frozen=True, eq=False)
class LeakageReference:
    """The mean curve of tissue without leakage, and its integral.

    mean      (T,) m(t) in 1/s.
    integral  (T,) integral of m from the first frame, in 1.
    """

    mean: np.ndarray
    integral: np.ndarray

    def k2_of(self, curves: np.ndarray) -> np.ndarray:
        """(N,) K2 in 1/s of (T, N) curves, by linear least squares."""
        design = np.stack([self.mean, -self.integral], axis=1)
        solve = np.linalg.pinv(design)[1].astype(curves.dtype)
        return np.asarray(solve @ curves)

    def corrected(self, curves: np.ndarray, k2: np.ndarray) -> np.ndarray:
        """(T, N) curves without their leakage term: dR2* + K2 integral of m."""
        leaked = np.outer(self.integral.astype(curves.dtype), k2.astype(curves.dtype))
        return np.asarray(curves + leaked)


def leakage_reference(
    parts: Callable[[], Iterable[Concentration]], times_s: np.ndarray
) -> LeakageReference:
    """The reference of a brain.

    parts    gives the curves of the whole brain, a part at a time, each time it is called.
    times_s  (T,) frame times in seconds.
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
    return LeakageReference(mean, np.concatenate([[0.0], np.cumsum(steps)]))


def _ends(part: Concentration, last: int) -> np.ndarray:
    """Mean of the `last` frames of the voxels without a flag."""
    return np.asarray(part.curves[-last:, part.flags == Flag.GOOD].mean(axis=0))
