"""How a figure spreads over patients: what the tables of the papers give of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Of the patients in which a figure has a value; NaN where there is none.

    patients  how many.
    sd        standard deviation with patients - 1 degrees of freedom; NaN of fewer than two.
    """

    patients: int
    mean: float
    median: float
    sd: float
    least: float
    most: float


def spread(values: Iterable[float | None]) -> Spread:
    """Of one value a patient; None, NaN and infinite ones do not count."""
    known = np.array([value for value in values if value is not None], np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return Spread(0, *[float("nan")] * 5)
    return Spread(
        patients=int(known.size),
        mean=float(known.mean()),
        median=float(np.median(known)),
        sd=float(known.std(ddof=1)) if known.size > 1 else float("nan"),
        least=float(known.min()),
        most=float(known.max()),
    )
