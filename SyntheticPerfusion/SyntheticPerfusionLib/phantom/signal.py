"""From tissue curves to the noise-free signal: signal equation and partial volume.

Each tissue of a voxel gives its own signal and the signals add up: partial volume averages the
signal, not the concentration. For one tissue (spoiled gradient echo, the frames counted by n)

    S(t) = S0 f(R1(t)) exp(-TE R2*(t)),   f = sin a (1 - E1) / (1 - cos a E1),   E1 = exp(-TR R1)
    R2*(t) = R2*_0 + (rho/kH) CBV g(t) + r2*_e Ce(t),   R1(t) = R1_0 + r1 Ce(t)

with g of TissueCurves and Ce the tracer that has leaked out (Tofts et al. 1999),

    Ce(t) = Ktrans integral of Cp(s) exp(-kep (t - s)) ds,   kep = Ktrans / v_e,

which is Ktrans/kep times the tissue curve of an exponential residue with MTT = 1/kep. Before the
steady state the longitudinal magnetisation still falls: the factor is 1 + (1/f' - 1) (cos a E1)^n,
with f' = (1 - E1) / (1 - cos a E1) and n counted from the first dummy scan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..progress import CancelCheck, Progress, never, silent, stop_if
from .acquisition import Acquisition
from .residue import residue
from .tissue_curves import Kernel, TissueCurves

_CHUNK = {"cpu": 8192, "cuda": 262144}
"""Voxels simulated at once; bounds the memory."""

RELAXIVITY_R1 = 4.3
"""1/(s mM), of gadolinium chelates at 3 T."""
RELAXIVITY_R2STAR_CAPILLARY = 87.0
"""1/(s mM): what the arterial curve on the scale of tissue is per mM of blood at 3 T (Kjolby et
al. 2006). A curve that peaks at 470 1/s is then one of 5.4 mM."""
HAEMATOCRIT = 0.45

_TRANSITS_OF_LEAKAGE_S = (30.0, 3000.0)


@dataclass(frozen=True, eq=False)
class Leakage:
    """Tracer that leaves the vessels of a tissue of V voxels.

    ktrans_per_min   (V,) 1/min; space the share v_e that leaked tracer can fill.
    r2star           1/(s mM), what leaked tracer adds to R2*.
    """

    ktrans_per_min: torch.Tensor
    space: float
    r2star: float


@dataclass(frozen=True, eq=False)
class Compartment:
    """One tissue of a set of V voxels; tensors are (V,) float32.

    share       of the voxel, 0 to 1.
    density     of protons (relative), one number or per voxel.
    t1_s, t2star_s   relaxation times.
    amplitude   factor in front of g(t): (rho/kH) CBV / 100 of tissue, the arterial relaxivity of
                vessels.
    mtt_s, dispersion_s, delay_s   of the tissue curve.
    leakage     None for none.
    """

    share: torch.Tensor
    density: float | torch.Tensor
    t1_s: float
    t2star_s: float
    amplitude: torch.Tensor
    mtt_s: torch.Tensor
    dispersion_s: torch.Tensor
    delay_s: torch.Tensor
    leakage: Leakage | None = None


@dataclass(frozen=True, eq=False)
class VoxelScan:
    """What the scanner does to each of V voxels; tensors (V,) float32.

    flip_factor          true over nominal flip angle.
    dephasing_per_s      R2* that field gradients near air add.
    offset_s             when the voxel's slice is acquired after the start of each frame.
    """

    flip_factor: torch.Tensor
    dephasing_per_s: torch.Tensor
    offset_s: torch.Tensor


@dataclass(frozen=True, eq=False)
class Curves:
    """What tracer does in tissue: inside vessels and, per Ktrans, outside."""

    inside: TissueCurves
    outside: TissueCurves

    @classmethod
    def tabulate(
        cls,
        arterial: Callable[[torch.Tensor], torch.Tensor],
        acquisition: Acquisition,
        kernel: Kernel | None,
        most_dispersed_s: float,
        device: str,
    ) -> Curves:
        """Both tables for the arterial curve of a patient, a function of time in 1/s."""
        frames, repetition_s = acquisition.frames, acquisition.repetition_time_s
        family = residue(acquisition.residue, acquisition.gamma_shape)
        inside = TissueCurves.tabulate(
            arterial, frames, repetition_s, family, kernel, most_dispersed_s, device=device
        )
        outside = TissueCurves.tabulate(
            arterial,
            frames,
            repetition_s,
            residue("exponential"),
            transit_range_s=_TRANSITS_OF_LEAKAGE_S,
            rows=40,
            device=device,
        )
        return cls(inside, outside)


def steady_state(
    r1: torch.Tensor | float, acquisition: Acquisition, flip_factor: torch.Tensor | float = 1.0
) -> torch.Tensor:
    """f'(R1) = (1 - E1) / (1 - cos a E1), the longitudinal magnetisation before each pulse."""
    e1 = torch.exp(-acquisition.repetition_time_s * torch.as_tensor(r1))
    flip = torch.as_tensor(flip_factor) * float(np.deg2rad(acquisition.flip_angle_deg))
    return (1 - e1) / (1 - torch.cos(flip) * e1)


def approach(
    t1_s: float,
    frames: int,
    acquisition: Acquisition,
    flip_factor: torch.Tensor | float = 1.0,
) -> torch.Tensor:
    """(..., T) factor by which the first frames lie above the steady state, n counting dummies."""
    e1 = float(np.exp(-acquisition.repetition_time_s / t1_s))
    flip = torch.as_tensor(flip_factor)[..., None] * float(np.deg2rad(acquisition.flip_angle_deg))
    fully_relaxed = 1 / steady_state(1 / t1_s, acquisition, flip_factor)[..., None]
    number = torch.arange(frames) + acquisition.dummy_scans
    return 1 + (fully_relaxed - 1) * (torch.cos(flip) * e1) ** number.to(flip.device)


def _unsteady_frames(t1_s: float, acquisition: Acquisition, flip_factor: torch.Tensor) -> int:
    """After how many frames no voxel is further from the steady state than a millionth."""
    if flip_factor.numel() == 0:
        return 0
    flip = flip_factor * float(np.deg2rad(acquisition.flip_angle_deg))
    e1 = float(np.exp(-acquisition.repetition_time_s / t1_s))
    kept = float(torch.cos(flip).abs().max()) * e1
    needed = np.ceil(np.log(1e-6) / np.log(max(kept, 1e-6))) - acquisition.dummy_scans
    return int(np.clip(needed, 0, acquisition.frames))


def simulate(
    compartments: list[Compartment],
    curves: Curves,
    scan: VoxelScan,
    acquisition: Acquisition,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise-free signal of V voxels, on their device.

    Returns the signal (T, V), the signal of the steady state without tracer (V,), and the time
    of the greatest dR2* (V,) in seconds since the first frame, to a hundredth of TR, by the clock
    of the frames: a slice excited late within them is read as so much too early, as by all who
    know frame times alone.
    """
    share = compartments[0].share
    voxels, device = share.numel(), share.device
    chunk = _CHUNK.get(device.type, _CHUNK["cpu"])
    signal = torch.empty((acquisition.frames, voxels), device=device)
    baseline = torch.empty(voxels, device=device)
    peak_time = torch.empty(voxels, device=device)
    for start in range(0, voxels, chunk):
        stop_if(cancelled)
        progress(start / voxels, "Simulating the signal")
        part = slice(start, min(start + chunk, voxels))
        tissues = [_Tissue(one, part, curves, scan, acquisition) for one in compartments]
        size = part.stop - part.start
        rest = torch.zeros(size, device=device)
        steady = torch.zeros((size, acquisition.frames), device=device)
        early = torch.zeros((size, acquisition.frames), device=device)
        for tissue in tissues:
            tissue.add(steady, early, rest)
        peak_time[part] = _time_of_minimum(steady, tissues, scan.offset_s[part], curves.inside)
        signal[:, part] = (steady + early).T
        baseline[part] = rest
    return signal, baseline, peak_time


def _time_of_minimum(
    steady: torch.Tensor, tissues: list[_Tissue], offset_s: torch.Tensor, curves: TissueCurves
) -> torch.Tensor:
    """Time of the lowest signal (V,), a parabola through the samples around the lowest frame."""
    frame_s = curves.step_s * curves.steps_per_frame
    first = (steady.argmin(1) * frame_s + offset_s - frame_s).clamp(min=0)
    stride = max(1, round(curves.steps_per_frame / 10))
    count = 2 * curves.steps_per_frame // stride + 1
    fine = torch.zeros((steady.shape[0], count), device=steady.device)
    for tissue in tissues:
        tissue.add_samples(fine, first, stride)
    lowest = fine.argmin(1).clamp(1, count - 2)
    left, middle, right = (fine.gather(1, (lowest + at)[:, None])[:, 0] for at in (-1, 0, 1))
    bend = (left - 2 * middle + right).clamp(min=1e-12)
    beside = (0.5 * (left - right) / bend).clamp(-1, 1)
    peak = first + (lowest + beside) * (stride * curves.step_s)
    return (peak - offset_s).clamp(min=0)


class _Tissue:
    """One compartment of a chunk of voxels: only those that hold some of it."""

    def __init__(
        self,
        of: Compartment,
        part: slice,
        curves: Curves,
        scan: VoxelScan,
        acquisition: Acquisition,
    ) -> None:
        self._present = torch.nonzero(of.share[part] > 0)[:, 0]

        def put(values: torch.Tensor) -> torch.Tensor:
            return values[part][self._present]

        self._curves, self._acquisition = curves, acquisition
        self._r1 = 1 / of.t1_s
        self._flip = put(scan.flip_factor)
        self._offset = put(scan.offset_s)
        density = put(of.density) if isinstance(of.density, torch.Tensor) else of.density
        flip = self._flip * float(np.deg2rad(acquisition.flip_angle_deg))
        decay = torch.exp(-acquisition.echo_time_s * (put(scan.dephasing_per_s) + 1 / of.t2star_s))
        self._full = put(of.share) * density * torch.sin(flip) * decay
        self._weight = steady_state(self._r1, acquisition, self._flip)
        self._amplitude, self._mtt = put(of.amplitude), put(of.mtt_s)
        self._dispersion, self._delay = put(of.dispersion_s), put(of.delay_s)
        self._leakage = of.leakage
        self._ktrans = None if of.leakage is None else put(of.leakage.ktrans_per_min)
        unsteady = _unsteady_frames(of.t1_s, acquisition, self._flip)
        self._approach = approach(of.t1_s, unsteady, acquisition, self._flip) - 1

    def add(self, steady: torch.Tensor, early: torch.Tensor, rest: torch.Tensor) -> None:
        """Add the signal of every frame, what the first frames have more, and the baseline."""
        frames = self._acquisition.frames

        def read(curves: TissueCurves, transit_s: torch.Tensor) -> torch.Tensor:
            since = self._offset - self._delay
            return curves.frames(transit_s, self._dispersion, since, frames)

        own = self._signal(read)
        steady.index_add_(0, self._present, own)
        short = self._approach.shape[1]
        early[:, :short].index_add_(0, self._present, own[:, :short] * self._approach)
        rest.index_add_(0, self._present, self._full * self._weight)

    def add_samples(self, fine: torch.Tensor, first_s: torch.Tensor, stride: int) -> None:
        """Add the steady signal of samples (V, n) close together from times (V,) on."""
        since = first_s[self._present] - self._delay

        def read(curves: TissueCurves, transit_s: torch.Tensor) -> torch.Tensor:
            return curves.samples(transit_s, self._dispersion, since, fine.shape[1], stride)

        fine.index_add_(0, self._present, self._signal(read))

    def _signal(self, read: Callable[[TissueCurves, torch.Tensor], torch.Tensor]) -> torch.Tensor:
        rate = self._amplitude[:, None] * read(self._curves.inside, self._mtt)
        weight = self._weight[:, None]
        if self._leakage is not None and self._ktrans is not None and bool(self._ktrans.any()):
            outside = self._leaked(read)
            rate = rate + self._leakage.r2star * outside
            weight = steady_state(
                self._r1 + RELAXIVITY_R1 * outside, self._acquisition, self._flip[:, None]
            )
        return self._full[:, None] * weight * torch.exp(-self._acquisition.echo_time_s * rate)

    def _leaked(self, read: Callable[[TissueCurves, torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Ce (V, n) in mM."""
        assert self._leakage is not None
        assert self._ktrans is not None
        shortest, longest = _TRANSITS_OF_LEAKAGE_S
        per_s = self._ktrans / 60
        washout_s = (self._leakage.space / per_s.clamp(min=1e-9)).clamp(shortest, longest)
        plasma_per_rate = 1 / RELAXIVITY_R2STAR_CAPILLARY / (1 - HAEMATOCRIT)
        factor = per_s * washout_s * plasma_per_rate
        return factor[:, None] * read(self._curves.outside, washout_s)
