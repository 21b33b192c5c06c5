"""What lies around and under the brain: eyes, air-filled spaces, petrous bone, and their field.

Ellipsoids in MNI space, sized by seed. Air has no signal, and its susceptibility takes signal from
the tissue beside it: frontal lobes over the orbits and temporal lobes over the petrous bones fade
in gradient-echo series, so that masks and searches for arteries have something to fail on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .fields import SmoothField

_GYROMAGNETIC_RAD_PER_S_T = 2.675e8
_FIELD_T = 3.0
_AIR_MINUS_TISSUE = 9.4e-6
"""Volume susceptibility, SI."""

_SHIM = 0.45
"""Share of the field's slope that the shim leaves."""

_SLAB_MM = 5.0
_ECHO_S = 0.030
_CELLS_FILLED = 0.8
"""Radius of a space divided into cells, over that of a hollow one."""

_LEAST_RADIUS_MM = 6.0
"""Smaller spaces lie beside larger ones, in whose field theirs is lost."""

_FIELD_UP_TO_Z_MM = 40.0
"""Above this the slope is nothing to a slice."""

_MOST_DEPHASING_PER_S = 120.0


@dataclass(frozen=True)
class Ellipsoid:
    """`centre` (right side where paired) and `radii` in MNI mm; `varies` as SD of its logarithm."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    varies: float = 0.1
    cells_mm: float = 0.0


_GLOBE = Ellipsoid((32, 62, -36), (12, 12, 12), 0.04)
_LENS = Ellipsoid((32, 71.5, -36), (4.6, 2.2, 4.6), 0.04)
_ORBIT = Ellipsoid((27, 46, -36), (15, 27, 14.5), 0.04)
_ORBIT_WALL_MM = 2.5

_AIR = {
    "frontal sinus": Ellipsoid((11, 75, -10), (11, 6, 11), 0.35),
    "ethmoid": Ellipsoid((7, 44, -38), (6.5, 20, 12), 0.12, 5.0),
    "sphenoid sinus": Ellipsoid((7, 15, -38), (9, 11, 9), 0.2),
    "maxillary sinus": Ellipsoid((30, 46, -68), (13, 15, 15), 0.15),
    "nasal cavity": Ellipsoid((6, 50, -62), (6, 30, 14), 0.1, 4.0),
    "pharynx": Ellipsoid((0, 4, -76), (12, 9, 18), 0.1),
    "mastoid cells": Ellipsoid((55, -36, -40), (8, 11, 14), 0.25, 3.5),
    "tympanic cavity": Ellipsoid((44, -22, -40), (5, 4, 5), 0.15),
    "ear canal": Ellipsoid((60, -20, -41), (15, 3.2, 3.2), 0.1),
}
_PETROUS = ((50.0, -32.0, -42.0), (14.0, -12.0, -42.0))
_PETROUS_RADIUS_MM = 9.0

_NERVE = ((29.0, 51.0, -36.0), (8.0, 16.0, -26.0))
_NERVE_RADIUS_MM = 2.4
_MUSCLES = (
    ((42.0, 58.0, -36.0), (18.0, 22.0, -30.0)),
    ((21.0, 60.0, -36.0), (14.0, 24.0, -31.0)),
    ((31.0, 58.0, -25.0), (17.0, 24.0, -27.0)),
    ((31.0, 58.0, -47.0), (17.0, 24.0, -34.0)),
)
_MUSCLE_RADIUS_MM = 2.2


@dataclass(frozen=True, eq=False)
class SkullBase:
    """Sizes of one head's eyes and air-filled spaces.

    sizes   factor of the radii by name and side (left, right).
    cells   field that divides mastoid, ethmoid and turbinates into cells.
    """

    sizes: dict[str, tuple[float, float]]
    globe: float
    cells: SmoothField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> SkullBase:
        """Air spaces of their own size on each side; a frontal sinus is missing now and then."""
        sizes = {}
        for name, part in _AIR.items():
            both = rng.normal(0, part.varies)
            left, right = np.exp(both + rng.normal(0, part.varies / 2, 2))
            sizes[name] = (float(left), float(right))
        if rng.random() < 0.1:
            sizes["frontal sinus"] = (0.0, 0.0)
        return cls(sizes, float(np.exp(rng.normal(0, 0.03))), SmoothField.draw(rng, 3.0))

    def parts(self, mni_mm: torch.Tensor) -> dict[str, torch.Tensor]:
        """Shares (V,) of places (V, 3) that are air, eye, fat, muscle, dense bone."""
        x = mni_mm[:, 0]
        right = x > 0
        folded = torch.cat([x[:, None].abs(), mni_mm[:, 1:]], 1)
        air = torch.zeros_like(x)
        walls = self.cells(mni_mm)
        for name, part in _AIR.items():
            left, rightward = self.sizes[name]
            size = torch.where(right, rightward, left)
            share = _soft(_depth_mm(folded, part, size))
            if part.cells_mm > 0:
                share = share * ((walls.abs() - 0.25) * 4).clamp(0, 1)
            air = torch.maximum(air, share)
        one = torch.full_like(x, self.globe)
        globe = _soft(_depth_mm(folded, _GLOBE, one))
        lens = _soft(_depth_mm(folded, _LENS, one))
        orbit = _soft(_depth_mm(folded, _ORBIT, one))
        muscle = torch.stack(
            [_soft(_MUSCLE_RADIUS_MM - _to_stretch_mm(folded, *ends)) for ends in _MUSCLES]
            + [_soft(_NERVE_RADIUS_MM - _to_stretch_mm(folded, *_NERVE))]
        ).amax(0)
        air = air * (1 - torch.maximum(orbit, globe))
        around = (orbit - globe).clamp(min=0)
        petrous = _soft(_PETROUS_RADIUS_MM - _to_stretch_mm(folded, *_PETROUS))
        wall = _soft(_depth_mm(folded, _ORBIT, one) + _ORBIT_WALL_MM)
        rest = 1 - air - globe - around
        return {
            "air": air,
            "eye": globe * (1 - lens),
            "fat": around * (1 - muscle),
            "muscle": around * muscle,
            "bone": torch.maximum(petrous, wall) * rest + globe * lens,
        }

    def dephasing_per_s(self, mni_mm: torch.Tensor) -> torch.Tensor:
        """R2* (V,) that the air adds at places (V, 3), in 1/s.

        Each space counts as a ball of its volume, a dipole in the field along z:
        dB = chi/3 B0 a^3 (3 c^2 - 1) / r^3 with c = z / r. A slope g leaves sinc(gamma g L TE / 2)
        of a voxel of L = 5 mm at TE = 30 ms; to second order a rate of (gamma g L)^2 TE / 24.
        """
        low = torch.nonzero(mni_mm[:, 2] < _FIELD_UP_TO_Z_MM)[:, 0]
        near = mni_mm[low]
        slope2 = torch.zeros_like(near[:, 0])
        for name, part in _AIR.items():
            for side, size in zip((-1.0, 1.0), self.sizes[name], strict=True):
                radius = size * float(np.prod(part.radii)) ** (1 / 3)
                if part.cells_mm > 0:
                    radius *= _CELLS_FILLED
                if radius < _LEAST_RADIUS_MM or (part.centre[0] == 0 and side < 0):
                    continue
                centre = near.new_tensor([side * part.centre[0], *part.centre[1:]])
                slope2 += _slope_squared(near - centre, radius)
        scale = _SHIM * _GYROMAGNETIC_RAD_PER_S_T * _FIELD_T * _AIR_MINUS_TISSUE / 3
        rate = torch.zeros_like(mni_mm[:, 0])
        rate[low] = (scale * _SLAB_MM) ** 2 * slope2 * _ECHO_S / 24
        return rate.clamp(max=_MOST_DEPHASING_PER_S)


def _slope_squared(away: torch.Tensor, radius: float) -> torch.Tensor:
    """Squared slope of a^3 (3 c^2 - 1) / r^3 outside the ball, (3 a^3 / r^4)^2 (1 - 2 c^2 + 5 c^4)
    in 1/mm^2; inside as at the surface."""
    z2 = away[:, 2] ** 2
    r2 = (away * away).sum(1)
    c2 = z2 / r2.clamp(min=1e-6)
    fall = (radius**2 / r2.clamp(min=radius**2)) ** 4
    return (3 / radius) ** 2 * fall * (1 - 2 * c2 + 5 * c2 * c2)


def _depth_mm(folded: torch.Tensor, part: Ellipsoid, size: torch.Tensor) -> torch.Tensor:
    """(V,) about how deep a place lies under the surface of an ellipsoid; negative outside."""
    relative = (folded - folded.new_tensor(part.centre)) / folded.new_tensor(part.radii)
    return (size - relative.norm(dim=-1)) * min(part.radii)


def _to_stretch_mm(
    points: torch.Tensor, start: tuple[float, float, float], stop: tuple[float, float, float]
) -> torch.Tensor:
    first = points.new_tensor(start)
    along = points.new_tensor(stop) - first
    share = (((points - first) @ along) / (along @ along)).clamp(0, 1)
    return (points - first - share[:, None] * along).norm(dim=-1)


def _soft(depth_mm: torch.Tensor) -> torch.Tensor:
    return (depth_mm + 0.5).clamp(0, 1)
