"""One table, one run, one machine: deconvolution beside osipy and a matrix product; file to maps.

Usage: python bench.py [--peer FOLDER] [--rounds N]. osipy 0.1.4 needs Python 3.12: with --peer it
is installed into that folder, if such an interpreter is found, and timed there on the same curves.
Every figure is the best of all rounds, ours and the peer's in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import curves_of_a_brain as brain  # noqa: E402
from peers import PEER, peer_python  # noqa: E402

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ROWS = 1024
"""Voxels at a time: what stays in the cache, for the matrix product too."""


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="folder for an environment with osipy")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "curves.npz"
        aif, curves = brain.make()
        times = np.arange(brain.FRAMES) * brain.STEP_S
        np.savez(stored, aif=aif, curves=curves, times=times)
        peer = peer_python(arguments.peer)
        ours: dict[str, float] = {}
        theirs: dict[str, dict[str, float]] = {}
        for _ in range(arguments.rounds):
            keep_best(ours, in_own_process("--ours", stored))
            if peer is not None:
                for name, figures in run_peer(peer, stored).items():
                    keep_best(theirs.setdefault(name, {}), figures)
        print_table(ours, theirs)
        print_file_to_maps(Path(folder))


def keep_best(best: dict[str, float], figures: dict[str, float]) -> None:
    """Lower each figure of `best` to that of `figures`."""
    for name, value in figures.items():
        best[name] = min(value, best.get(name, np.inf))


def microseconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Best time of `work` per voxel."""
    work()
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / brain.VOXELS


def time_ours(stored: Path) -> dict[str, float]:
    """Microseconds per voxel of each method, and of the matrix product, on one thread."""
    import torch
    from SyntheticPerfusionLib.methods.registry import get_method

    torch.set_num_threads(1)
    with np.load(stored) as content:
        aif = content["aif"]
        curves = torch.as_tensor(content["curves"], dtype=torch.float32)
    matrix = torch.rand(brain.FRAMES, 2 * brain.FRAMES)
    found = {}
    with torch.inference_mode():
        parts = curves.split(ROWS)
        found["matrix product"] = microseconds(lambda: [part @ matrix for part in parts])
        for name in ("sSVD", "cSVD", "oSVD", "Tikhonov"):
            solver = get_method(name).build_solver(aif, brain.STEP_S, "cpu")
            rows = curves.split(2 * ROWS) if name == "oSVD" else parts
            found[name] = microseconds(
                lambda solver=solver, rows=rows: [solver.peak(part) for part in rows]
            )
    return found


def in_own_process(flag: str, stored: Path) -> dict[str, float]:
    """Figures of this file run again on one thread."""
    said = subprocess.run(
        [sys.executable, __file__, flag, str(stored)],
        env={**os.environ, **ONE_THREAD},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(said.stdout))


def run_peer(python: Path, stored: Path) -> dict[str, dict[str, float]]:
    """osipy's figures on one thread."""
    said = subprocess.run(
        [python, HERE / "peer_osipy.py", stored],
        env={**os.environ, **ONE_THREAD},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(said.stdout.splitlines()[-1]))


def print_table(ours: dict[str, float], theirs: dict[str, dict[str, float]]) -> None:
    """Microseconds per voxel and the ratios that are asked of them."""
    product = ours.pop("matrix product")
    shape = f"{brain.FRAMES} x {2 * brain.FRAMES}"
    print(f"\nMicroseconds per voxel, {brain.VOXELS} voxels, {brain.FRAMES} frames, one thread")
    print(f"float32 matrix product ({shape}): {product:.2f}\n")
    columns = ("ours", "of product", f"{PEER} f64", "faster", "its f32", "faster")
    print(f"{'method':10s}" + "".join(f"{column:>18s}" for column in columns))
    for name, value in ours.items():
        cells = [f"{value:.2f}", f"{value / product:.1f} x"]
        for precision in ("float64", "float32"):
            other = theirs.get(name, {}).get(precision)
            cells += ["-", "-"] if other is None else [f"{other:.2f}", f"{other / value:.1f} x"]
        print(f"{name:10s}" + "".join(f"{cell:>18s}" for cell in cells))


def print_file_to_maps(folder: Path) -> None:
    """Seconds and peak memory of the command on a 128x128x25x60 file, oSVD, maps on disk."""
    from SyntheticPerfusionLib.phantom.acquisition import Acquisition
    from SyntheticPerfusionLib.phantom.patient import make_patient
    from SyntheticPerfusionLib.series.write import write_series

    series = make_patient("stroke", 0, Acquisition(frames=60)).series
    path = folder / "dsc.nii.gz"
    write_series(series, path)
    size = series.signal.nbytes / 1e6
    before = peak_of([sys.executable, "-c", "import torch, SimpleITK, scipy.ndimage, rich"])
    command = [sys.executable, "-m", "SyntheticPerfusionLib.cli", "maps", str(path)]
    command += ["--method", "oSVD", "--output", str(folder / "maps"), "--device", "cpu"]
    seconds = []
    peak = 0.0
    for _ in range(3):
        start = time.perf_counter()
        peak = max(peak, peak_of(command))
        seconds.append(time.perf_counter() - start)
    stages = json.loads((folder / "maps" / "report.json").read_text())["seconds"]
    print(f"\n128x128x25x60 series file to maps on disk (oSVD), {os.cpu_count()} cores")
    print(f"  seconds, best and worst of 3: {min(seconds):.1f}, {max(seconds):.1f}")
    print(f"  of which: {', '.join(f'{name} {value:.2f}' for name, value in stages.items())}")
    print(f"  series as float32: {size:.0f} MB; peak memory {peak:.0f} MB, {peak / size:.1f} x")
    print(f"  of which the libraries alone, before any work: {before:.0f} MB; the work itself")
    print(f"  therefore adds {(peak - before) / size:.1f} x the series")


def peak_of(command: list[str]) -> float:
    """Run `command`; its largest resident set in MB."""
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(done.returncode)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
    )
    return int(said.stdout) * 1024 / 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        print(json.dumps(time_ours(Path(sys.argv[2]))))
    else:
        main()
