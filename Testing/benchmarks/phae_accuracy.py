"""Flow, transit time and delay against the truth, by tissue, delay, noise and residue.

Usage: python phae_accuracy.py [METHOD ...] [--peer FOLDER] [--patients N] [--output DIR]. First
voxel curves with the true arterial curve: five tissues at five delays, four noise levels, six
residue families, three arterial curves at TR 1.5 s, and some of it at TR 1.25 and 2 s; every
method runs as shipped, from the signal on. Then whole digital patients with the automatic mask
and arterial curve, whose error is part of those figures ("scale fitted" takes out its height).
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from chosen_methods import available, each_alone, ends_well, osipy_methods
from line_pictures import Panel, line_panels
from markdown import print_table, shown, write_figures
from SyntheticPerfusionLib.evaluation.constant_transit import ConstantTransit
from SyntheticPerfusionLib.evaluation.curve_accuracy import Rows, chosen, grouped, run_all
from SyntheticPerfusionLib.evaluation.evaluation import evaluate
from SyntheticPerfusionLib.evaluation.patient_sources import drawn_source
from SyntheticPerfusionLib.evaluation.simulated_curves import TISSUES, CurveConditions
from SyntheticPerfusionLib.evaluation.summary import per_patient, summary
from SyntheticPerfusionLib.evaluation.tables import print_tables
from SyntheticPerfusionLib.evaluation.trivial import trivial_predictors
from SyntheticPerfusionLib.methods.device import resolve_device
from SyntheticPerfusionLib.methods.method import Method
from SyntheticPerfusionLib.phantom.cohort import CohortPlan

DEFAULT = ("phae", "phae-delay", "oSVD", "cSVD", "sSVD", "Tikhonov")
SNR = (50.0, 30.0, 20.0, 10.0)
USUAL_TR_S = 1.5
OTHER_TR_S = (1.25, 2.0)
RESIDUES = (
    ("exponential", 4.0),
    ("lorentzian", 4.0),
    ("gamma", 4.0),
    ("gamma", 16.0),
    ("linear", 4.0),
    ("box", 4.0),
)
"""Families with the shape of gamma-distributed transit times; which of them a model was trained on
stands in its card."""
OTHER_RESIDUES = (RESIDUES[0], RESIDUES[2])
ARTERIAL_SEEDS = (41, 42, 43)
LIMITS = {50.0: 0.06, 10.0: 0.12}
"""By how much the median flow may miss the truth at each noise level."""
ORDER = {
    "tissue": [one.name for one in TISSUES],
    "residue": [CurveConditions(*one).family for one in RESIDUES],
}
MIX = {"stroke": 0.5, "glioma-high": 0.25, "healthy": 0.25}
PATIENT_SEED = 77_000


def main() -> None:
    """Print the tables, draw the plots, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    parser.add_argument("--peer", type=Path, help="folder for an environment with osipy")
    parser.add_argument("--side", type=int, default=8, help="its square are the voxels of a cell")
    parser.add_argument("--patients", type=int, default=6, help="0 for none")
    parser.add_argument("--grid", type=int, nargs=3, default=(12, 96, 96), metavar="N")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/phae_accuracy"))
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    methods = available(arguments.methods)
    trivial = ConstantTransit(float(np.mean([one.mtt_s for one in TISSUES])))
    on_curves = [*methods, *each_alone(methods), *osipy_methods(arguments.peer), trivial]
    rows = run_all(on_curves, conditions(arguments.side), device)
    content = curve_tables(rows, [method.name for method in on_curves])
    draw(rows, [method.name for method in on_curves], arguments.output)
    if arguments.patients:
        content["patients"] = patients(methods, arguments.patients, tuple(arguments.grid), device)
    write_figures(arguments.output / "phae_accuracy.json", content)


def conditions(side: int) -> list[CurveConditions]:
    """Everything that is looked at."""
    usual = [
        CurveConditions(*family, snr=snr, arterial_seed=seed, side=side)
        for family, snr, seed in product(RESIDUES, SNR, ARTERIAL_SEEDS)
    ]
    others = [
        CurveConditions(
            *family,
            snr=snr,
            repetition_time_s=step_s,
            arterial_seed=ARTERIAL_SEEDS[0],
            side=side,
        )
        for family, snr, step_s in product(OTHER_RESIDUES, (SNR[0], SNR[-1]), OTHER_TR_S)
    ]
    return [*usual, *others]


def curve_tables(rows: Rows, names: list[str]) -> dict[str, object]:
    """Print the tables of the curves; the figures behind them."""
    usual = chosen(rows, repetition_time_s=USUAL_TR_S)
    content: dict[str, object] = {}
    for column, title in (
        ("delay_s", "delay [s]"),
        ("tissue", "tissue"),
        ("residue", "residue"),
    ):
        found = grouped(usual, "method", "snr", column)
        content[f"by {column}"] = found
        present = {key[2] for key in found}
        values = [one for one in ORDER.get(column, sorted(present)) if one in present]
        for snr in (SNR[0], SNR[-1]):
            print_table(
                f"Estimated / true CBF, median; SNR {snr:g}, by {title}",
                ["method", *map(str, values)],
                [
                    [name, *(shown(found[name, snr, value]["cbf_ratio"]) for value in values)]
                    for name in names
                ],
            )
    by_noise = content["by snr"] = grouped(usual, "method", "snr")
    for figure, title, form in (
        ("cbf_ratio", "Estimated / true CBF, median", ".2f"),
        ("r_cbf", "r of CBF with the truth", ".3f"),
        ("mtt_error_s", "MTT, mean absolute error [s]", ".2f"),
        ("r_mtt", "r of MTT with the truth", ".3f"),
        ("delay_error_s", "Tmax against the delay, mean absolute error [s]", ".2f"),
        ("delay_bias_s", "Tmax against the delay, median difference [s]", ".2f"),
        ("r_delay", "r of Tmax with the delay", ".3f"),
        ("without_value", "Voxels said to show no bolus, left out above", ".1%"),
    ):
        print_table(
            f"{title}; all tissues, delays, residues and arterial curves, by SNR",
            ["method", *(f"{snr:g}" for snr in SNR)],
            [[name, *(shown(by_noise[name, snr][figure], form) for snr in SNR)] for name in names],
        )
    compared = chosen(rows, arterial_seed=ARTERIAL_SEEDS[0], snr=SNR[0])
    families = [CurveConditions(*one).family for one in OTHER_RESIDUES]
    kept = np.isin(compared["residue"], families)
    compared = {name: column[kept] for name, column in compared.items()}
    by_step = content["by repetition time"] = grouped(compared, "method", "repetition_time_s")
    steps = sorted((USUAL_TR_S, *OTHER_TR_S))
    print_table(
        f"Estimated / true CBF, median; SNR {SNR[0]:g}, {' and '.join(families)}, by TR [s]",
        ["method", *map(str, steps)],
        [[name, *(shown(by_step[name, step]["cbf_ratio"]) for step in steps)] for name in names],
    )
    content["cells"] = cells = grouped(usual, "method", "snr", "tissue", "delay_s")
    print_table(
        "Farthest median of a tissue at a delay from the truth (estimated / true CBF), and how "
        "many of the medians are as near as asked",
        ["method", *(f"SNR {snr:g} (asked: {limit:.0%})" for snr, limit in LIMITS.items())],
        [[name, *(farthest(cells, name, snr) for snr in LIMITS)] for name in names],
    )
    content["cells by residue"] = found = grouped(
        usual, "method", "snr", "residue", "tissue", "delay_s"
    )
    for snr, limit in LIMITS.items():
        print_table(
            f"The same for each residue; SNR {snr:g} (asked: {limit:.0%})",
            ["method", *ORDER["residue"]],
            [
                [name, *(farthest(of_residue(found, one), name, snr) for one in ORDER["residue"])]
                for name in names
            ],
        )
    return content


def of_residue(cells: dict, residue: str) -> dict:
    """The cells (method, snr, tissue, delay) of one residue."""
    return {(*key[:2], *key[3:]): one for key, one in cells.items() if key[2] == residue}


def farthest(cells: dict, name: str, snr: float) -> str:
    """The worst cell of a method at a noise level, in words."""
    own = {key[2:]: one["cbf_ratio"] for key, one in cells.items() if key[:2] == (name, snr)}
    tissue, delay = max(own, key=lambda key: abs(own[key] - 1))
    within = sum(abs(ratio - 1) <= LIMITS[snr] for ratio in own.values())
    return f"{own[tissue, delay]:.2f} ({tissue}, {delay:g} s); {within} of {len(own)}"


def draw(rows: Rows, names: list[str], folder: Path) -> None:
    """Flow over delay at the least and the most noise, and what noise does to it."""
    usual = chosen(rows, repetition_time_s=USUAL_TR_S)
    by_delay = grouped(usual, "method", "snr", "delay_s")
    by_noise = grouped(usual, "method", "snr")
    delays = sorted({key[2] for key in by_delay})
    folder.mkdir(parents=True, exist_ok=True)
    panels = [
        Panel(
            f"Flow over delay, SNR {snr:g}",
            "delay [s]",
            "estimated / true CBF, median",
            {
                name: (delays, [by_delay[name, snr, delay]["cbf_ratio"] for delay in delays])
                for name in names
            },
            guides=[(1.0, "truth")],
            limits=(0.0, 1.5),
        )
        for snr in (SNR[0], SNR[-1])
    ]
    panels.append(
        Panel(
            "Flow of single voxels",
            "SNR",
            "r of CBF with the truth",
            {name: (SNR, [by_noise[name, snr]["r_cbf"] for snr in SNR]) for name in names},
            falling=True,
        )
    )
    line_panels(folder / "flow.png", panels)


def patients(
    methods: list[Method], count: int, grid: tuple[int, int, int], device: str
) -> dict[str, object]:
    """Whole patients with the automatic arterial curve: print the tables; the figures."""
    plan = CohortPlan(
        patients=count,
        seed=PATIENT_SEED,
        mix=tuple(MIX.items()),
        protocols=("standard",),
        grid=grid,
    )
    source = drawn_source(plan, device)
    trivial = trivial_predictors(make() for make in source.training)
    result = evaluate(source.patients, [*methods, ConstantTransit(), *trivial], device)
    figures = summary(result)
    print(f"\nWhole patients, automatic mask and arterial curve: {len(result.patients)}\n")
    print_tables(figures)
    for sentence in result.left_out:
        print(f"Left out: {sentence}")
    return {"plan": plan.as_json(), "summary": figures, "per_patient": per_patient(result)}


if __name__ == "__main__":
    ends_well(main)
