"""An evaluation in numbers: the mean over patients of each figure, as JSON and as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .evaluation import Evaluation, MethodOnPatient

LEAST_LESION_ML = 5.0
"""Patients with a smaller true lesion do not count in the mean Dice: a voxel decides it there."""

_FIGURES = ("correlation", "median_ratio", "median_difference", "mean_absolute")


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """Plain JSON values: `maps`, `lesions`, `calibration`, `seconds`; each a list of rows.

    maps         by method, quantity, variant and region: number of patients, and mean and standard
                 deviation over them of correlation, median_ratio, median_difference,
                 mean_absolute and (Tmax) clipped_error_s.
    lesions      Tmax > 6 s by method and variant: mean Dice of patients with LEAST_LESION_ML or
                 more, mean error of the volume and mean of its size.
    calibration  of the uncertainty of Tmax by method, see analysis.calibration.
    """
    return {
        "maps": _map_rows(evaluation.found),
        "lesions": _lesion_rows(evaluation.found),
        "calibration": _calibration_rows(evaluation.found),
        "seconds": {
            method: _mean([one.seconds for one in evaluation.found if one.method == method])
            for method in dict.fromkeys(one.method for one in evaluation.found)
        },
    }


def per_patient(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Every figure of every patient as plain JSON rows."""
    return [
        {"method": one.method, "patient": one.identifier, **values}
        for one in evaluation.found
        for values in _plain(one)
    ]


def _plain(one: MethodOnPatient) -> Iterable[dict[str, Any]]:
    for row in one.figures.regions:
        found = {name: getattr(row.agreement, name) for name in ("voxels", *_FIGURES)}
        if row.clipped_error_s is not None:
            found["clipped_error_s"] = row.clipped_error_s
        yield {
            "quantity": row.quantity,
            "variant": row.variant,
            "region": row.region,
            **{name: value if np.isfinite(value) else None for name, value in found.items()},
        }


def _map_rows(found: Sequence[MethodOnPatient]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for one in found:
        for values in _plain(one):
            key = (one.method, values["quantity"], values["variant"], values["region"])
            groups[key].append(values)
    rows = []
    for (method, quantity, variant, region), members in groups.items():
        row: dict[str, Any] = {
            "method": method,
            "quantity": quantity,
            "variant": variant,
            "region": region,
            "patients": len(members),
        }
        for name in (*_FIGURES, "clipped_error_s"):
            known = [member[name] for member in members if member.get(name) is not None]
            row[name] = _mean(known)
            row[f"{name}_sd"] = float(np.std(known, ddof=1)) if len(known) > 1 else None
        rows.append(row)
    return rows


def _lesion_rows(found: Sequence[MethodOnPatient]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for one in found:
        for variant, lesion in one.figures.lesions.items():
            groups[one.method, variant].append(lesion)
    return [
        {
            "method": method,
            "variant": variant,
            "patients": len(lesions),
            "with_lesion": sum(one.true_ml >= LEAST_LESION_ML for one in lesions),
            "dice": _mean([one.dice for one in lesions if one.true_ml >= LEAST_LESION_ML]),
            "true_ml": _mean([one.true_ml for one in lesions]),
            "volume_error_ml": _mean([one.volume_error_ml for one in lesions]),
            "absolute_volume_error_ml": _mean([abs(one.volume_error_ml) for one in lesions]),
        }
        for (method, variant), lesions in groups.items()
    ]


def _calibration_rows(found: Sequence[MethodOnPatient]) -> list[dict[str, Any]]:
    groups: dict[str, list[Any]] = defaultdict(list)
    for one in found:
        if one.figures.calibration is not None:
            groups[one.method].append(one.figures.calibration)
    return [
        {
            "method": method,
            "patients": len(members),
            "expected": list(members[0].expected),
            **{
                name: np.nanmean([getattr(one, name) for one in members], axis=0).tolist()
                for name in ("observed", "predicted_error", "observed_error")
            },
            **{
                name: _mean([getattr(one, name) for one in members])
                for name in (
                    "coverage_error",
                    "with_error",
                    "with_value",
                    "error_with_value",
                    "partial",
                )
            },
        }
        for method, members in groups.items()
    ]


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None
