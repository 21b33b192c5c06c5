"""What sampling alone costs: CBF and CBV of noise-free curves by each method as TR shrinks.

Grey and white matter curves of the digital patients' own generator, through the signal equation,
no noise, long enough for the whole passage, deconvolved with the true arterial curve. Whatever is
missing here no method of that kind can find on any data. The thresholds are those that noise
forces on the methods, and for cSVD also one so low that only the sampling is left. The arterial
curve has no lasting tail: cut off at the end, that would be a second fault on a circular axis.

    python Testing/benchmarks/discretisation.py
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from SyntheticPerfusionLib.methods.deconvolution.oscillation import OscillationSolver
from SyntheticPerfusionLib.methods.deconvolution.solver import Solver
from SyntheticPerfusionLib.methods.deconvolution.tikhonov import TikhonovSolver
from SyntheticPerfusionLib.methods.deconvolution.truncated import csvd, ssvd
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.phantom.physiology import GREY, WHITE, TissueValues
from SyntheticPerfusionLib.phantom.residue import residue
from SyntheticPerfusionLib.phantom.signal import approach, steady_state
from SyntheticPerfusionLib.phantom.tissue_curves import TissueCurves

TISSUES = {"grey": GREY, "white": WHITE}
REPETITION_TIMES_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5)
LOW_THRESHOLD = 1e-5
SAMPLING_ONLY = "cSVD, 0.001 %"
DELAYS_S = (0.0, 2.0)

_LENGTH_S = 160.0
_T1_S, _T2STAR_S, _ECHO_S, _FLIP_DEG = 1.2, 0.05, 0.03, 60.0


METHODS: dict[str, Callable[[np.ndarray, float], Solver]] = {
    SAMPLING_ONLY: lambda arterial, step_s: csvd(arterial, step_s, LOW_THRESHOLD, "cpu"),
    "cSVD, 7 %": lambda arterial, step_s: csvd(arterial, step_s, 0.07, "cpu"),
    "oSVD": lambda arterial, step_s: OscillationSolver(arterial, step_s, 0.035, "cpu"),
    "sSVD, 15 %": lambda arterial, step_s: ssvd(arterial, step_s, 0.15, "cpu"),
    "Tikhonov": lambda arterial, step_s: TikhonovSolver(arterial, step_s, "cpu"),
}
"""Every solver, for an arterial curve (T,) in 1/s sampled every so many seconds."""


def measured_curve(
    values: TissueValues, delay_s: float, repetition_time_s: float, shape: ArterialShape
) -> tuple[np.ndarray, np.ndarray]:
    """Arterial and tissue curve (T,) in 1/s, the tissue's by way of its noise-free signal.

    The tissue's is scaled so that CBV is the ratio of areas, as a fraction.
    """
    frames = math.ceil(_LENGTH_S / repetition_time_s)
    acquisition = Acquisition(
        frames=frames, repetition_time_s=repetition_time_s, flip_angle_deg=_FLIP_DEG
    )
    table = TissueCurves.tabulate(shape.at, frames, repetition_time_s, residue("exponential"))
    transit, nothing, since = (torch.tensor([v]) for v in (values.mtt_s, 0.0, -delay_s))
    rate = values.cbv_ml_100ml / 100 * table.frames(transit, nothing, since, frames)[0].double()
    weight = float(steady_state(1 / _T1_S, acquisition)) * approach(_T1_S, frames, acquisition)
    signal = (weight * torch.exp(-_ECHO_S * (rate + 1 / _T2STAR_S))).numpy()
    # The frames before the steady state are dropped, as in every series.
    steady = int(np.ceil(8.0 / repetition_time_s))
    before = signal[steady : int(shape.onset_s / repetition_time_s)].mean()
    times = acquisition.frame_times_s[steady:]
    return shape.at(torch.as_tensor(times)).numpy(), -np.log(signal[steady:] / before) / _ECHO_S


def recovered(
    values: TissueValues,
    delay_s: float,
    repetition_time_s: float,
    shape: ArterialShape | None = None,
    chosen: tuple[str, ...] | None = None,
) -> dict[str, float]:
    """Estimated over true CBF by method, and under "CBV" that of CBV."""
    shape = shape or ArterialShape(tail=0.0)
    arterial, tissue = measured_curve(values, delay_s, repetition_time_s, shape)
    flow = values.cbf_ml_100ml_min / 6000
    found = {"CBV": float(tissue.sum() / arterial.sum() / (values.cbv_ml_100ml / 100))}
    curves = torch.as_tensor(tissue[None], dtype=torch.float32)
    for name, build in METHODS.items():
        if chosen is None or name in chosen:
            solver = build(arterial, repetition_time_s)
            found[name] = float(solver.peak(curves)[0][0]) / flow
    return found


def main() -> None:
    """Print the table of README."""
    print("| tissue | delay [s] | TR [s] | CBV | " + " | ".join(METHODS) + " |")
    print("|---" * (4 + len(METHODS)) + "|")
    for tissue, values in TISSUES.items():
        for delay_s in DELAYS_S:
            for repetition_time_s in REPETITION_TIMES_S:
                found = recovered(values, delay_s, repetition_time_s)
                row = " | ".join(f"{value:.3f}" for value in found.values())
                print(f"| {tissue} | {delay_s:g} | {repetition_time_s:g} | {row} |", flush=True)


if __name__ == "__main__":
    main()
