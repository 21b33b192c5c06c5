"""One method on one series in a process of its own, by stage; method_speed.py starts it.

Usage: python one_run.py METHOD SERIES --device D --begun SECONDS [--repeats N]. Prints one JSON
object: seconds by stage, floating-point operations, the machine's rates and what the precision
does to the maps.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STAGES = ("start", "reading", "weights", "preparation", "aif", "method", "writing")
BY_VOXEL = ("hess", "phae")
"""Families whose operations grow with the voxels; others work on whole slices or volumes, or, as
phae-delay for its residue function and its bias, on as many curves whatever the mask."""


def main() -> None:
    """Run, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method")
    parser.add_argument("series", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--begun", type=float, required=True, help="seconds of the epoch")
    parser.add_argument("--repeats", type=int, default=3)
    print(json.dumps(measure(parser.parse_args())))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that is measured."""
    from SyntheticPerfusionLib.maps.write import write_maps
    from SyntheticPerfusionLib.methods.device import resolve_device
    from SyntheticPerfusionLib.methods.registry import get_method
    from SyntheticPerfusionLib.series.aif_search import find_aif
    from SyntheticPerfusionLib.series.prepare import prepare
    from SyntheticPerfusionLib.series.read import read_series

    method = get_method(arguments.method)
    device = resolve_device(arguments.device)
    seconds = {"start": time.time() - arguments.begun}
    with timed(seconds, "reading"):
        series = read_series(arguments.series)
    if method.has_weights:
        with timed(seconds, "weights"):
            method.load(device)
    with timed(seconds, "preparation"):
        prepared = prepare(series)
    aif = None
    if method.needs.aif:
        with timed(seconds, "aif"):
            aif = find_aif(prepared.series, prepared.mask, prepared.bolus)

    def estimate(one: Any = method, mask: Any = prepared.mask) -> Any:
        return one.estimate(prepared.series, mask, aif, device)

    with timed(seconds, "method"):
        maps = estimate()
    again = [cost_of(estimate) for _ in range(max(1, arguments.repeats))]
    with tempfile.TemporaryDirectory() as folder, timed(seconds, "writing"):
        write_maps(maps, Path(folder), aif)
    found = {
        "method": arguments.method,
        "device": arguments.device,
        "seconds": seconds,
        "best_s": min(seconds["method"], *(wall for wall, _ in again)),
        "best_core_s": min(core for _, core in again),
        "voxels": int(prepared.mask.sum()),
        "threads": threads(),
    }
    if method.has_weights:
        found |= network_figures(arguments.method, method, prepared.mask, estimate, maps, device)
        rate, core_rate = found["rates"][found["precision"]]
        found["share"] = found["operations"] / found["best_s"] / rate
        found["core_share"] = found["operations"] / found["best_core_s"] / core_rate
    return found


def network_figures(
    name: str, method: Any, mask: Any, estimate: Callable[..., Any], maps: Any, device: str
) -> dict[str, Any]:
    """Operations, rates of a matrix product, and the maps in float32 beside these."""
    import numpy as np
    from SyntheticPerfusionLib.methods.registry import get_method

    own = str(maps.settings.get("precision", "float32"))
    some = mask
    if method.describe()["card"]["family"] in BY_VOXEL:
        some = np.zeros_like(mask)
        middle = mask.shape[0] // 2
        some[middle - 1 : middle + 2] = mask[middle - 1 : middle + 2]
    found = {
        "precision": own,
        "operations": float(mask.sum())
        * operations_per_voxel(
            method.network(device) if hasattr(method, "network") else None,
            lambda: operations(lambda: estimate(mask=some)) / some.sum(),
        ),
        "rates": {name: product_rate(name, device) for name in {"float32", own}},
    }
    if own != "float32":
        with replaced("has_bfloat16", lambda device: False):
            exact = estimate(get_method(name))
        found["change"] = {
            name: float(
                np.abs(maps[name][mask] - exact[name][mask]).mean()
                / max(float(np.abs(exact[name][mask]).mean()), 1e-12)
            )
            for name in maps.names
        }
    return found


def operations_per_voxel(network: Any, counted: Callable[[], Any]) -> float:
    """What the layers of a network ask for, where it says so itself; else what is counted.

    A network that computes a convolution as a product multiplies by zeros, which are no work done.
    """
    own = getattr(network, "operations", None)
    return float(counted() if own is None else own)


def operations(work: Callable[[], Any]) -> float:
    """Floating-point operations of the products and convolutions in `work`."""
    from torch.utils.flop_counter import FlopCounterMode

    def one_by_one(work: Callable[[Any], None], parts: Any, device: str) -> Iterator[float]:
        # The counter sees what its own thread does.
        for done, part in enumerate(parts, start=1):
            work(part)
            yield done / len(parts)

    with replaced("in_parallel", one_by_one), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


def product_rate(precision: str, device: str) -> tuple[float, float]:
    """Operations of a matrix product a second, and a second of a core; the best of many."""
    import torch

    best = core_best = 0.0
    for size in (512, 1024, 2048) if device == "cpu" else (4096, 8192):
        a, b = (
            torch.rand(size, size, device=device, dtype=getattr(torch, precision)) for _ in range(2)
        )

        def product(a: Any = a, b: Any = b) -> None:
            a @ b
            if device != "cpu":
                torch.cuda.synchronize()

        product()
        costs = [cost_of(product) for _ in range(5)]
        best = max(best, 2.0 * size**3 / min(wall for wall, _ in costs))
        core_best = max(core_best, 2.0 * size**3 / min(core for _, core in costs))
    return best, core_best


@contextmanager
def replaced(name: str, other: Any) -> Iterator[None]:
    """Every module of the library that has `name` has `other` in its place."""
    modules = [
        module
        for key, module in list(sys.modules.items())
        if key.startswith("SyntheticPerfusionLib.methods.") and hasattr(module, name)
    ]
    before = [getattr(module, name) for module in modules]
    for module in modules:
        setattr(module, name, other)
    try:
        yield
    finally:
        for module, own in zip(modules, before, strict=True):
            setattr(module, name, own)


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Put the seconds of the block into `seconds[stage]`."""
    begun = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begun


def cost_of(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that `work` takes, and seconds of all cores together: others do not add to these."""
    begun, core = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, max(time.process_time() - core, 1e-9)


def threads() -> int:
    """Cores that torch computes on."""
    import torch

    return int(torch.get_num_threads())


if __name__ == "__main__":
    main()
