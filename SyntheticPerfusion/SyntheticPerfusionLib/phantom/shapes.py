"""Soft shapes in MNI space, from which regions and lesions are cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

Triple = Sequence[float] | np.ndarray


def ellipsoid(
    mni_mm: torch.Tensor,
    centre_mm: Triple,
    radii_mm: Triple,
    ragged: torch.Tensor | float = 0.0,
    soft_mm: float = 2.0,
) -> torch.Tensor:
    """Share (0 to 1) by which positions (V, 3) lie in an ellipsoid.

    `ragged` (V,) moves the surface inwards, relative to the radius; the edge is `soft_mm` wide.
    """
    inwards = depth(mni_mm, centre_mm, radii_mm) - ragged
    softness = soft_mm * len(radii_mm) / sum(float(radius) for radius in radii_mm)
    return (0.5 + inwards / softness).clamp(0, 1)


def depth(mni_mm: torch.Tensor, centre_mm: Triple, radii_mm: Triple) -> torch.Tensor:
    """1 at the centre of an ellipsoid, 0 on its surface, negative outside: (V,)."""
    centre = mni_mm.new_tensor([float(value) for value in centre_mm])
    radii = mni_mm.new_tensor([float(value) for value in radii_mm])
    return 1 - ((mni_mm - centre) / radii).norm(dim=-1)


def ramp(values: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """0 up to `low`, 1 from `high` on, straight between."""
    return ((values - low) / (high - low)).clamp(0, 1)


def mirrored(mni_mm: torch.Tensor) -> torch.Tensor:
    """The same places in the other hemisphere."""
    return mni_mm * mni_mm.new_tensor([-1, 1, 1])


def on_both_sides(mni_mm: torch.Tensor) -> torch.Tensor:
    """Positions with the distance from the midline for x, so that one shape serves two sides."""
    return torch.cat([mni_mm[..., :1].abs(), mni_mm[..., 1:]], dim=-1)
