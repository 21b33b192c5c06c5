"""Synthetic Tmax, TTP and RBF against the truth, with the ablations, figure 3 and the uncertainty.

Usage: python hess_evaluation.py [METHOD ...] [--patients N] [--shift-patients N] [--output DIR].
METHOD is a name or a model folder's path; several of one quantity are compared, as in the table
of ablations. The patients are drawn by the plan that the first model was trained with, by another
seed: no training saw them. oSVD, oSVD without its median offset, and the mean of the training set
stand beside every figure.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from chosen_methods import available, ends_well
from example_slices import ExampleSlices
from line_pictures import Panel, line_panels
from markdown import print_table, shown, write_figures
from shift_curve import shift_curves, shift_picture
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN
from SyntheticPerfusionLib.evaluation.evaluation import evaluate
from SyntheticPerfusionLib.evaluation.patient_sources import drawn_source
from SyntheticPerfusionLib.evaluation.seen_before import seen_before, training_plan
from SyntheticPerfusionLib.evaluation.summary import per_patient, summary
from SyntheticPerfusionLib.evaluation.tables import print_tables
from SyntheticPerfusionLib.evaluation.trivial import trivial_predictors
from SyntheticPerfusionLib.methods.device import resolve_device
from SyntheticPerfusionLib.methods.method import Method
from SyntheticPerfusionLib.phantom.cohort import CohortPlan

DEFAULT = ("tmax-hess", "ttp-hess", "rbf-hess")
COMPARED = ("oSVD",)
WITHOUT_CARD = CohortPlan(patients=1, protocols=("standard",), grid=(25, 128, 128))
SEED = 90_000
PUBLISHED_MAEC_S = 0.53


def main() -> None:
    """Print the tables, draw the plots, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--shift-patients", type=int, default=4, help="for figure 3; 0 for none")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--grid", type=int, nargs=3, metavar="N", help="default: the training's")
    parser.add_argument("--slice-step", type=int, default=3, help="maps of every N-th slice")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/hess"))
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    models = available(arguments.methods)
    if not models:
        raise InputError(
            "None of these methods is there; train them (synthetic-perfusion train CONFIG) or give "
            "the paths of their model folders."
        )
    methods = [*models, *available([name for name in COMPARED if name not in arguments.methods])]
    plan = replace(plan_of(models), patients=arguments.patients, seed=arguments.seed)
    if arguments.grid:
        plan = replace(plan, grid=tuple(arguments.grid))
    source = drawn_source(plan, device)
    trivial = trivial_predictors(make() for make in source.training)
    examples = ExampleSlices(without=COMPARED)
    result = evaluate(
        source.patients, [*methods, *trivial], device, arguments.slice_step, say, look=examples
    )
    figures = summary(result)
    print_tables(figures)
    clipped_error_table(figures)
    for sentence in (*seen_before(models, source.identities), *result.warnings, *result.left_out):
        print(f"Note: {sentence}")
    folder = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    calibration_picture(figures["calibration"], folder / "calibration.png")
    for name in ("Tmax", "TTP", "RBF"):
        examples.picture(name, folder / f"{name}.png")
    tmax = [one for one in models if "Tmax" in names(one) and not one.needs.aif]
    shifts = shift_curves(
        source.patients, arguments.shift_patients, tmax, device, arguments.slice_step
    )
    if shifts:
        shift_picture(shifts, folder / "shift.png")
    write_figures(
        folder / "hess_evaluation.json",
        {
            "plan": plan.as_json(),
            "slice_step": arguments.slice_step,
            "summary": figures,
            "shift": shifts,
            "patients": result.patients,
            "per_patient": per_patient(result),
            "left_out": result.left_out,
        },
    )


def say(fraction: float, message: str) -> None:
    """Progress as a line that goes over itself, for whoever watches."""
    if sys.stdout.isatty():
        print(f"\r{fraction:4.0%} {message:40s}", end="" if fraction < 1 else "\n", flush=True)


def names(method: Method) -> list[str]:
    """Names of what a method gives."""
    return [item.name for item in method.quantities]


def plan_of(models: list[Method]) -> CohortPlan:
    """The plan that the first model with a cohort in its card was trained with."""
    for model in models:
        folder = getattr(model, "folder", None)
        plan = None if folder is None else training_plan(folder.card)
        if plan is not None:
            return plan
    return WITHOUT_CARD


def clipped_error_table(figures: dict[str, Any]) -> None:
    """MAEC of every method with Tmax, the ablations among them, and what is asked of it."""
    rows = [row for row in figures["maps"] if row["quantity"] == "Tmax" and row["region"] == BRAIN]
    if not rows:
        return
    lesions = {(row["method"], row["variant"]): row for row in figures["lesions"]}
    reference = min(row["clipped_error_s"] for row in rows if row["method"] == "oSVD")
    print_table(
        f"Tmax, MAEC [s] in the brain (published {PUBLISHED_MAEC_S:.2f}; "
        f"oSVD at its best here {reference:.2f})",
        ["method", "MAEC", "SD of patients", "at most 0.53", "below oSVD", "Dice", "volume error"],
        [
            [
                f"{row['method']}, {row['variant']}" if row["variant"] else row["method"],
                shown(row["clipped_error_s"], ".3f"),
                shown(row["clipped_error_s_sd"], ".3f"),
                "yes" if row["clipped_error_s"] <= PUBLISHED_MAEC_S else "no",
                "yes" if row["clipped_error_s"] < reference else "no",
                shown(lesions[row["method"], row["variant"]]["dice"]),
                shown(lesions[row["method"], row["variant"]]["volume_error_ml"], "+.1f") + " ml",
            ]
            for row in sorted(rows, key=lambda row: row["clipped_error_s"])
        ],
    )


def calibration_picture(rows: list[dict[str, Any]], path: Path) -> None:
    """Coverage of central intervals, and the error that was said against the one that was made."""
    if not rows:
        return
    coverage = Panel(
        "Voxels within the central interval",
        "share that is expected",
        "share that is found",
        {row["method"]: (row["expected"], row["observed"]) for row in rows},
        diagonal=True,
    )
    error = Panel(
        "Tenths of the voxels by uncertainty",
        "mean error that is expected, b [s]",
        "mean error that is found [s]",
        {row["method"]: (row["predicted_error"], row["observed_error"]) for row in rows},
        diagonal=True,
    )
    line_panels(path, [coverage, error])


if __name__ == "__main__":
    ends_well(main)
