"""Synthetic maps of one real slice beside oSVD's: correlations in the brain, and pictures.

Usage: REAL_DSC_MAT=FILE python real_slice.py [METHOD ...] [--output DIR]. The slice is
convexity.mat of hyadamhuang/DSC-MRI-TTP (TR 2 s; TE is not stated with it, 30 ms is assumed). All
rights to it are reserved: the pictures are for the eyes, not to be passed on. Nobody knows the
truth there, and oSVD has faults of its own: flow too low by noise, Tmax too late. CBF correlates
with oSVD's for the volume alone: what "constant MTT" reaches says nothing about a method. oSVD has
no counterpart of collateral maps: they are drawn, and the network says what of a single slice is
beyond what it knows. METHOD may be LABEL=PATH[,PATH...].
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from chosen_methods import ends_well, labelled
from markdown import print_table, shown, write_figures
from scipy.io import loadmat
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from SyntheticPerfusionLib.analysis.contact_sheet import Panel, Row, contact_sheet
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.constant_transit import ConstantTransit
from SyntheticPerfusionLib.evaluation.evaluation import prepare_as_usual
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import COLLATERALS, quantity
from SyntheticPerfusionLib.methods.device import resolve_device
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

VARIABLE = "REAL_DSC_MAT"
DEFAULT = (
    "tmax-hess",
    "ttp-hess",
    "rbf-hess",
    "phae",
    "phae-delay",
    "pix2pix",
    "temp-pix2pix",
    "collateral-mdrnn",
    "collateral-drnn",
    "Tikhonov",
)
REFERENCE = "oSVD"
COMPARED = ("CBF", "RBF", "CBV", "MTT", "Tmax", "TTP")
STAND_IN = {"RBF": "CBF"}
"""What of the reference a map is held against, where that has no map of the name."""
ASKED = {"TTP": 0.7, "CBF": 0.7, "RBF": 0.7}
RATIO_WINDOW = (0.0, 3.0)
WINDOWS = {
    "CBF": RATIO_WINDOW,
    "RBF": RATIO_WINDOW,
    "CBV": RATIO_WINDOW,
    "MTT": (0.0, 15.0),
    "Tmax": (-2.0, 8.0),
    "TTP": (22.0, 36.0),
}
SHOWN_AS = {name: name for name in COMPARED} | {"CBF": "RBF", "CBV": "rCBV"}
FIELD = "VOL15"
SMOOTHING_VOXELS = 1.0


def main() -> None:
    """Print the table, draw the pictures, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", default=DEFAULT)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=Path("evaluation/real_slice"))
    arguments = parser.parse_args()
    series = real_slice(Path(os.environ.get(VARIABLE, "")))
    device = resolve_device(arguments.device)
    prepared, aif = prepare_as_usual(series)
    methods = [get_method(REFERENCE), *labelled(arguments.methods), ConstantTransit()]
    maps = {
        method.name: method.estimate(
            prepared.series, prepared.mask, aif if method.needs.aif else None, device
        )
        for method in methods
    }
    for method in methods:
        for sentence in (*method.range_warnings(series), *maps[method.name].warnings):
            print(f"Note, {method.name}: {sentence}")
    found = comparison(maps, REFERENCE)
    print_table(
        f"One real slice: maps against {REFERENCE}'s in the brain",
        ["method", "map", "r", "r of smoothed maps", "by ranks", "asked", "median", REFERENCE],
        [
            [
                one["method"],
                one["map"],
                shown(one["r"]),
                shown(one["smoothed"]),
                shown(one["ranks"]),
                shown(ASKED.get(one["map"])),
                shown(one["median"]),
                shown(one["reference_median"]),
            ]
            for one in found
        ],
    )
    arguments.output.mkdir(parents=True, exist_ok=True)
    draw(maps, series, arguments.output / "maps.png")
    draw_phases(maps, series, arguments.output / "collateral.png")
    write_figures(arguments.output / "real_slice.json", {"comparison": found})


def real_slice(path: Path) -> DscSeries:
    """The series of the file; InputError where it is not there."""
    if not path.is_file():
        raise InputError(
            f"The variable {VARIABLE} does not name a file ('{path}'); set it to convexity.mat of "
            "DSC-MRI-TTP, which is not part of this repository."
        )
    frames = np.moveaxis(loadmat(path)[FIELD], 2, 0)[:, None]
    return DscSeries(
        frames,
        np.arange(len(frames)) * 2.0,
        Geometry((1, *frames.shape[2:]), (1.8, 1.8, 5.0)),
        0.03,
        name="Real slice",
    )


def comparison(maps: dict[str, PerfusionMaps], reference: str) -> list[dict[str, float | str]]:
    """Every map of every method that the reference has too, over the voxels good in both.

    r of the maps, r after a Gaussian of SMOOTHING_VOXELS (noise of single voxels lowers r whoever
    is right), Spearman's; and both medians.
    """
    own = maps[reference]
    rows: list[dict[str, float | str]] = []
    for method, found in maps.items():
        if method == reference:
            continue
        inside = own.mask.copy()
        for one in (own, found):
            if one.flags is not None:
                inside &= one.flags == 0
        for name in COMPARED:
            other = STAND_IN.get(name, name)
            if name not in found.names or other not in own.names:
                continue
            x, y = found[name], own[other]
            rows.append(
                {
                    "method": method,
                    "map": name,
                    "r": correlation(x, y, inside),
                    "smoothed": correlation(smooth(x, inside), smooth(y, inside), inside),
                    "ranks": float(spearmanr(x[inside], y[inside]).statistic),
                    "median": float(np.median(x[inside])),
                    "reference_median": float(np.median(y[inside])),
                }
            )
    return rows


def correlation(x: np.ndarray, y: np.ndarray, inside: np.ndarray) -> float:
    """Pearson's r; values beyond the 1st and 99th percentile count as these."""
    one, other = (
        np.clip(values[inside], *np.percentile(values[inside], (1, 99))) for values in (x, y)
    )
    varied = np.ptp(one) > 0 and np.ptp(other) > 0
    return float(np.corrcoef(one, other)[0, 1]) if varied else float("nan")


def smooth(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A map (K, J, I) smoothed in its slices by what lies inside."""
    width = (0.0, SMOOTHING_VOXELS, SMOOTHING_VOXELS)
    weight = np.maximum(gaussian_filter(inside.astype(np.float64), width), 1e-6)
    return np.asarray(gaussian_filter(np.where(inside, values, 0.0).astype(float), width) / weight)


def draw(maps: dict[str, PerfusionMaps], series: DscSeries, path: Path) -> None:
    """One row for each method, one column for each quantity; black where it gives none."""
    wanted = [name for name in COMPARED if any(name in found.names for found in maps.values())]
    before = series.signal[2:6].mean(axis=0)
    rows = []
    for method, found in maps.items():
        if not set(wanted) & set(found.names):
            continue
        panels = [baseline_panel(before)]
        for name in wanted:
            given = name in found.names
            values = relative(name, found[name], found.mask) if given else before
            mask = found.mask if given else np.zeros_like(found.mask)
            panels.append(Panel(name, values, WINDOWS[name], quantity(SHOWN_AS[name]), mask))
        rows.append(Row(method, series.geometry, 0, panels))
    contact_sheet(path, rows)


def draw_phases(maps: dict[str, PerfusionMaps], series: DscSeries, path: Path) -> None:
    """The five collateral maps of each method that gives them, a row each."""
    before = series.signal[2:6].mean(axis=0)
    rows = [
        Row(
            method,
            series.geometry,
            0,
            [
                baseline_panel(before),
                *(
                    Panel(
                        item.name.removeprefix("Collateral_").replace("_", " "),
                        found[item.name],
                        item.display_range,
                        item,
                        found.mask,
                    )
                    for item in COLLATERALS
                ),
            ],
        )
        for method, found in maps.items()
        if COLLATERALS[0].name in found.names
    ]
    if rows:
        contact_sheet(path, rows)


def baseline_panel(before: np.ndarray) -> Panel:
    """The slice before the bolus, in grey."""
    return Panel("baseline", before, (0.0, float(np.percentile(before, 99.5))))


def relative(name: str, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Flow and volume over their own mean, as their scale is the artery's; times as they are."""
    return values / values[mask].mean() if WINDOWS[name] == RATIO_WINDOW else values


if __name__ == "__main__":
    ends_well(main)
