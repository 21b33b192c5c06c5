"""What physics makes of a transit time and a delay: the decoder of phae-delay.

Equations 4 to 6 of Fayolle et al. 2025 with a delay, in the Fourier domain and in units of frames:

    g(w) = Ca(w) Phi(w MTT) exp(-i w delay)         curve per unit of CBV

with Phi the residue function (residue_spectra). So neither the residue nor the delay is ever
sampled: read once a frame, a residue that falls within a frame or two loses a quarter of its flow,
and more with delay. The arterial curve is known at the frames alone and is read four times finer
between them.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from .residue_spectra import spectrum

_FINER = 4
"""Samples a frame to which the arterial curve is interpolated."""

_SAMPLES = 2
"""Samples a frame in which curves are worked out: twice the Nyquist frequency of the frames."""


class TransitDecoder:
    """Curves per unit of CBV that one arterial curve at even frames makes."""

    def __init__(self, arterial: torch.Tensor) -> None:
        """`arterial` (T,) float32, about 0 before the bolus; what follows frame T is not known."""
        self._frames = arterial.shape[0]
        # Twice as long as the series: what comes after it does not come round to its beginning.
        period = 2 * self._frames
        kept = period * _SAMPLES // 2 + 1
        fine = interpolated(arterial)
        self._arterial = torch.fft.rfft(fine, period * _FINER)[:kept] / _FINER
        self._omega = torch.arange(kept, device=arterial.device) * (2 * math.pi / period)

    def curves(self, family: str, mtt: torch.Tensor, delay: torch.Tensor) -> torch.Tensor:
        """g (V, T) in the unit of Ca for (V,) MTT > 0 and delay in frames; differentiable in both.

        family  of residue_spectra.spectrum.
        """
        real, imaginary = spectrum(family, self._omega * mtt[:, None])
        late = self._omega * delay[:, None]
        cosine, sine = torch.cos(late), torch.sin(late)
        response = torch.complex(real * cosine + imaginary * sine, imaginary * cosine - real * sine)
        sampled = torch.fft.irfft(self._arterial * response) * _SAMPLES
        return sampled[:, : self._frames * _SAMPLES : _SAMPLES]


def interpolated(curve: torch.Tensor, finer: int = _FINER) -> torch.Tensor:
    """(T,) read `finer` times a frame by a natural cubic spline: (T * finer,).

    After the last frame its value is held for the rest of a frame.
    """
    from scipy.interpolate import CubicSpline

    frames = curve.shape[0]
    spline = CubicSpline(np.arange(frames), curve.double().cpu().numpy(), bc_type="natural")
    places = np.minimum(np.arange(frames * finer) / finer, frames - 1)
    return torch.from_numpy(spline(places)).to(curve)
