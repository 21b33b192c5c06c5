"""Volume and misfit of curves, once transit time and delay are known.

The measured curve is amplitude * g + level, with g the decoder's curve per unit of CBV; both come
by weighted least squares. A frame counts by the square of its signal, exp(-2 TE dR2*), since the
logarithm makes the noise of a dark frame larger by that much. The level is the error of the
baseline, over which few frames were averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .bolus_window import BolusWindow

_DARKEST = 3.0
"""Frames count by no less than exp(-2 * this)."""


@dataclass(frozen=True, eq=False)
class TransitFit:
    """Of V voxels, in the unit of their curves.

    amplitude   (V,) CBV: curve over arterial curve.
    level       (V,) where 0 lies.
    left        (V,) weighted mean of the squares left over.
    weights     (V, W) of the frames.
    """

    amplitude: torch.Tensor
    level: torch.Tensor
    left: torch.Tensor
    weights: torch.Tensor


def fit(curves: torch.Tensor, g: torch.Tensor, window: BolusWindow) -> TransitFit:
    """Curves (V, W) of TE dR2* (no unit) as a multiple of g (V, W) over a level.

    `curves` are 0 where the window was not measured. Differentiable in g.
    """
    even = window.measured.expand_as(curves)
    with torch.no_grad():
        rough, _ = _factors(curves, g, even, window.before)
        seen = (rough[:, None] * g).clamp(0, _DARKEST)
        weights = even * torch.exp(-2 * seen)
    amplitude, level = _factors(curves, g, weights, window.before)
    away = curves - amplitude[:, None] * g - level[:, None]
    squares = (weights * away.square()).sum(1) + window.before * level.square()
    return TransitFit(
        amplitude, level, squares / (float(window.measured.sum()) + window.before), weights
    )


def _factors(
    curves: torch.Tensor, g: torch.Tensor, weights: torch.Tensor, before: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Amplitude and level (V,); `before` frames say that the level is 0."""
    all_frames = weights.sum(1) + before
    of_g = (weights * g).sum(1)
    of_square = (weights * g * g).sum(1)
    of_curve = (weights * curves).sum(1)
    of_both = (weights * g * curves).sum(1)
    scale = (of_square * all_frames - of_g.square()).clamp(min=1e-8)
    amplitude = (of_both * all_frames - of_g * of_curve) / scale
    return amplitude, (of_curve - amplitude * of_g) / all_frames
