"""pix2pix and temp-pix2pix against the truth, as pictures and in physical units (Kossen 2022).

Usage: python kossen_evaluation.py [METHOD ...] [--population first|second] [--patients N]
[--slice-step N] [--keep FOLDER] [--compare A:B ...] [--output DIR]. METHOD is a name, a model
folder's path, or LABEL=PATH[,PATH...] for models under a label of their own: fine-tuned beside
from scratch, or trained with the frames in another order, are such folders. The patients are
digital and no training saw them. oSVD and the mean of the training set stand beside every figure.

As in the paper, maps are scaled to [-1, 1], -1 outside the brain, and compared as whole slices:
those that hold brain, without the rest of the stack. The scale is that of the first model that
gives the map. There a constant map scores well; figures inside the brain and in physical units say
more.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import held_out
from chosen_methods import available, ends_well, labelled
from example_slices import ExampleSlices
from hess_evaluation import say
from kossen_tables import (
    QUANTITIES,
    comparison_rows,
    physical_figures,
    print_comparisons,
    print_in_short,
    print_physical,
    print_pictures,
    print_statistics,
)
from markdown import print_table, shown, write_figures
from spread_tables import plain_spreads
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.evaluation import Evaluation, evaluate
from SyntheticPerfusionLib.evaluation.map_scale import MapScale, scales_of
from SyntheticPerfusionLib.evaluation.seen_before import seen_before
from SyntheticPerfusionLib.evaluation.similarity_figures import SimilarityFigures, over_patients
from SyntheticPerfusionLib.evaluation.spread import spread
from SyntheticPerfusionLib.evaluation.trivial import trivial_predictors
from SyntheticPerfusionLib.methods.device import resolve_device

DEFAULT = ("pix2pix", "temp-pix2pix")
COMPARED = ("oSVD",)
WITHOUT_CARD = {
    "CBF": MapScale(0, 900),
    "CBV": MapScale(0, 25),
    "MTT": MapScale(0, 20),
    "Tmax": MapScale(0, 15),
    "TTP": MapScale(0, 45, before_arrival_s=15.0),
}
"""Where no model that is looked at gives the map: about what training sets hold."""


def main() -> None:
    """Print the tables, draw the pictures, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    held_out.add_arguments(parser)
    parser.add_argument("--slice-step", type=int, default=3, help="maps of every N-th slice")
    parser.add_argument(
        "--compare", nargs="+", metavar="A:B", default=["pix2pix:temp-pix2pix"], help="by patient"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/kossen"))
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    models = labelled([name for name in arguments.methods if name not in COMPARED])
    if not models:
        raise InputError(
            "None of these methods is there; train them (synthetic-perfusion train CONFIG) or give "
            "the paths of their model folders."
        )
    methods = [*models, *available(COMPARED)]
    by_arteries = {method.name for method in methods if method.needs.aif}
    source = held_out.source_of(arguments, device)
    trivial = trivial_predictors((make() for make in source.training), QUANTITIES)
    scales = {**WITHOUT_CARD, **pick(scales_of(models))}
    pictures, examples = SimilarityFigures(scales, by_arteries), ExampleSlices(without=COMPARED)

    def look(*seen: Any) -> None:
        pictures(*seen)
        examples(*seen)

    result = evaluate(
        source.patients, [*methods, *trivial], device, arguments.slice_step, say, look=look
    )
    found, physical = over_patients(pictures.rows), physical_figures(result)
    pairs = [tuple(one.split(":", 1)) for one in arguments.compare if ":" in one]
    comparisons = comparison_rows(pictures.rows, result, pairs)
    print(f"Patients: {len(result.patients)} ({describe(arguments, result)})")
    scale_table(scales)
    print_in_short(found, physical)
    print_pictures(found)
    print_physical(physical)
    print_comparisons(comparisons)
    seconds = seconds_table(result, arguments.slice_step)
    print_statistics(found, physical)
    for sentence in (*seen_before(models, source.identities), *result.warnings):
        print(f"Note: {sentence}")
    for sentence in result.left_out:
        print(f"Left out: {sentence}")
    folder = arguments.output / arguments.population
    folder.mkdir(parents=True, exist_ok=True)
    for name in QUANTITIES:
        examples.picture(name, folder / f"{name}.png")
    examples.side_by_side(QUANTITIES, folder / "side_by_side.png", by_arteries)
    write_figures(
        folder / "kossen_evaluation.json",
        {
            "plan": held_out.plan_of(arguments).as_json(),
            "slice_step": arguments.slice_step,
            "scales": {name: vars(one) for name, one in scales.items()},
            "pictures": plain_spreads(found),
            "physical": plain_spreads(physical),
            "comparisons": comparisons,
            "seconds": seconds,
            "patients": result.patients,
            "left_out": result.left_out,
        },
    )


def pick(scales: dict[str, MapScale]) -> dict[str, MapScale]:
    """Those of the five maps that the paper has."""
    return {name: one for name, one in scales.items() if name in QUANTITIES}


def describe(arguments: argparse.Namespace, result: Evaluation) -> str:
    """Who they are, in words."""
    counts: dict[str, int] = defaultdict(int)
    for patient in result.patients:
        counts[f"{patient['kind']}, {patient['protocol']}"] += 1
    listed = "; ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return f"{arguments.population} population; {listed}; every {arguments.slice_step}. slice"


def scale_table(scales: dict[str, MapScale]) -> None:
    """What becomes -1 and 1 in the pictures."""
    print_table(
        "Scale of the pictures (times to peak from the time points' first)",
        ["map", "-1", "1"],
        [[name, shown(one.low, ".4g"), shown(one.high, ".4g")] for name, one in scales.items()],
    )


def seconds_table(result: Evaluation, slice_step: int) -> dict[str, float]:
    """Mean seconds of a method's maps of one patient, without preparation, by name."""
    by_patient: dict[tuple[str, str], float] = defaultdict(float)
    for one in result.found:
        by_patient[one.method, one.identifier] += one.seconds
    names = list(dict.fromkeys(method for method, _ in by_patient))
    seconds = {
        name: spread(value for key, value in by_patient.items() if key[0] == name).mean
        for name in names
    }
    print_table(
        f"Seconds for the maps of a patient, every {slice_step}. slice, as long as others let it",
        ["method", "seconds"],
        [[name, shown(value)] for name, value in seconds.items()],
    )
    return seconds


if __name__ == "__main__":
    ends_well(main)
