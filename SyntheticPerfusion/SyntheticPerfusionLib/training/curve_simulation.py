"""Single curves with known transit time and delay, for what needs no images.

For each of many arterial curves, drawn wider than any population of them (fast and slow bolus,
short and long injection, second pass, tail, time between frames), tissue curves of one residue
family with transit times and delays spread evenly over all that occurs. They come from
phantom.tissue_curves, which convolves in steps of 0.05 s: not from the decoder that learns from
them. Noise, strength of the bolus and where a series begins and ends are drawn anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..methods.bolus_window import FRAMES, STEP_RANGE_S, BolusWindow
from ..phantom.aif import ArterialShape
from ..phantom.residue import residue
from ..phantom.tissue_curves import TissueCurves

_BASELINE = 16
"""Frames before the bolus reaches the artery."""
_AFTER = 72
_ARTERIAL_DROP = 2.0
"""TE dR2* at the peak of an artery."""
_FLOOR = 1e-3
_SETTLED = 2
"""Frames before the arrival that no longer count to the baseline: tissue may come first."""


@dataclass(frozen=True)
class CurveRanges:
    """What is drawn, evenly unless said otherwise; `task` of a configuration may say.

    mtt_s, delay_s   logarithmically; evenly.
    drop             TE dR2* at the peak of a tissue curve; logarithmically.
    snr              baseline signal over noise; logarithmically.
    artery_snr       the same of the arterial curve, an average over voxels; one in two is free of
                     noise.
    families         of residue functions; "gamma" has a shape of 1 to 10, logarithmically.
    """

    mtt_s: tuple[float, float] = (0.9, 28.0)
    delay_s: tuple[float, float] = (-3.0, 14.0)
    drop: tuple[float, float] = (0.05, 1.5)
    snr: tuple[float, float] = (8.0, 150.0)
    artery_snr: tuple[float, float] = (60.0, 1000.0)
    families: tuple[str, ...] = ("exponential", "gamma", "lorentzian")


@dataclass(frozen=True, eq=False)
class ArteryCurves:
    """C curves of T frames that one artery feeds.

    arterial         (T,) over its peak.
    tissue           (C, T) float16, each over its own peak.
    volume_of_peak   (C,) CBV of a curve of peak 1, the artery's peak being 1.
    mtt_s, delay_s   (C,).
    family           of methods.residue_spectra.
    step_s           time between frames.
    """

    arterial: np.ndarray
    tissue: np.ndarray
    volume_of_peak: np.ndarray
    mtt_s: np.ndarray
    delay_s: np.ndarray
    family: str
    step_s: float


@dataclass(frozen=True, eq=False)
class NoisyCurves:
    """Curves in a window as a method would have them.

    curves      (C, W) TE dR2*, 0 where not measured.
    mtt_s, delay_s   (C,) true.
    log_flow    (C,) logarithm of CBV / MTT in 1/s, the window's arterial curve having a peak of 1.
    """

    window: BolusWindow
    curves: torch.Tensor
    mtt_s: np.ndarray
    delay_s: np.ndarray
    log_flow: np.ndarray


def draw_artery(rng: np.random.Generator, ranges: CurveRanges, curves: int) -> ArteryCurves:
    """One arterial curve and what it makes of `curves` tissues."""
    step = float(rng.uniform(*STEP_RANGE_S))
    width = float(_log_uniform(rng, (0.7, 1.6)))
    shape = ArterialShape(
        onset_s=(_BASELINE + float(rng.uniform())) * step,
        peak_per_s=1.0,
        r=float(rng.uniform(3.0, 5.0)),
        b_s=1.5 * width,
        recirculation=float(rng.uniform(0.0, 0.3)),
        recirculation_delay_s=float(rng.uniform(12.0, 20.0)) * width,
        recirculation_width=float(rng.uniform(1.05, 1.5)),
        tail=float(rng.uniform(0.03, 0.15)),
        injection_s=float(rng.uniform(0.0, 4.0)),
    )
    name = ranges.families[int(rng.integers(len(ranges.families)))]
    gamma_shape = float(_log_uniform(rng, (1.0, 10.0)))
    frames = _BASELINE + _AFTER
    table = TissueCurves.tabulate(
        shape.at, frames, step, residue(name, gamma_shape), transit_range_s=(0.5, 45.0), rows=100
    )
    mtt = _log_uniform(rng, ranges.mtt_s, curves).astype(np.float32)
    delay = rng.uniform(*ranges.delay_s, curves).astype(np.float32)
    found = table.frames(
        torch.from_numpy(mtt), torch.zeros(curves), torch.from_numpy(-delay), frames
    ).numpy()
    arterial = shape.at(torch.arange(frames, dtype=torch.float64) * step).float().numpy()
    peak, height = found.max(1), arterial.max()
    return ArteryCurves(
        arterial=arterial / height,
        tissue=(found / peak[:, None]).astype(np.float16),
        volume_of_peak=height / peak,
        mtt_s=mtt,
        delay_s=delay,
        family=f"gamma-{gamma_shape:.4g}" if name == "gamma" else name,
        step_s=step,
    )


def draw_noise(
    of: ArteryCurves, rng: np.random.Generator, ranges: CurveRanges, truths: int, repeats: int
) -> NoisyCurves:
    """`truths` of the artery's curves, each `repeats` times with noise of its own, side by side."""
    chosen = rng.integers(of.mtt_s.size, size=truths)
    drop = _log_uniform(rng, ranges.drop, truths)
    noise = 1 / _log_uniform(rng, ranges.snr, truths)
    chosen, drop, noise = (np.repeat(one, repeats) for one in (chosen, drop, noise))

    start = int(rng.integers(0, _BASELINE - 5))
    stop = of.arterial.size
    if rng.random() < 0.5:
        stop = min(stop, int(of.arterial.argmax()) + int(rng.integers(30, FRAMES)))
    signal = np.exp(-of.tissue[chosen, start:stop].astype(np.float32) * drop[:, None])
    signal += noise[:, None] * rng.standard_normal(signal.shape)
    settled = _BASELINE - _SETTLED - start
    signal /= signal[:, :settled].mean(1, keepdims=True)
    curves = -np.log(np.maximum(signal, _FLOOR)).astype(np.float32)

    artery = of.arterial[start:stop].astype(np.float64)
    if rng.random() < 0.5:
        seen = np.exp(-_ARTERIAL_DROP * artery)
        seen += rng.standard_normal(artery.size) / _log_uniform(rng, ranges.artery_snr)
        artery = -np.log(np.maximum(seen / seen[:settled].mean(), _FLOOR)) / _ARTERIAL_DROP
    window = BolusWindow.around(artery, of.step_s)
    mtt = of.mtt_s[chosen]
    volume = drop * of.volume_of_peak[chosen]
    return NoisyCurves(
        window, window.cut(curves), mtt, of.delay_s[chosen], np.log(volume / mtt).astype(np.float32)
    )


def _log_uniform(
    rng: np.random.Generator, limits: tuple[float, float], count: int | None = None
) -> np.ndarray:
    return np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]), count))
