"""From tissue curves to what the scanner stores: signal equation, partial volume, motion, noise.

Each tissue of a voxel gives its own signal and the signals add up: partial volume averages the
signal, not the concentration. For one tissue (spoiled gradient echo, the frames counted by n)

    S(t) = S0 f(R1(t)) exp(-TE R2*(t)),   f = sin a (1 - E1) / (1 - cos a E1),   E1 = exp(-TR R1)
    R2*(t) = R2*_0 + (rho/kH) CBV g(t) + r2*_e Ce(t),   R1(t) = R1_0 + r1 Ce(t)

with g of residue.TissueCurves and Ce the tracer that has leaked out (Tofts). Before the steady
state the longitudinal magnetisation still falls: the factor is 1 + (1/f' - 1) (cos a E1)^n, with
f' = (1 - E1) / (1 - cos a E1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from ..progress import CancelCheck, Progress, never, silent, stop_if
from .acquisition import Acquisition
from .residue import TissueCurves

_CHUNK = 16384
"""Voxels simulated at once; bounds the memory."""

RELAXIVITY_R1 = 4.3
"""1/(s mM), of gadolinium chelates at 3 T."""
RELAXIVITY_R2STAR_CAPILLARY = 60.0
"""1/(s mM): what the arterial curve on the scale of tissue is per mM of blood (Kjolby et al.)."""
RELAXIVITY_R2STAR_LEAKED = 12.0
"""1/(s mM), of tracer in the space outside vessels."""
LEAKAGE_SPACE = 0.29
"""v_e, the share of tumour that leaked tracer can fill."""


@dataclass(frozen=True, eq=False)
class Compartment:
    """One tissue of a set of V voxels; arrays are (V,) float32.

    share       of the voxel, 0 to 1.
    density     of protons (relative), one number or per voxel.
    t1_s, t2star_s   relaxation times.
    amplitude   factor in front of g(t): (rho/kH) CBV / 100 of tissue, the arterial relaxivity of
                vessels.
    mtt_s, delay_s   of the tissue curve.
    ktrans_per_min   leakage, None for none.
    """

    share: np.ndarray
    density: float | np.ndarray
    t1_s: float
    t2star_s: float
    amplitude: np.ndarray
    mtt_s: np.ndarray
    delay_s: np.ndarray
    ktrans_per_min: np.ndarray | None = None


def steady_state(r1: torch.Tensor | float, acquisition: Acquisition) -> torch.Tensor:
    """f'(R1) = (1 - E1) / (1 - cos a E1), the longitudinal magnetisation before each pulse."""
    e1 = torch.exp(-acquisition.repetition_time_s * torch.as_tensor(r1))
    cosine = float(np.cos(np.deg2rad(acquisition.flip_angle_deg)))
    return (1 - e1) / (1 - cosine * e1)


def approach(t1_s: float, frames: int, acquisition: Acquisition) -> torch.Tensor:
    """(T,) factor by which the first frames lie above the steady state."""
    e1 = float(np.exp(-acquisition.repetition_time_s / t1_s))
    cosine = float(np.cos(np.deg2rad(acquisition.flip_angle_deg)))
    fully_relaxed = 1 / float(steady_state(1 / t1_s, acquisition))
    return 1 + (fully_relaxed - 1) * (cosine * e1) ** torch.arange(frames)


def simulate(
    compartments: list[Compartment],
    curves: TissueCurves,
    leaked: TissueCurves,
    acquisition: Acquisition,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise-free signal of V voxels.

    leaked   curves (row 0) of the tracer outside vessels per Ktrans, in mM min.
    Returns the signal (T, V), the signal of the steady state without tracer (V,), and the time
    of the greatest dR2* (V,) in seconds, to a twentieth of TR.
    """
    voxels = compartments[0].share.size
    signal = np.empty((acquisition.frames, voxels), np.float32)
    baseline = np.empty(voxels, np.float32)
    peak_time = np.empty(voxels, np.float32)
    times = torch.as_tensor(acquisition.frame_times_s, dtype=torch.float32, device=device)
    for start in range(0, voxels, _CHUNK):
        stop_if(cancelled)
        progress(start / voxels, "Simulating the signal")
        part = slice(start, min(start + _CHUNK, voxels))
        tissues = [_Tissue(one, part, curves, leaked, acquisition, device) for one in compartments]
        rest = torch.zeros(part.stop - part.start, device=device)
        steady = torch.zeros(rest.numel(), times.numel(), device=device)
        whole = torch.zeros_like(steady)
        for tissue in tissues:
            own = tissue.signal(times)
            rest += tissue.rest
            steady += own
            whole += own * tissue.approach.to(device)
        peak_time[part] = _time_of_minimum(steady, times, tissues, acquisition).cpu().numpy()
        signal[:, part] = whole.T.cpu().numpy()
        baseline[part] = rest.cpu().numpy()
    return signal, baseline, peak_time


def _time_of_minimum(
    steady: torch.Tensor, times: torch.Tensor, tissues: list[_Tissue], acquisition: Acquisition
) -> torch.Tensor:
    near = times[steady.argmin(1)]
    step = acquisition.repetition_time_s / 20
    offsets = torch.arange(-20, 21, device=times.device) * step
    around = (near[:, None] + offsets).clamp(0, float(times[-1]))
    fine = torch.zeros_like(around)
    for tissue in tissues:
        fine += tissue.signal(around)
    return around.gather(1, fine.argmin(1, keepdim=True))[:, 0]


class _Tissue:
    """One compartment of a chunk of voxels, on the device."""

    def __init__(
        self,
        of: Compartment,
        part: slice,
        curves: TissueCurves,
        leaked: TissueCurves,
        acquisition: Acquisition,
        device: str,
    ) -> None:
        def put(values: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(values[part], dtype=torch.float32, device=device)

        self._curves, self._leaked, self._acquisition = curves, leaked, acquisition
        share = put(of.share)
        self._present = torch.nonzero(share > 0)[:, 0]
        density = put(of.density) if isinstance(of.density, np.ndarray) else of.density
        sine = float(np.sin(np.deg2rad(acquisition.flip_angle_deg)))
        proton = density * sine * float(np.exp(-acquisition.echo_time_s / of.t2star_s))
        self._r1 = 1 / of.t1_s
        self._full = (share * proton)[self._present]
        self.rest = share * proton * float(steady_state(self._r1, acquisition))
        self._amplitude = put(of.amplitude)[self._present]
        self._mtt, self._delay = put(of.mtt_s)[self._present], put(of.delay_s)[self._present]
        ktrans = None if of.ktrans_per_min is None else put(of.ktrans_per_min)[self._present]
        self._ktrans = None if ktrans is None or not bool((ktrans > 0).any()) else ktrans
        self.approach = approach(of.t1_s, acquisition.frames, acquisition)

    def signal(self, times: torch.Tensor) -> torch.Tensor:
        """(V, T) steady-state signal at times (T,) or (V, T)."""
        voxels = self.rest.numel()
        own = times if times.ndim == 1 else times[self._present]
        rate = self._amplitude[:, None] * self._curves.read(self._mtt, self._delay, own)
        if self._ktrans is None:
            weight: torch.Tensor = steady_state(self._r1, self._acquisition)
        else:
            outside = self._ktrans[:, None] * self._leaked.read(
                torch.zeros_like(self._delay), self._delay, own
            )
            rate = rate + RELAXIVITY_R2STAR_LEAKED * outside
            weight = steady_state(self._r1 + RELAXIVITY_R1 * outside, self._acquisition)
        values = self._full[:, None] * weight * torch.exp(-self._acquisition.echo_time_s * rate)
        whole = torch.zeros(voxels, values.shape[1], device=values.device)
        whole[self._present] = values
        return whole


def leaked_tracer(
    arterial_per_s: torch.Tensor, step_s: float, ktrans_per_min: float
) -> TissueCurves:
    """Tracer outside vessels over Ktrans, mM min: integral of Cp(s) exp(-kep (t - s)) ds.

    Tofts et al. 1999, with Ktrans in 1/min and kep = Ktrans / v_e taken at its mean.
    """
    blood_mm = arterial_per_s.double() / RELAXIVITY_R2STAR_CAPILLARY
    plasma = blood_mm / (1 - 0.45)
    count = plasma.numel()
    since = torch.arange(count, dtype=torch.float64, device=plasma.device) * step_s / 60
    washout = torch.exp(-(ktrans_per_min / LEAKAGE_SPACE) * since)
    spectrum = torch.fft.rfft(plasma, 2 * count) * torch.fft.rfft(washout, 2 * count)
    curve = (torch.fft.irfft(spectrum, 2 * count)[:count] * step_s / 60).float()
    return TissueCurves(
        transit_s=torch.tensor([0.0, 1.0], device=curve.device),
        table=torch.stack([curve, curve]),
        step_s=step_s,
    )


def draw_motion(frames: int, size_mm: float, rng: np.random.Generator) -> np.ndarray:
    """(T, 6) shifts in mm along x, y, z (LPS) and turns in degrees: a drift and two steps.

    The first frame stays where it is.
    """
    drift = np.linspace(0, 1, frames)[:, None] * rng.normal(0, 0.35, 6)
    path = drift
    for _ in range(2):
        path = path + (np.arange(frames) >= rng.integers(2, frames))[:, None] * rng.normal(
            0, 0.5, 6
        )
    return size_mm * path


def move(
    volume: np.ndarray, spacing_mm: tuple[float, float, float], pose: np.ndarray
) -> np.ndarray:
    """A volume (K, J, I) with the head moved by a pose (6,) about the centre of the stack."""
    turns = np.deg2rad(pose[3:])
    rotation = np.eye(3)
    for axis, angle in enumerate(turns):
        one, two = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[one, one] = turn[two, two] = np.cos(angle)
        turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ turn
    scale = np.diag(spacing_mm[::-1])
    to_voxel = np.linalg.inv(scale)
    back = rotation.T[::-1, ::-1]
    matrix = to_voxel @ back @ scale
    centre = (np.array(volume.shape) - 1) / 2
    shift = to_voxel @ back @ pose[:3][::-1]
    return ndimage.affine_transform(
        volume, matrix, offset=centre - matrix @ centre - shift, order=1, mode="nearest"
    )


def rician(signal: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """|S + n1 + i n2| with normal n of standard deviation `sigma` (Gudbjartsson 1995), in place."""
    if sigma <= 0:
        return signal
    for frame in signal:
        frame += sigma * rng.standard_normal(frame.shape, np.float32)
        np.hypot(frame, sigma * rng.standard_normal(frame.shape, np.float32), out=frame)
    return signal
