"""Low against high grade gliomas by their flow over the other side's, as noise grows.

Usage: python phae_grading.py [METHOD ...] [--tumours N] [--cache DIR] [--output DIR]. The task of
Fayolle et al. 2025 (table 1, figures 4 and 5) on digital gliomas of WHO grade 2 against 3 and 4:
mean CBF of the tumour over that of the opposite white matter, the same patients for every method,
brain mask and arterial curve found anew at each noise level. Maps are made of tumour and reference
with their neighbours, the arterial voxels and a thousand voxels of the brain, in which the bolus
is timed: the rest of the head changes no ratio. 40 + 40 patients take some minutes of one core,
half of it for scans that a cache keeps. "constant MTT" grades by volume alone.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from box_picture import Group, box_picture
from chosen_methods import available, ends_well
from glioma_scans import GliomaScan, glioma_scan
from line_pictures import Panel, line_panels
from markdown import print_table, shown, write_figures
from scipy import ndimage
from SyntheticPerfusionLib.analysis.group_separation import Separation, separation
from SyntheticPerfusionLib.analysis.roi_ratio import roi_ratio
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.constant_transit import ConstantTransit
from SyntheticPerfusionLib.evaluation.evaluation import prepare_as_usual
from SyntheticPerfusionLib.methods.device import resolve_device
from SyntheticPerfusionLib.methods.method import Method

DEFAULT = ("phae", "phae-delay", "oSVD", "Tikhonov")
KINDS = ("glioma-low", "glioma-high")
SNR = (50, 40, 30, 20, 10)
FIRST_SEED = 500_000
"""Patients that no training saw: seeds of cohorts are drawn from 53 bits."""
OTHER_VOXELS = 1000
TRUE = ("true CBF", "true CBV")

Ratios = dict[tuple[str, int], dict[str, list[float]]]
"""By method and SNR, by kind, in order of the patients."""


def main() -> None:
    """Print the tables, draw figures 4 and 5, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    parser.add_argument("--tumours", type=int, default=40, help="of each group")
    parser.add_argument("--snr", type=int, nargs="+", default=SNR)
    parser.add_argument("--cache", type=Path, help="folder for the scans without noise")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/phae_grading"))
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    methods = [*available(arguments.methods), ConstantTransit()]
    ratios: Ratios = defaultdict(lambda: {kind: [] for kind in KINDS})
    left_out: list[str] = []
    for number in range(arguments.tumours):
        for kind in KINDS:
            scan = glioma_scan(kind, FIRST_SEED + number, arguments.cache)
            for name in TRUE:
                ratio = ratio_of(scan.truth[name.removeprefix("true ")], scan)
                ratios[name, 0][kind].append(ratio)
            for snr in arguments.snr:
                try:
                    for name, ratio in measured(scan, snr, methods, device).items():
                        ratios[name, snr][kind].append(ratio)
                except InputError as error:
                    left_out.append(f"{kind} {scan.seed}, SNR {snr}: {error}")
    report(ratios, [method.name for method in methods], arguments.snr, arguments.output, left_out)


def measured(scan: GliomaScan, snr: int, methods: list[Method], device: str) -> dict[str, float]:
    """Flow of the tumour over that of the reference by each method."""
    series = scan.with_noise(snr, scan.seed * 1000 + snr)
    prepared, aif = prepare_as_usual(series)
    rng = np.random.default_rng(scan.seed)
    brain = np.flatnonzero(prepared.mask)
    mask = np.zeros(prepared.mask.size, bool)
    mask[rng.choice(brain, min(OTHER_VOXELS, brain.size), replace=False)] = True
    mask = mask.reshape(prepared.mask.shape) | aif.voxels
    flat = np.zeros((3, 3, 3), bool)
    flat[1] = True
    mask |= ndimage.binary_dilation(scan.rois["tumor"] | scan.rois["reference"], flat)
    mask &= prepared.mask
    return {
        method.name: ratio_of(method.estimate(prepared.series, mask, aif, device)["CBF"], scan)
        for method in methods
    }


def ratio_of(values: np.ndarray, scan: GliomaScan) -> float:
    """Mean of a map in the tumour over that in the reference."""
    return roi_ratio(values, scan.rois["tumor"], scan.rois["reference"], scan.series.geometry).ratio


def report(
    ratios: Ratios, names: list[str], levels: list[int], folder: Path, left_out: list[str]
) -> None:
    """Tables, plots and figures of all ratios."""
    found = {key: separated(groups) for key, groups in ratios.items()}
    best = max(levels)
    rows = [(name, 0) for name in TRUE] + [(name, best) for name in names]
    print_table(
        f"Low against high grade by CBF ratio, SNR {best} (95 % bootstrap intervals)",
        ["", "patients", "AUC", "cut-off", "sensitivity", "specificity", "accuracy", "p"],
        [[key[0], *cells(found[key])] for key in rows],
    )
    print_table(
        "AUC by SNR (95 % bootstrap intervals)",
        ["method", *map(str, levels)],
        [
            [
                name,
                *(
                    interval(found[name, snr].area, found[name, snr].area_interval)
                    for snr in levels
                ),
            ]
            for name in names
        ],
    )
    for sentence in left_out:
        print(f"Left out: {sentence}")
    folder.mkdir(parents=True, exist_ok=True)
    line_panels(
        folder / "auc_over_snr.png",
        [
            Panel(
                "Low against high grade by CBF ratio",
                "SNR",
                "area under the ROC curve",
                {name: (levels, [found[name, snr].area for snr in levels]) for name in names},
                {
                    name: (
                        levels,
                        [found[name, snr].area_interval[0] for snr in levels],
                        [found[name, snr].area_interval[1] for snr in levels],
                    )
                    for name in names
                },
                guides=[(found["true CBF", 0].area, "true CBF")],
                falling=True,
            )
        ],
    )
    box_picture(
        folder / "ratios.png",
        [
            Group(
                name,
                ratios[name, snr]["glioma-low"],
                ratios[name, snr]["glioma-high"],
                found[name, snr].cut_off,
            )
            for name, snr in [("true CBF", 0), *((name, best) for name in names)]
        ],
        f"CBF of the tumour over the opposite white matter, SNR {best}",
        ("low grade", "high grade"),
    )
    write_figures(
        folder / "phae_grading.json",
        {
            "separation": {key: one.as_json() for key, one in found.items()},
            "ratios": {key: dict(groups) for key, groups in ratios.items()},
            "left_out": left_out,
        },
    )


def separated(groups: dict[str, list[float]]) -> Separation:
    """Low against high."""
    low, high = (np.array(groups[kind]) for kind in KINDS)
    return separation(low, high, np.random.default_rng(0))


def cells(found: Separation) -> list[str]:
    """A row of the first table."""
    return [
        f"{found.low} + {found.high}",
        interval(found.area, found.area_interval),
        interval(found.cut_off, found.cut_off_interval),
        interval(found.sensitivity, found.sensitivity_interval),
        interval(found.specificity, found.specificity_interval),
        shown(found.accuracy),
        shown(found.p_value, ".1e"),
    ]


def interval(value: float, bounds: tuple[float, float]) -> str:
    """A figure with its interval."""
    return f"{value:.2f} ({bounds[0]:.2f} to {bounds[1]:.2f})"


if __name__ == "__main__":
    ends_well(main)
