"""The push of something that grows: tissue around it gives way, the midline shifts."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..errors import InputError

_FALL_OFF_MM = 25.0
_YIELDING_MM = 18.0
"""Depth under the meninges from which tissue gives way in full; at the skull it stays."""


@dataclass(frozen=True)
class Mass:
    """A growth of a radius around a centre (MNI mm), whose rim was pushed out by `push_mm`.

    Raises InputError where it pushes by more than half of its radius or by more than 12 mm:
    tissue would fold.
    """

    centre_mni_mm: tuple[float, float, float]
    radius_mm: float
    push_mm: float

    def __post_init__(self) -> None:
        if not 0 <= self.push_mm <= min(0.5 * self.radius_mm, 12.0):
            raise InputError(
                f"A mass of radius {self.radius_mm:g} mm cannot push by {self.push_mm:g} mm; "
                "give 0 to half of its radius, at most 12 mm."
            )

    def origin_of(self, place_mm: torch.Tensor, meninges_mm: torch.Tensor) -> torch.Tensor:
        """Where tissue now at places (..., 3) lay before; `meninges_mm` (...) negative inside.

        At distance r from the centre tissue has moved outwards by push r / R within the radius R,
        and by push exp(-((r - R) / 25 mm)^2) around it.
        """
        centre = place_mm.new_tensor(self.centre_mni_mm)
        away = place_mm - centre
        r = away.norm(dim=-1).clamp(min=1e-6)
        outside = ((r - self.radius_mm) / _FALL_OFF_MM).clamp(min=0)
        push = self.push_mm * (r / self.radius_mm).clamp(max=1) * torch.exp(-(outside**2))
        push = push * (-meninges_mm / _YIELDING_MM).clamp(0, 1)
        return place_mm - (push / r)[..., None] * away
