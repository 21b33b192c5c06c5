"""How fast digital patients are made, and in what memory: one run, one machine.

    python Testing/benchmarks/simulation_speed.py [--rounds N]

Times a whole patient of 128x128x25 voxels and 60 frames, as `synthetic-perfusion phantom` makes it,
and training slices of 128x128 voxels and 80 frames as training draws them in memory, on the
processor and, where there is one, on a CUDA device. Beside each stands what that machine needs to
draw as many normal random numbers as the noise of the slices takes (two a sample): nothing that
adds noise can be much faster. Each figure is the best of all rounds, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

FRAMES_OF_A_PATIENT, FRAMES_OF_A_SLICE = 60, 80
KINDS = ("healthy", "stroke", "glioma-high")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", choices=("patient", "slices"), help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cpu", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        work = time_patient if arguments.inside == "patient" else time_slices
        print(json.dumps(work(arguments.device, arguments.rounds)))
        return
    import torch

    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    print(f"{torch.get_num_threads()} CPU threads")
    for device in devices:
        patient = in_own_process("patient", device, arguments.rounds)
        slices = in_own_process("slices", device, arguments.rounds)
        print(
            f"{device}: patient 128x128x25x{FRAMES_OF_A_PATIENT} in {patient['seconds']:.2f} s "
            f"(first one of a process {patient['first']:.2f} s), peak memory "
            f"{patient['peak_mb']:.0f} MB, of which {patient['before_mb']:.0f} MB libraries; "
            f"the series is {patient['series_mb']:.0f} MB"
        )
        print(
            f"{device}: {slices['per_s']:.1f} slices of 128x128x{FRAMES_OF_A_SLICE} a second; "
            f"their noise alone at most {slices['noise_per_s']:.1f} "
            f"({slices['noise_per_s'] / slices['per_s']:.1f} x); "
            f"peak memory {slices['peak_mb']:.0f} MB"
            + (f", on the device {slices['device_mb']:.0f} MB" if device == "cuda" else "")
        )


def in_own_process(what: str, device: str, rounds: int) -> dict[str, float]:
    """Figures of this file run again."""
    command = [sys.executable, __file__, "--inside", what, "--device", device]
    said = subprocess.run(
        [*command, "--rounds", str(rounds)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(said.stdout))


def peak_mb() -> float:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def time_patient(device: str, rounds: int) -> dict[str, float]:
    """Seconds and memory of one patient as arrays."""
    import scipy.ndimage  # noqa: F401
    import torch  # noqa: F401
    from SyntheticPerfusionLib.phantom.acquisition import Acquisition
    from SyntheticPerfusionLib.phantom.patient import make_patient

    acquisition = Acquisition(frames=FRAMES_OF_A_PATIENT)
    before = peak_mb()
    series_mb = 0.0

    def once() -> None:
        nonlocal series_mb
        series_mb = make_patient("stroke", 1, acquisition, device).series.signal.nbytes / 1e6

    first = seconds(once)
    found = min(seconds(once) for _ in range(rounds))
    return {
        "first": first,
        "seconds": found,
        "peak_mb": peak_mb(),
        "before_mb": before,
        "series_mb": series_mb,
    }


def time_slices(device: str, rounds: int) -> dict[str, float]:
    """Training slices a second, and how many could be given their noise."""
    import torch
    from SyntheticPerfusionLib.phantom.acquisition import Acquisition
    from SyntheticPerfusionLib.phantom.simulation import simulate_patient

    acquisition = Acquisition(frames=FRAMES_OF_A_SLICE)
    slices = acquisition.shape[0]
    generator = torch.Generator(device).manual_seed(0)
    drawn = torch.empty((FRAMES_OF_A_SLICE, 2, *acquisition.shape[1:]), device=device)

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def simulate() -> None:
        for number, kind in enumerate(KINDS):
            simulate_patient(kind, number, acquisition, device)
        wait()

    def noise() -> None:
        for _ in range(slices):
            drawn.normal_(generator=generator)
        wait()

    simulate()
    noise()
    simulated = min(seconds(simulate) for _ in range(rounds))
    added = min(seconds(noise) for _ in range(rounds))
    return {
        "per_s": slices * len(KINDS) / simulated,
        "noise_per_s": slices / added,
        "peak_mb": peak_mb(),
        "device_mb": torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else 0.0,
    }


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
