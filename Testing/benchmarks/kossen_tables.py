"""The tables of kossen_evaluation.py: maps as pictures, in physical units, and methods by pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markdown import print_table, shown
from spread_tables import statistics_table, with_sd, yes
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN
from SyntheticPerfusionLib.evaluation.evaluation import Evaluation
from SyntheticPerfusionLib.evaluation.similarity_figures import (
    INSIDE_WITHOUT_VESSELS,
    PLACES,
    SLICES,
    SLICES_WITHOUT_VESSELS,
    Key,
    SimilarityRow,
)
from SyntheticPerfusionLib.evaluation.spread import Spread, spread
from SyntheticPerfusionLib.evaluation.summary import LEAST_LESION_ML
from SyntheticPerfusionLib.evaluation.trivial import TRIVIAL
from SyntheticPerfusionLib.maps.quantity import quantity

QUANTITIES = ("CBF", "CBV", "MTT", "Tmax", "TTP")
ASKED_SSIM = {"Tmax": 0.92, "TTP": 0.95, "CBF": 0.96, "CBV": 0.96, "MTT": 0.96}
"""On whole slices. Published of temp-pix2pix: Tmax 0.92, TTP 0.95, the others up to 0.99."""
AHEAD = ("Tmax", "TTP")
"""Maps on which the temporal path is to help."""

_REFERENCE = "oSVD"
_PHYSICAL = ("mean_absolute", "median_difference", "correlation")

PhysicalKey = tuple[str, str, str]
"""Method, quantity and variant."""


def physical_figures(result: Evaluation) -> dict[PhysicalKey, dict[str, Spread]]:
    """Over patients, in the brain without large vessels, in physical units: mean absolute error,
    median difference, Pearson's r, and for Tmax MAEC and the Dice of Tmax > 6 s."""
    values: dict[PhysicalKey, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in result.found:
        for row in one.figures.regions:
            if row.region != BRAIN or row.quantity not in QUANTITIES:
                continue
            own = values[one.method, row.quantity, row.variant]
            for name in _PHYSICAL:
                own[name].append(getattr(row.agreement, name))
            if row.clipped_error_s is not None:
                own["clipped_error_s"].append(row.clipped_error_s)
        for variant, lesion in one.figures.lesions.items():
            if lesion.true_ml >= LEAST_LESION_ML:
                values[one.method, "Tmax", variant]["dice"].append(lesion.dice)
    return {
        key: {name: spread(figures) for name, figures in own.items()} for key, own in values.items()
    }


def print_pictures(found: Mapping[Key, Mapping[str, Spread]]) -> None:
    """For each map: the paper's figures on whole slices, beside them those inside the brain."""
    for name in QUANTITIES:
        keys = list(dict.fromkeys((key[0], key[2]) for key in found if key[1] == name))
        rows = []
        for method, variant in keys:
            whole, without, brain = (
                found[method, name, variant, place]
                for place in (SLICES, SLICES_WITHOUT_VESSELS, INSIDE_WITHOUT_VESSELS)
            )
            rows.append(
                [
                    called(method, variant),
                    with_sd(whole["ssim"], ".3f"),
                    yes(whole["ssim"].mean >= ASKED_SSIM[name]),
                    with_sd(whole["mae"], ".4f"),
                    with_sd(whole["nrmse"], ".3f"),
                    with_sd(whole["psnr"], ".1f"),
                    with_sd(without["ssim"], ".3f"),
                    with_sd(brain["ssim"], ".3f"),
                    with_sd(brain["nrmse"], ".3f"),
                ]
            )
        if rows:
            print_table(
                f"{name} as a picture, whole slices scaled to [-1, 1] (mean ± SD of patients)",
                [
                    "method",
                    "SSIM",
                    f"at least {ASKED_SSIM[name]:.2f}",
                    "MAE",
                    "NRMSE",
                    "PSNR [dB]",
                    "SSIM without vessels",
                    "SSIM in the brain",
                    "NRMSE in the brain",
                ],
                rows,
            )


def print_in_short(
    pictures: Mapping[Key, Mapping[str, Spread]],
    physical: Mapping[PhysicalKey, Mapping[str, Spread]],
) -> None:
    """Everything that is asked of each model's map in one line, beside oSVD and the better of the
    trivial predictors; the means over patients."""

    def ssim(quantity_name: str, methods: Sequence[str]) -> float:
        return max(
            (
                figures["ssim"].mean
                for (method, name, _, place), figures in pictures.items()
                if name == quantity_name and place == SLICES and method in methods
            ),
            default=float("nan"),
        )

    def error(quantity_name: str, methods: Sequence[str], variants: bool = True) -> float:
        return min(
            (
                figures["mean_absolute"].mean
                for (method, name, variant), figures in physical.items()
                if name == quantity_name and method in methods and (variants or not variant)
            ),
            default=float("nan"),
        )

    rows = []
    for (method, name, variant), figures in by_quantity(physical):
        if variant or method in (_REFERENCE, *TRIVIAL):
            continue
        own, wrong = ssim(name, [method]), figures["mean_absolute"].mean
        plain, best = (error(name, [_REFERENCE], variants) for variants in (False, True))
        rows.append(
            [
                name,
                method,
                shown(own, ".3f"),
                yes(own >= ASKED_SSIM[name]) + f" ({ASKED_SSIM[name]:.2f})",
                shown(ssim(name, [_REFERENCE]), ".3f"),
                shown(ssim(name, TRIVIAL), ".3f"),
                shown(wrong),
                yes(wrong < plain),
                yes(wrong < best),
                f"{shown(plain)} ({shown(best)})",
                shown(error(name, TRIVIAL)),
                shown(figures["correlation"].mean),
            ]
        )
    print_table(
        f"In short: SSIM of whole slices, and MAE in the brain in the map's unit ({_REFERENCE} in "
        "brackets: its scale fitted to the patient, or its offset taken off)",
        [
            "map",
            "method",
            "SSIM",
            "as asked",
            f"{_REFERENCE}, best",
            "trivial",
            "MAE",
            f"below {_REFERENCE}",
            "and its best",
            _REFERENCE,
            "trivial",
            "r",
        ],
        rows,
    )


def print_physical(found: Mapping[PhysicalKey, Mapping[str, Spread]]) -> None:
    """For each map: errors in physical units in the brain, and whether they are below oSVD's."""
    for name in QUANTITIES:
        own = {(key[0], key[2]): figures for key, figures in found.items() if key[1] == name}
        if not own:
            continue
        reference = [figures for (method, _), figures in own.items() if method == _REFERENCE]
        error = min((one["mean_absolute"].mean for one in reference), default=float("nan"))
        r = max((one["correlation"].mean for one in reference), default=float("nan"))
        unit = quantity(name).unit
        is_tmax = name == "Tmax"
        print_table(
            f"{name} in the brain without large vessels [{unit}] (mean ± SD of patients; "
            f"{_REFERENCE} at its best: MAE {shown(error)}, r {shown(r, '.3f')})",
            [
                "method",
                "MAE",
                f"below {_REFERENCE}",
                "r",
                f"above {_REFERENCE}",
                "median error",
                *(["MAEC", "Dice, Tmax > 6 s"] if is_tmax else []),
            ],
            [
                [
                    called(method, variant),
                    with_sd(figures["mean_absolute"], ".2f"),
                    "-" if method == _REFERENCE else yes(figures["mean_absolute"].mean < error),
                    with_sd(figures["correlation"], ".3f"),
                    "-" if method == _REFERENCE else yes(figures["correlation"].mean > r),
                    with_sd(figures["median_difference"], "+.2f"),
                    *(
                        [
                            with_sd(figures.get("clipped_error_s"), ".3f"),
                            with_sd(figures.get("dice"), ".3f"),
                        ]
                        if is_tmax
                        else []
                    ),
                ]
                for (method, variant), figures in own.items()
            ],
        )


def comparison_rows(
    rows: Iterable[SimilarityRow], result: Evaluation, pairs: Sequence[tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Method B against method A, patient by patient: SSIM of whole slices, and the mean absolute
    error in the brain in physical units. Trivial predictors have the pairs that they are named in.
    """
    ssim: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    error: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in rows:
        if row.place == SLICES and not row.variant:
            ssim[row.method, row.quantity][row.patient] = row.figures.ssim
    for one in result.found:
        for figures in one.figures.regions:
            if figures.region == BRAIN and not figures.variant:
                at = error[one.method, figures.quantity]
                at[one.identifier] = figures.agreement.mean_absolute
    found = []
    for a, b in pairs:
        for name in QUANTITIES:
            first, second = ssim[a, name], ssim[b, name]
            patients = sorted(set(first) & set(second))
            if not patients:
                continue
            apart = np.array([second[one] - first[one] for one in patients])
            nearer = np.array([error[a, name][one] - error[b, name][one] for one in patients])
            found.append(
                {
                    "first": a,
                    "second": b,
                    "quantity": name,
                    "patients": len(patients),
                    "ssim_first": float(np.mean([first[one] for one in patients])),
                    "ssim_second": float(np.mean([second[one] for one in patients])),
                    "ssim_ahead": float(apart.mean()),
                    "patients_ahead": int((apart > 0).sum()),
                    "error_first": float(np.mean([error[a, name][one] for one in patients])),
                    "error_second": float(np.mean([error[b, name][one] for one in patients])),
                    "patients_nearer": int((nearer > 0).sum()),
                }
            )
    return found


def print_comparisons(rows: Sequence[Mapping[str, Any]]) -> None:
    """One table for each pair."""
    for a, b in dict.fromkeys((row["first"], row["second"]) for row in rows):
        print_table(
            f"{b} against {a}, the same patients",
            [
                "map",
                "patients",
                f"SSIM {a}",
                f"SSIM {b}",
                f"{b} ahead by",
                "in patients",
                f"MAE {a}",
                f"MAE {b}",
                "nearer in patients",
                f"{b} ahead",
            ],
            [
                [
                    row["quantity"],
                    str(row["patients"]),
                    shown(row["ssim_first"], ".4f"),
                    shown(row["ssim_second"], ".4f"),
                    shown(row["ssim_ahead"], "+.4f"),
                    str(row["patients_ahead"]),
                    shown(row["error_first"]),
                    shown(row["error_second"]),
                    str(row["patients_nearer"]),
                    yes(row["ssim_ahead"] > 0) + (" (asked)" if row["quantity"] in AHEAD else ""),
                ]
                for row in rows
                if (row["first"], row["second"]) == (a, b)
            ],
        )


def print_statistics(
    pictures: Mapping[Key, Mapping[str, Spread]],
    physical: Mapping[PhysicalKey, Mapping[str, Spread]],
) -> None:
    """Mean, median, SD, least and most of the main figures of what is no trivial predictor."""
    shown_figures = (("ssim", ".3f"), ("mae", ".4f"), ("nrmse", ".3f"), ("psnr", ".1f"))
    for name, form in shown_figures:
        rows = [
            ((quantity_name, called(method, variant)), figures[name])
            for (method, quantity_name, variant, place), figures in by_quantity(pictures)
            if place == PLACES[0] and method not in TRIVIAL
        ]
        statistics_table(f"{name.upper()} of whole slices", rows, ("map", "method"), form)
    rows = [
        ((quantity_name, called(method, variant)), figures["mean_absolute"])
        for (method, quantity_name, variant), figures in by_quantity(physical)
        if method not in TRIVIAL
    ]
    statistics_table("MAE in the brain, in the map's unit", rows, ("map", "method"), ".2f")


def by_quantity(found: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Items in the order of QUANTITIES."""
    return sorted(found.items(), key=lambda item: QUANTITIES.index(item[0][1]))


def called(method: str, variant: str) -> str:
    """A method with the variant of its map."""
    return f"{method}, {variant}" if variant else method
