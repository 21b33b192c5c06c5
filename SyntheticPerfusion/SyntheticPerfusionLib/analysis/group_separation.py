"""How well one number tells two groups of patients apart, as in grading gliomas by a ratio.

Area under the ROC curve, the cut-off of greatest Youden index J = sensitivity + specificity - 1
(Ruopp et al. 2008) and the test of Mann and Whitney: the figures of Fayolle et al. 2025, table 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_RESAMPLES = 2000
_INTERVAL_PERCENT = (2.5, 97.5)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Separation:
    """Groups of `low` and `high` patients told apart by a value; high from `cut_off` on.

    area                        under the ROC curve: chance that a high one has the higher value.
    cut_off                     halfway between two values, where J is greatest.
    sensitivity, specificity, accuracy   at that cut-off.
    p_value                     two-sided, of Mann and Whitney's U.
    *_interval                  95 % bootstrap interval: each group drawn anew from itself 2000
                                times, the cut-off chosen anew in each.
    """

    low: int
    high: int
    area: float
    area_interval: Interval
    cut_off: float
    cut_off_interval: Interval
    sensitivity: float
    sensitivity_interval: Interval
    specificity: float
    specificity_interval: Interval
    accuracy: float
    p_value: float

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"AUC {self.area:.2f} {_between(self.area_interval)}, cut-off {self.cut_off:.2f} "
            f"{_between(self.cut_off_interval)}: sensitivity {self.sensitivity:.2f} "
            f"{_between(self.sensitivity_interval)}, specificity {self.specificity:.2f} "
            f"{_between(self.specificity_interval)}, accuracy {self.accuracy:.2f}; "
            f"p = {self.p_value:.2g}"
        )


def separation(
    low: np.ndarray, high: np.ndarray, rng: np.random.Generator, resamples: int = _RESAMPLES
) -> Separation:
    """Separation of two groups by the values (N,) and (M,) of their patients.

    rng  for the bootstrap. ValueError where a group is empty or a value is no number.
    """
    from scipy.stats import mannwhitneyu

    low, high = (np.sort(np.asarray(values, np.float64)) for values in (low, high))
    if low.size == 0 or high.size == 0:
        raise ValueError("A group is empty.")
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("A value is not a number.")
    cut_off, sensitivity, specificity = _youden(low, high)
    drawn = []
    for _ in range(resamples):
        one, other = (np.sort(rng.choice(values, values.size)) for values in (low, high))
        drawn.append((_area(one, other), *_youden(one, other)))
    areas, cuts, sensitivities, specificities = (
        _interval(np.array(column)) for column in zip(*drawn, strict=True)
    )
    right = sensitivity * high.size + specificity * low.size
    return Separation(
        low=int(low.size),
        high=int(high.size),
        area=_area(low, high),
        area_interval=areas,
        cut_off=cut_off,
        cut_off_interval=cuts,
        sensitivity=sensitivity,
        sensitivity_interval=sensitivities,
        specificity=specificity,
        specificity_interval=specificities,
        accuracy=right / (low.size + high.size),
        p_value=float(mannwhitneyu(low, high, alternative="two-sided").pvalue),
    )


def _area(low: np.ndarray, high: np.ndarray) -> float:
    """Area under the ROC curve of two rising groups, ties half."""
    below = np.searchsorted(low, high, side="left")
    not_above = np.searchsorted(low, high, side="right")
    return float((below + not_above).sum() / (2 * low.size * high.size))


def _youden(low: np.ndarray, high: np.ndarray) -> tuple[float, float, float]:
    """Cut-off of greatest J with its sensitivity and specificity; the lowest of several."""
    values = np.unique(np.concatenate([low, high]))
    cuts = np.concatenate([values[:1], (values[:-1] + values[1:]) / 2])
    sensitivity = 1 - np.searchsorted(high, cuts, side="left") / high.size
    specificity = np.searchsorted(low, cuts, side="left") / low.size
    best = int((sensitivity + specificity).argmax())
    return float(cuts[best]), float(sensitivity[best]), float(specificity[best])


def _interval(values: np.ndarray) -> Interval:
    lowest, highest = np.percentile(values, _INTERVAL_PERCENT)
    return float(lowest), float(highest)


def _between(interval: Interval) -> str:
    return f"({interval[0]:.2f} to {interval[1]:.2f})"
