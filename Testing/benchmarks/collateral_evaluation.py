"""Collateral maps of the networks against the truth, as table 1 of Le et al. 2021 has them.

Usage: python collateral_evaluation.py [METHOD ...] [--patients N] [--keep FOLDER] [--output DIR].
METHOD is a name, a model folder's path, or LABEL=PATH for a model under a label of its own. The
patients are digital and no training saw them. Beside every figure stand the mean of the training
set and what a reader makes of the same series who draws the true regions. Maps are scaled to
[-1, 1] by the first model's card; figures are of the voxels inside the brain, as in the paper, and
of the same without large vessels. The networks see whole volumes, so there is no leaving out of
slices.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import held_out
import numpy as np
from chosen_methods import ends_well, labelled
from example_slices import ExampleSlices
from hess_evaluation import say
from markdown import print_table, shown, write_figures
from spread_tables import STATISTICS, plain_spreads, with_sd, yes
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN
from SyntheticPerfusionLib.evaluation.evaluated_patient import COLLATERAL_NAMES
from SyntheticPerfusionLib.evaluation.evaluation import Evaluation, evaluate
from SyntheticPerfusionLib.evaluation.map_scale import MapScale, scales_of
from SyntheticPerfusionLib.evaluation.reference_phases import ReferencePhases
from SyntheticPerfusionLib.evaluation.seen_before import seen_before
from SyntheticPerfusionLib.evaluation.similarity_figures import (
    INSIDE,
    INSIDE_WITHOUT_VESSELS,
    SimilarityFigures,
    SimilarityRow,
    over_patients,
)
from SyntheticPerfusionLib.evaluation.spread import Spread, spread
from SyntheticPerfusionLib.evaluation.trivial import TRIVIAL, trivial_predictors
from SyntheticPerfusionLib.methods.device import resolve_device

DEFAULT = ("collateral-mdrnn", "collateral-drnn")
WITHOUT_CARD = {
    name: MapScale(0, highest)
    for name, highest in zip(COLLATERAL_NAMES, (5.0, 16.0, 16.0, 9.0, 4.0), strict=True)
}
"""Where no model is looked at: about what training sets hold."""
PLACES = (INSIDE, INSIDE_WITHOUT_VESSELS)
TISSUES = ("grey matter", "white matter", "penumbra", "core")
GROUPS = {"all": None, "healthy": "healthy", "stroke": "stroke"}
FIGURES = {"R2": "r2", "MAE": "mae", "Tanimoto": "tanimoto", "SSIM": "ssim"}
ASKED = {"R2": 0.90, "MAE": 0.063, "Tanimoto": 0.945, "SSIM": 0.933}
"""Published of 3D-MDRNN on average over the phases: 0.901, 0.063, 0.945, 0.933."""
AVERAGE = "average"

Columns = dict[str, Spread]
"""A figure over patients by phase, and of the average over the phases."""


def main() -> None:
    """Print the tables, draw the pictures, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    held_out.add_arguments(parser, populations=False)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/collateral"))
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    models = labelled(arguments.methods)
    if not models:
        raise InputError(
            "None of these methods is there; train them (synthetic-perfusion train CONFIG) or give "
            "the paths of their model folders."
        )
    source = held_out.source_of(arguments, device)
    trivial = trivial_predictors((make() for make in source.training), COLLATERAL_NAMES)
    own = {name: one for name, one in scales_of(models).items() if name in COLLATERAL_NAMES}
    scales = {**WITHOUT_CARD, **own}
    pictures, examples = SimilarityFigures(scales), ExampleSlices()

    def look(*seen: Any) -> None:
        pictures(*seen)
        examples(*seen)

    result = evaluate(
        source.patients,
        [*models, *trivial],
        device,
        1,
        say,
        look=look,
        own_methods=[ReferencePhases],
    )
    kinds = {patient["identifier"]: patient["kind"] for patient in result.patients}
    names = list(dict.fromkeys(row.method for row in pictures.rows))
    print(f"Patients: {len({row.patient for row in pictures.rows})} with collateral phases")
    print_table(
        "Scale of the maps (-1 is 0)",
        ["map", "1"],
        [[short(name), shown(one.high, ".3g")] for name, one in scales.items()],
    )
    found = {
        (place, group): figures_of(pictures.rows, place, kind)
        for place in PLACES
        for group, kind in GROUPS.items()
    }
    for key, figures in found.items():
        overview(names, *key, figures)
    for name in names:
        if name not in TRIVIAL:
            detailed(name, found[INSIDE, "all"])
    comparison(pictures.rows, [method.name for method in models])
    physical = physical_errors(result)
    physical_table(names, physical)
    biases = {tissue: of_region(result, tissue, "median_difference") for tissue in TISSUES}
    bias_table(names, biases)
    seconds = {
        name: spread(one.seconds for one in result.found if one.method == name).mean
        for name in names
    }
    print_table(
        "Seconds for the maps of a patient, as long as others let it",
        ["method", "seconds"],
        [[name, shown(value)] for name, value in seconds.items()],
    )
    for sentence in (*seen_before(models, source.identities), *result.warnings):
        print(f"Note: {sentence}")
    for sentence in result.left_out:
        print(f"Left out: {sentence}")
    arguments.output.mkdir(parents=True, exist_ok=True)
    examples.side_by_side(COLLATERAL_NAMES, arguments.output / "side_by_side.png")
    write_figures(
        arguments.output / "collateral_evaluation.json",
        {
            "plan": held_out.plan_of(arguments).as_json(),
            "scales": {name: vars(one) for name, one in scales.items()},
            "figures": plain_spreads(over_patients(pictures.rows)),
            "average": plain_spreads(averages(found)),
            "physical": plain_spreads({(name,): columns for name, columns in physical.items()}),
            "median difference": {
                tissue: plain_spreads({(name,): columns for name, columns in by.items()})
                for tissue, by in biases.items()
            },
            "seconds": seconds,
            "patients": result.patients,
            "kinds": kinds,
            "left_out": result.left_out,
        },
    )


def figures_of(
    rows: Iterable[SimilarityRow], place: str, kind: str | None
) -> dict[tuple[str, str], Columns]:
    """By method and figure: over the patients of a kind (None: of all), for each phase and for the
    average over the phases of each patient."""
    values: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for row in rows:
        if row.place == place and kind in (None, row.kind):
            for figure, attribute in FIGURES.items():
                by_phase = values.setdefault((row.method, figure), {})
                at = by_phase.setdefault(row.quantity, {})
                at[row.patient] = getattr(row.figures, attribute)
    found: dict[tuple[str, str], Columns] = {}
    for key, by_phase in values.items():
        patients = next(iter(by_phase.values()))
        average = [float(np.mean([one[name] for one in by_phase.values()])) for name in patients]
        columns = {name: spread(by_phase[name].values()) for name in COLLATERAL_NAMES}
        found[key] = {**columns, AVERAGE: spread(average)}
    return found


def overview(
    names: Sequence[str], place: str, group: str, figures: Mapping[tuple[str, str], Columns]
) -> None:
    """The average over the phases and the arterial phase apart, and what is asked."""
    if not figures:
        return
    arterial = COLLATERAL_NAMES[0]
    print_table(
        f"{place}, {group}: average over the phases (asked: "
        f"{', '.join(f'{name} {value:g}' for name, value in ASKED.items())})",
        [
            "method",
            "patients",
            *(header for name in FIGURES for header in (name, "reached")),
            *(f"{name}, arterial" for name in FIGURES),
        ],
        [
            [
                name,
                str(figures[name, "MAE"][AVERAGE].patients),
                *(
                    cell
                    for figure in FIGURES
                    for cell in (
                        with_sd(figures[name, figure][AVERAGE], ".3f"),
                        reached(figure, figures[name, figure][AVERAGE].mean),
                    )
                ),
                *(with_sd(figures[name, figure][arterial], ".3f") for figure in FIGURES),
            ]
            for name in names
            if (name, "MAE") in figures
        ],
    )


def reached(figure: str, value: float) -> str:
    """Whether a figure is as good as asked; errors are better where they are lower."""
    return yes(value <= ASKED[figure] if figure == "MAE" else value >= ASKED[figure])


def detailed(name: str, figures: Mapping[tuple[str, str], Columns]) -> None:
    """Table 1 of the paper for one method."""
    print_table(
        f"{name}, {INSIDE}, all patients",
        ["figure", "of patients", *(short(one) for one in COLLATERAL_NAMES), AVERAGE],
        [
            [
                figure,
                statistic,
                *(shown(getattr(one, attribute), ".3f") for one in figures[name, figure].values()),
            ]
            for figure in FIGURES
            for statistic, attribute in STATISTICS.items()
        ],
    )


def averages(found: Mapping[tuple[str, str], Mapping[tuple[str, str], Columns]]) -> dict[Any, Any]:
    """The average over phases of each figure, by place, group of patients and method."""
    of_all: dict[Any, dict[str, Spread]] = {}
    for (place, group), figures in found.items():
        for (name, figure), columns in figures.items():
            of_all.setdefault((place, group, name), {})[figure] = columns[AVERAGE]
    return of_all


def comparison(rows: Iterable[SimilarityRow], names: Sequence[str]) -> None:
    """The first model against the second, phase by phase in the same patients: table 2."""
    if len(names) < 2:
        return
    first, second = names[:2]
    values: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in rows:
        if row.place == INSIDE:
            for figure, attribute in FIGURES.items():
                at = values.setdefault((row.method, figure, row.quantity), {})
                at[row.patient] = getattr(row.figures, attribute)
    if {first, second} - {method for method, _, _ in values}:
        return
    lines = []
    for figure in FIGURES:
        for name in COLLATERAL_NAMES:
            one, other = values[first, figure, name], values[second, figure, name]
            better = -1 if figure == "MAE" else 1
            apart = [
                better * (one[patient] - other[patient]) for patient in one if patient in other
            ]
            lines.append(
                [
                    figure,
                    short(name),
                    shown(float(np.mean(list(one.values()))), ".3f"),
                    shown(float(np.mean(list(other.values()))), ".3f"),
                    yes(float(np.mean(apart)) > 0),
                    f"{sum(value > 0 for value in apart)} of {len(apart)}",
                ]
            )
    print_table(
        f"{first} against {second}, {INSIDE}",
        ["figure", "phase", first, second, f"{first} ahead", "in patients"],
        lines,
    )


def physical_errors(result: Evaluation) -> dict[str, Columns]:
    """Mean absolute error by method and phase, in the maps' unit (1: the brain's usual tracer),
    in the brain without large vessels."""
    return of_region(result, BRAIN, "mean_absolute")


def of_region(result: Evaluation, region: str, figure: str) -> dict[str, Columns]:
    """A figure of an Agreement in a region of the brain, by method and phase."""
    values: dict[str, dict[str, list[float]]] = {}
    for one in result.found:
        for row in one.figures.regions:
            if row.region == region and row.quantity in COLLATERAL_NAMES:
                at = values.setdefault(one.method, {}).setdefault(row.quantity, [])
                at.append(getattr(row.agreement, figure))
    return {
        method: {name: spread(found) for name, found in by_phase.items()}
        for method, by_phase in values.items()
    }


def bias_table(names: Sequence[str], biases: Mapping[str, Mapping[str, Columns]]) -> None:
    """How far maps are off in each tissue, to which side."""
    print_table(
        "Median difference from the truth, in the maps' unit",
        ["tissue", "method", *(short(name) for name in COLLATERAL_NAMES)],
        [
            [tissue, name, *(with_sd(by[name].get(one), "+.2f") for one in COLLATERAL_NAMES)]
            for tissue, by in biases.items()
            for name in names
            if name in by
        ],
    )


def physical_table(names: Sequence[str], figures: Mapping[str, Columns]) -> None:
    """Errors of maps as they are."""
    print_table(
        "MAE in the maps' unit (1: the brain's usual tracer), brain without large vessels",
        ["method", *(short(name) for name in COLLATERAL_NAMES)],
        [
            [name, *(with_sd(figures[name].get(one), ".3f") for one in COLLATERAL_NAMES)]
            for name in names
        ],
    )


def short(name: str) -> str:
    """The phase of a map."""
    return name.removeprefix("Collateral_").replace("_", " ")


if __name__ == "__main__":
    ends_well(main)
