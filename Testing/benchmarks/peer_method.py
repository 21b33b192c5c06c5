"""osipy's deconvolutions as methods of ours: concentration by our code, the rest by theirs.

Their flow is the maximum of the residue in 1/s; kH/rho turns it into ml/100g/min as ours. They run
in an environment of their own (peers.py), in one process for all calls.
"""

from __future__ import annotations

import atexit
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.method import Method, Needs
from SyntheticPerfusionLib.methods.scale import K_H, ML_PER_100_G, RHO_G_PER_ML, S_PER_MIN
from SyntheticPerfusionLib.series.bolus import find_bolus
from SyntheticPerfusionLib.series.voxel_curves import VoxelCurves

HERE = Path(__file__).parent
PEERS = ("sSVD", "cSVD", "oSVD")


class OsipyMethod(Method):
    """One of osipy's deconvolutions."""

    needs = Needs(aif=True, echo_time=True)
    quantities = tuple(QUANTITIES[name] for name in ("CBF", "MTT", "Tmax"))
    reference = "osipy"

    def __init__(self, peer: str, python: Path) -> None:
        """`peer` is of PEERS; `python` the interpreter of an environment with osipy."""
        self.name = f"osipy {peer}"
        self.title = self.description = self.name
        self._peer, self._python = peer, python

    def estimate(self, series, mask, aif=None, device="cpu", progress=None, cancelled=None):
        voxels = VoxelCurves(series, mask, find_bolus(series, mask))
        curves = voxels.of(slice(None)).curves.T.astype(np.float64)
        found = _deconvolved(self._python, self._peer, aif, curves)
        scale = K_H / RHO_G_PER_ML * ML_PER_100_G * S_PER_MIN
        factors = {"flow": scale, "mtt": 1.0, "delay": 1.0}
        arrays = {}
        for item, (name, factor) in zip(self.quantities, factors.items(), strict=True):
            volume = np.zeros(mask.shape, np.float32)
            volume.reshape(-1)[voxels.inside] = found[name] * factor
            arrays[item] = volume
        return PerfusionMaps(arrays, series.geometry, mask, self.name)


def _deconvolved(python, peer, aif, curves):
    worker = _worker(python)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder, "curves.npz"), Path(folder, "maps.npz")
        np.savez(given, aif=aif.concentration, curves=curves, times=aif.times_s)
        worker.stdin.write(f"{peer}\t{given}\t{made}\n")
        worker.stdin.flush()
        if worker.stdout.readline().strip() != "done":
            raise RuntimeError("osipy ended; what it said stands above.")
        with np.load(made) as stored:
            return dict(stored)


@lru_cache(maxsize=1)
def _worker(python):
    worker = subprocess.Popen(
        [python, HERE / "peer_osipy_maps.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(worker.stdin.close)
    return worker
