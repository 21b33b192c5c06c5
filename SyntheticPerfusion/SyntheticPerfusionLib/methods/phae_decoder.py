"""What physics makes of a transit time: the decoder of PHAE, equations 4 to 6 of Fayolle 2025.

Fayolle P et al. Physics-informed autoencoder for DSC-MRI perfusion post-processing: application to
glioma grading. IEEE ISBI 2025.

As in the paper there is no delay, and the residue is read once a frame: at R(0) = 1 the sum over
the frames exceeds the integral by half a frame, which flow of short transit times pays for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

GAMMA_SHAPE = 3
"""Of the gamma-distributed transit times, as in the vascular model of Mouridsen et al. 2006."""


def lorentzian(time_s: Tensor, mtt_s: Tensor) -> Tensor:
    """R(t) = 1 / (1 + (pi t / 2 MTT)^2) (equation 4; Calamante et al. 2003)."""
    return 1.0 / (1.0 + (torch.pi / 2.0 * time_s / mtt_s) ** 2)


def exponential(time_s: Tensor, mtt_s: Tensor) -> Tensor:
    """R(t) = exp(-t / MTT): one well-mixed compartment."""
    return torch.exp(-time_s / mtt_s)


def gamma(time_s: Tensor, mtt_s: Tensor) -> Tensor:
    """R(t) = 1 - int_0^t h, with gamma-distributed transit times h of shape `GAMMA_SHAPE`.

    For a whole shape k and x = k t / MTT it is exp(-x) sum_{n < k} x^n / n!.
    """
    x = GAMMA_SHAPE * time_s / mtt_s
    term = torch.exp(-x)
    total = term
    for n in range(1, GAMMA_SHAPE):
        term = term * x / n
        total = total + term
    return total


RESIDUES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "lorentzian": lorentzian,
    "exponential": exponential,
    "gamma": gamma,
}
"""Residue functions that a mean transit time alone decides; each has R(0) = 1 and area MTT.

(T,)-broadcastable times in seconds and (..., 1) MTT in seconds to R."""


def convolve(arterial: Tensor, response: Tensor, step_s: Tensor | float) -> Tensor:
    """(Ca (x) TRF)(t) of equation 6 at every frame: step sum_m Ca(m) TRF(n - m).

    arterial  (T,) or (N, T) Ca, zero before its first frame.
    response  (N, T) TRF.
    step_s    time between frames in seconds, a number or (N, 1).
    Returns (N, T), the first T samples: as many zeros follow each curve, so that its end does not
    come round to its beginning.
    """
    frames = response.shape[-1]
    spectrum = torch.fft.rfft(arterial, 2 * frames) * torch.fft.rfft(response, 2 * frames)
    return torch.fft.irfft(spectrum, 2 * frames)[..., :frames] * step_s


def reconstruct(
    arterial: Tensor,
    volume: Tensor,
    mtt_s: Tensor,
    step_s: Tensor | float,
    family: str = "lorentzian",
) -> Tensor:
    """The tissue curve that volume and transit time make of the arterial curve, (N, T).

    arterial  (T,) or (N, T) Ca.
    volume    (N,) area of C over area of Ca (equation 2, without unit).
    mtt_s     (N,) in seconds.
    step_s    time between frames in seconds, a number or (N, 1).
    family    of `RESIDUES`.
    Returns curves in the unit of Ca.
    """
    frames = torch.arange(arterial.shape[-1], device=arterial.device, dtype=arterial.dtype)
    flow = volume / mtt_s  # equation 3, in 1/s
    response = flow[:, None] * RESIDUES[family](frames * step_s, mtt_s[:, None])  # 4 and 5
    return convolve(arterial, response, step_s)
