"""The digital patients that no training saw, of the two populations that pix2pix is judged on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from SyntheticPerfusionLib.evaluation.patient_sources import (
    PatientSource,
    drawn_source,
    kept_source,
)
from SyntheticPerfusionLib.phantom.cohort import CohortPlan

GRID = (25, 128, 128)

POPULATIONS = {
    "first": CohortPlan(
        patients=24,
        seed=92_022,
        mix=(("stroke", 0.6), ("healthy", 0.4)),
        protocols=("heidelberg", "standard"),
        grid=GRID,
    ),
    "second": CohortPlan(
        patients=16,
        seed=92_023,
        mix=(("steno-occlusive", 0.7), ("moyamoya", 0.3)),
        protocols=("pegasus",),
        grid=GRID,
    ),
}
"""Acute stroke, and steno-occlusive disease by another protocol: those of Kossen et al. 2022, drawn
by other seeds than any training's."""


def add_arguments(parser: argparse.ArgumentParser, populations: bool = True) -> None:
    """Which patients, and where to keep them."""
    if populations:
        parser.add_argument("--population", choices=POPULATIONS, default="first")
    parser.add_argument("--patients", type=int, help="how many; default: all of the population")
    parser.add_argument("--seed", type=int, help="of other patients")
    parser.add_argument("--grid", type=int, nargs=3, metavar="N", help="other than 25 128 128")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="draw the patients once, into a folder of the population in this one",
    )


def plan_of(arguments: argparse.Namespace) -> CohortPlan:
    """The plan that the arguments ask for, as long as the whole population."""
    population = getattr(arguments, "population", "first")
    plan = POPULATIONS[population]
    if arguments.seed is not None:
        plan = replace(plan, seed=arguments.seed)
    if arguments.grid:
        plan = replace(plan, grid=tuple(arguments.grid))
    return plan


def source_of(arguments: argparse.Namespace, device: str) -> PatientSource:
    """The first of its patients, as many as were asked for."""
    plan = plan_of(arguments)
    count = arguments.patients or plan.patients
    if arguments.keep is None:
        return drawn_source(replace(plan, patients=count), device)
    population = getattr(arguments, "population", "first")
    plan = replace(plan, patients=max(count, plan.patients))
    found = kept_source(plan, arguments.keep / population)
    return PatientSource(found.patients[:count], found.identities[:count], found.training)
