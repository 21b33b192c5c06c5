"""How near methods come to the truth of simulated curves, by tissue, delay, noise and residue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..methods.method import Method
from ..series.concentration import Flag
from .simulated_curves import CurveConditions, SimulatedCurves, simulated_curves

Rows = dict[str, np.ndarray]
"""Columns of equal length, one entry a voxel: method, residue, tissue (text), snr,
repetition_time_s, arterial_seed, delay_s, true_cbf, cbf, true_mtt, mtt, tmax."""


def run_on_curves(method: Method, curves: SimulatedCurves, device: str = "cpu") -> Rows:
    """What a method makes of the curves, flow on the scale of tissue.

    NaN stands for maps that the method does not give, and for voxels in which it says that it sees
    no bolus. Raises as Method.estimate.
    """
    aif = curves.aif if method.needs.aif else None
    maps = method.estimate(curves.series, curves.mask, aif, device)
    unknown = np.zeros(curves.mask.size, bool)
    if maps.flags is not None:
        unknown = np.isin(maps.flags.ravel(), (Flag.NO_SIGNAL, Flag.NO_BOLUS))
    conditions, shape = curves.conditions, curves.mask.shape
    scale = curves.arterial_share if method.needs.aif else 1.0
    tissues = [conditions.tissues[index] for index in curves.tissue]

    def by_slice(values: Sequence[Any] | np.ndarray) -> np.ndarray:
        return np.repeat(np.asarray(values), shape[1] * shape[2])

    def estimated(name: str, factor: float = 1.0) -> np.ndarray:
        if name not in maps.names:
            return np.full(curves.mask.size, np.nan)
        return np.where(unknown, np.nan, maps[name].ravel().astype(np.float64) * factor)

    return {
        "method": by_slice([method.name] * shape[0]),
        "residue": by_slice([conditions.family] * shape[0]),
        "tissue": by_slice([one.name for one in tissues]),
        "snr": by_slice([conditions.snr] * shape[0]),
        "repetition_time_s": by_slice([conditions.repetition_time_s] * shape[0]),
        "arterial_seed": by_slice([conditions.arterial_seed] * shape[0]),
        "delay_s": by_slice(curves.delay_s),
        "true_cbf": by_slice([one.cbf for one in tissues]),
        "cbf": estimated("CBF", scale),
        "true_mtt": by_slice([one.mtt_s for one in tissues]),
        "mtt": estimated("MTT"),
        "tmax": estimated("Tmax"),
    }


def run_all(
    methods: Sequence[Method], conditions: Iterable[CurveConditions], device: str = "cpu"
) -> Rows:
    """Every method on the curves of all conditions, one table."""
    parts = []
    for one in conditions:
        curves = simulated_curves(one)
        parts += [run_on_curves(method, curves, device) for method in methods]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def chosen(rows: Rows, **values: Any) -> Rows:
    """The rows whose columns have these values."""
    kept = np.ones(len(rows["method"]), bool)
    for name, value in values.items():
        kept &= rows[name] == value
    return {name: column[kept] for name, column in rows.items()}


def figures(rows: Rows) -> dict[str, float]:
    """Of some voxels of one method, those with a value.

    without_value  share of voxels without one.
    cbf_ratio      median of estimated over true CBF; cbf_spread half the range from its 16th to
                   its 84th percentile.
    mtt_error_s    mean of |estimated - true|; mtt_bias_s the median of the difference.
    delay_error_s, delay_bias_s   of Tmax against the delay, alike.
    r_cbf, r_mtt, r_delay         Pearson's.
    """
    ratio = rows["cbf"] / rows["true_cbf"]
    mtt, delay = rows["mtt"] - rows["true_mtt"], rows["tmax"] - rows["delay_s"]
    low, middle, high = _percentiles(ratio)
    return {
        "without_value": float(np.isnan(ratio).mean()),
        "cbf_ratio": middle,
        "cbf_spread": (high - low) / 2,
        "mtt_error_s": _mean(np.abs(mtt)),
        "mtt_bias_s": _percentiles(mtt)[1],
        "delay_error_s": _mean(np.abs(delay)),
        "delay_bias_s": _percentiles(delay)[1],
        "r_cbf": _correlation(rows["cbf"], rows["true_cbf"]),
        "r_mtt": _correlation(rows["mtt"], rows["true_mtt"]),
        "r_delay": _correlation(rows["tmax"], rows["delay_s"]),
    }


def grouped(rows: Rows, *names: str) -> dict[tuple[Any, ...], dict[str, float]]:
    """The figures of each combination of values that the columns `names` have, in order."""
    keys = [np.unique(rows[name], return_inverse=True) for name in names]
    code = np.zeros(len(rows["method"]), int)
    for values, index in keys:
        code = code * len(values) + index
    found = {}
    for one in np.unique(code):
        part = {name: column[code == one] for name, column in rows.items()}
        key = tuple(_plain(part[name][0]) for name in names)
        found[key] = figures(part)
    return found


def _percentiles(values: np.ndarray) -> tuple[float, float, float]:
    """The 16th, 50th and 84th of the finite values; NaN where there is none."""
    known = values[np.isfinite(values)]
    low, middle, high = np.percentile(known, (16, 50, 84)) if known.size else [np.nan] * 3
    return float(low), float(middle), float(high)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else float(value)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    varied = x.size > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    return float(np.corrcoef(x, y)[0, 1]) if varied else float("nan")
