"""Every method's seconds on one run of 128x128x25x60, by stage, and how near networks come to the
machine's matrix product.

Usage: python method_speed.py [METHOD ...] [--device D ...] [--output DIR]. Each method runs in a
process of its own, as the command line would: start (interpreter, imports), reading, weights,
preparation, arterial curve, method, writing. For networks the operations of products and
convolutions that were carried out (counted on three slices and scaled by
voxels where a network works voxel by voxel) over the best
time of the method are set beside what a matrix product in the same precision, process and threads
reaches; and what the precision does to the maps, mean |change| over mean |value|. On a machine
that others use too, seconds are upper bounds; the share by core counts the seconds that the cores
gave to this process, on a CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chosen_methods import available, ends_well
from markdown import print_table, shown, write_figures
from one_run import STAGES
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.registry import method_names
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.series.write import write_series

HERE = Path(__file__).parent
ASKED_SHARE = 0.30
ASKED_CHANGE = 0.01


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", help="default: every method there is")
    parser.add_argument("--device", nargs="+", help="default: cpu, and cuda where there is one")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("evaluation/speed"))
    arguments = parser.parse_args()
    names = arguments.methods or method_names()
    # A person's regions cannot be timed.
    names = [name for name in names if any(not one.needs.regions for one in available([name]))]
    if not names:
        raise InputError("None of these methods is there; see `synthetic-perfusion methods`.")
    devices = arguments.device or devices_here()
    with tempfile.TemporaryDirectory() as folder:
        series = Path(folder) / "dsc.nii.gz"
        write_series(make_patient("stroke", 0, Acquisition(frames=60)).series, series)
        found = [
            one_run(name, series, device, arguments.repeats) for device in devices for name in names
        ]
    stage_table(found)
    rate_table([one for one in found if "operations" in one])
    write_figures(arguments.output / "method_speed.json", {"runs": found})


def devices_here() -> list[str]:
    """cpu, and cuda where there is one."""
    import torch

    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def one_run(name: str, series: Path, device: str, repeats: int) -> dict[str, Any]:
    """What one_run.py measured; InputError with what it said where it failed."""
    command = [sys.executable, HERE / "one_run.py", name, series, "--device", device]
    command += ["--repeats", str(repeats), "--begun", repr(time.time())]
    said = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if said.returncode:
        raise InputError(f"{name} on {device} failed: {said.stderr.strip()[-600:]}")
    return dict(json.loads(said.stdout.splitlines()[-1]))


def stage_table(found: list[dict[str, Any]]) -> None:
    """Seconds by stage."""
    print_table(
        "Seconds, 128x128x25 voxels, 60 frames, one run each",
        ["method", "device", "threads", *STAGES, "sum", "method again, best"],
        [
            [
                Path(one["method"]).name,
                one["device"],
                str(one["threads"]),
                *(shown(one["seconds"].get(stage)) for stage in STAGES),
                shown(sum(one["seconds"].values())),
                shown(one["best_s"]),
            ]
            for one in found
        ],
    )


def rate_table(found: list[dict[str, Any]]) -> None:
    """Operations a second of the networks beside the matrix product's."""
    if not found:
        return
    print_table(
        f"Networks and the matrix product (asked: {ASKED_SHARE:.0%}; maps within "
        f"{ASKED_CHANGE:.0%} of float32)",
        [
            "method",
            "device",
            "precision",
            "us per voxel",
            "MFLOP per voxel",
            "GFLOP/s",
            "product GFLOP/s",
            "share",
            "share by core",
            "float32 product",
            "largest change of a map",
        ],
        [
            [
                Path(one["method"]).name,
                one["device"],
                one["precision"],
                shown(1e6 * one["best_s"] / one["voxels"]),
                shown(1e-6 * one["operations"] / one["voxels"]),
                shown(1e-9 * one["operations"] / one["best_s"], ".0f"),
                shown(1e-9 * one["rates"][one["precision"]][0], ".0f"),
                shown(one["share"], ".0%"),
                shown(one["core_share"] if one["device"] == "cpu" else None, ".0%"),
                shown(1e-9 * one["rates"]["float32"][0], ".0f"),
                largest(one.get("change", {})),
            ]
            for one in found
        ],
    )


def largest(change: dict[str, float]) -> str:
    """The map that the precision moves most, and by how much."""
    if not change:
        return "-"
    name = max(change, key=lambda key: change[key])
    return f"{change[name]:.2%} ({name})"


if __name__ == "__main__":
    ends_well(main)
