"""How much blood of which vessel is in each voxel: tubes cut into small pieces, and counted.

The pieces follow from the drawn course alone, so that the same head has the same vessels on every
grid and device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..series.geometry import Geometry
from .head_shape import Placement
from .territories import Territory
from .vessels import SAGITTAL_SINUS, Vessel

_STEP_MM = 0.7
_PIECE_MM2 = 0.36
"""Length and cross-section of a piece."""

_PER_STRETCH = 6
"""Points of a spline between two points of a course."""

_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True, eq=False)
class Pieces:
    """N pieces of blood: `points_mm` (N, 3) of the patient (RAS), `volume_mm3`, `delay_s` and
    `owner` (N,), the place of its vessel in the list."""

    points_mm: np.ndarray
    volume_mm3: np.ndarray
    delay_s: np.ndarray
    owner: np.ndarray


def cut(vessels: Sequence[Vessel], placement: Placement, rng: np.random.Generator) -> Pieces:
    """Vessels as pieces where they lie in the patient. `placement` is on the CPU.

    Cross-sections are filled along a sunflower's spiral, which is even for any number of pieces.
    """
    courses = [_strayed(vessel, rng) for vessel in vessels]
    line, owner = _rounded(courses)
    line = placement.from_mni(torch.from_numpy(line).float()).double().numpy()
    centre, axis, length, radius, delay, owner = _steps(line, owner, vessels)
    area = np.pi * radius**2
    count = np.maximum(3, np.rint(area / _PIECE_MM2)).astype(int)
    step = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
    away = radius[step] * np.sqrt((within + 0.5) / count[step])
    angle = within * _GOLDEN_ANGLE + step
    sideways = np.cross(axis, np.eye(3)[np.abs(axis).argmin(1)])
    sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
    upwards = np.cross(axis, sideways)
    offset = (
        np.cos(angle)[:, None] * sideways[step] + np.sin(angle)[:, None] * upwards[step]
    ) * away[:, None]
    return Pieces(centre[step] + offset, (area * length / count)[step], delay[step], owner[step])


def _steps(
    line: np.ndarray, owner: np.ndarray, vessels: Sequence[Vessel]
) -> tuple[np.ndarray, ...]:
    """Centre, axis, length, radius, delay and owner of short straight stretches of all lines."""
    along = np.diff(line, axis=0)
    length = np.linalg.norm(along, axis=1) * (owner[1:] == owner[:-1])
    real = np.flatnonzero(length > 1e-6)
    start, along, length, owner = line[real], along[real], length[real], owner[real]
    whole = np.bincount(owner, length, minlength=len(vessels))
    passed = np.cumsum(length) - length - (np.cumsum(whole) - whole)[owner]

    count = np.maximum(1, np.rint(length / _STEP_MM)).astype(int)
    of = np.repeat(np.arange(len(count)), count)
    within = (np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[of]
    owner = owner[of]
    share = (passed[of] + within * length[of]) / whole[owner]
    radii = np.array([vessel.radius_mm for vessel in vessels])[owner]
    delays = np.array([vessel.delay_s for vessel in vessels])[owner]
    return (
        start[of] + within[:, None] * along[of],
        (along / length[:, None])[of],
        (length / count)[of],
        radii[:, 0] + share * (radii[:, 1] - radii[:, 0]),
        delays[:, 0] + share * (delays[:, 1] - delays[:, 0]),
        owner,
    )


def _strayed(vessel: Vessel, rng: np.random.Generator) -> np.ndarray:
    course = np.asarray(vessel.course, float)
    wander = rng.normal(0, vessel.wander_mm, course.shape)
    if vessel.side == 0:
        wander[:, 0] *= 0.3
    # Vessels begin where others end.
    wander[0] *= 0.3
    return course + wander


def _rounded(courses: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) of Catmull-Rom splines through courses, in their order, and owners (N,)."""
    padded = [np.vstack([2 * c[0] - c[1], c, 2 * c[-1] - c[-2], c[-1:]]) for c in courses]
    stretches = np.array([len(course) for course in courses])
    owner = np.repeat(np.arange(len(courses)), stretches)
    # The last stretch of each course holds its last point alone.
    first = np.arange(len(owner)) + 3 * owner
    points = np.concatenate(padded)
    a, b, c, d = (points[first + at][:, None] for at in range(4))
    t = np.linspace(0, 1, _PER_STRETCH, endpoint=False)[:, None]
    spline = 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    kept = np.ones((len(owner), _PER_STRETCH), bool)
    kept[np.cumsum(stretches) - 1, 1:] = False
    return spline[kept], np.repeat(owner, _PER_STRETCH)[kept.ravel()]


def shares_of(
    pieces: Pieces, vessels: Sequence[Vessel], geometry: Geometry, rows: np.ndarray, voxels: int
) -> dict[str, torch.Tensor]:
    """What the vessels are in V voxels: fields of Anatomy by name, on the CPU.

    `rows` (K * J * I,) says which of the V voxels each voxel of the grid is, -1 for none.
    """
    row, inside = _places(pieces.points_mm, geometry, rows)
    owner = pieces.owner[inside]
    share = pieces.volume_mm3[inside] / float(np.prod(geometry.spacing))
    late = pieces.delay_s[inside] * share

    def total(chosen: np.ndarray, weights: np.ndarray) -> np.ndarray:
        return np.bincount(row[chosen], weights[chosen], minlength=voxels)

    venous = np.array([vessel.venous for vessel in vessels])[owner]
    supply = np.array([vessel.supply for vessel in vessels])[owner]
    side = np.array([vessel.side for vessel in vessels])[owner]
    mca = np.array([vessel.is_mca for vessel in vessels])[owner]
    sinus = np.array([vessel.name == SAGITTAL_SINUS for vessel in vessels])[owner]
    artery, vein = total(~venous, share), total(venous, share)
    hanging = np.zeros((len(Territory), voxels))
    for territory in Territory:
        hanging[territory] = total(~venous & (supply == territory), share)
    crowded = np.maximum(artery + vein, 1.0)
    found = {
        "artery": artery / crowded,
        "vein": vein / crowded,
        "artery_delay_s": total(~venous, late) / np.maximum(artery, 1e-9),
        "vein_delay_s": total(venous, late) / np.maximum(vein, 1e-9),
        "arterial_supply": hanging / np.maximum(artery, 1e-9),
        "mca": np.stack([total(mca & (side == s), share) for s in (-1, 1)]) / crowded,
        "sss": total(sinus, share) / crowded,
    }
    return {name: torch.from_numpy(values.astype(np.float32)) for name, values in found.items()}


def _places(
    points_mm: np.ndarray, geometry: Geometry, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Row of each piece that lies in one of the voxels, and which pieces those are."""
    lps = points_mm * (-1.0, -1.0, 1.0)
    index = np.rint((lps - geometry.origin) / geometry.spacing).astype(int)
    size = np.array(geometry.shape[::-1])
    inside = np.all((index >= 0) & (index < size), axis=1)
    i, j, k = index[inside].T
    row = rows[(k * size[1] + j) * size[0] + i]
    inside[inside] = row >= 0
    return row[row >= 0], inside
