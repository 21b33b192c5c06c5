"""The large arteries and veins of the head, as tubes along centre lines in MNI space.

Courses and calibres are those of a textbook adult; one side is written down and mirrored. They
give a series what an AIF search looks for (early, high, narrow curves) and what it must not take
(late venous ones), with the partial volume of real voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .territories import Territory, of_side

SINUS_DELAY_S = 6.8
"""The bolus is in the superior sagittal sinus this long after the middle cerebral artery."""

SAGITTAL_SINUS = "superior sagittal sinus"

_POINT_MM3 = 0.08
"""Blood volume that one point of a filled tube stands for."""


@dataclass(frozen=True)
class Vessel:
    """One tube.

    course     (x, y, z) points of the centre line in MNI mm.
    radius_mm  at the first and at the last point.
    delay_s    arrival of the bolus after the middle cerebral artery.
    side       -1 left, +1 right (the sign of x in MNI space), 0 midline.
    supply     territory whose artery it is; none for what lies upstream of every occlusion.
    """

    name: str
    course: tuple[tuple[float, float, float], ...]
    radius_mm: tuple[float, float]
    delay_s: float
    venous: bool = False
    side: int = 0
    supply: Territory = Territory.NONE


_ONE_SIDE = (
    Vessel(
        "ICA",
        ((25, -24, -64), (24, -20, -50), (16, -10, -40), (13, 0, -34), (12, 6, -26), (14, 4, -17)),
        (2.4, 2.0),
        0.0,
    ),
    Vessel("M1", ((14, 4, -17), (24, 7, -18), (35, 3, -17)), (1.7, 1.5), 0.0),
    Vessel(
        "M2 superior",
        ((35, 3, -17), (37, 10, -8), (38, 9, 3), (39, 2, 13), (47, -4, 18), (58, -6, 27)),
        (1.4, 0.9),
        0.3,
    ),
    Vessel(
        "M2 inferior",
        ((35, 3, -17), (39, -6, -8), (38, -15, 3), (39, -24, 11), (48, -32, 16), (58, -38, 24)),
        (1.4, 0.9),
        0.3,
    ),
    Vessel("A1", ((14, 4, -17), (8, 10, -16), (3, 16, -12)), (1.4, 1.2), 0.1),
    Vessel(
        "A2",
        ((2.5, 16, -12), (2, 27, -6), (2, 39, 6), (2, 34, 20), (2, 18, 30), (2, -4, 35)),
        (1.3, 0.9),
        0.3,
    ),
    Vessel(
        "PCA",
        ((1, -12, -15), (12, -15, -15), (20, -26, -11), (16, -42, -5), (12, -62, 3), (10, -80, 8)),
        (1.4, 0.9),
        0.5,
    ),
    Vessel("vertebral", ((6, -24, -66), (4, -18, -54), (0.5, -13, -42)), (1.7, 1.6), 0.2),
    Vessel(
        "transverse sinus",
        ((1, -100, -4), (18, -97, -12), (40, -80, -22), (54, -60, -30), (50, -46, -46)),
        (3.2, 3.4),
        7.0,
        venous=True,
    ),
    Vessel(
        "internal cerebral vein",
        ((3, 2, 15), (2, -15, 17), (1.5, -32, 13), (0.5, -42, 9)),
        (1.0, 1.3),
        6.0,
        venous=True,
    ),
    Vessel(
        "frontal cortical vein",
        ((40, 30, 42), (28, 28, 54), (12, 24, 64), (1, 16, 71)),
        (1.0, 1.6),
        6.0,
        venous=True,
    ),
    Vessel(
        "anastomotic vein of Trolard",
        ((60, -20, 34), (52, -22, 54), (32, -28, 72), (14, -32, 80), (1, -36, 82)),
        (1.0, 1.8),
        6.2,
        venous=True,
    ),
    Vessel(
        "occipital cortical vein",
        ((44, -74, 34), (30, -76, 48), (12, -76, 58), (1, -80, 56)),
        (1.0, 1.6),
        6.2,
        venous=True,
    ),
)

_BRANCH_OF = {
    "M1": "MCA_DEEP",
    "M2 superior": "MCA_SUPERIOR",
    "M2 inferior": "MCA_INFERIOR",
    "A2": "ACA",
    "PCA": "PCA",
}

_MIDLINE = (
    Vessel("basilar", ((0, -13, -42), (0, -9, -32), (0, -9, -24), (0, -12, -15)), (1.8, 1.7), 0.2),
    Vessel(
        SAGITTAL_SINUS,
        (
            (0, 72, 2),
            (0, 71, 20),
            (0, 62, 40),
            (0, 46, 56),
            (0, 26, 70),
            (0, 0, 79),
            (0, -30, 82),
            (0, -52, 77),
            (0, -74, 62),
            (0, -90, 42),
            (0, -102, 18),
            (0, -102, -4),
        ),
        (1.4, 3.6),
        SINUS_DELAY_S,
        venous=True,
    ),
    Vessel(
        "straight sinus",
        ((0, -42, 9), (0, -58, 10), (0, -78, 2), (0, -100, -4)),
        (1.8, 2.4),
        6.5,
        venous=True,
    ),
)


def all_vessels() -> tuple[Vessel, ...]:
    """Every vessel of the head, both sides."""
    mirrored = tuple(
        Vessel(
            f"{side_name} {vessel.name}",
            tuple((side * x, y, z) for x, y, z in vessel.course),
            vessel.radius_mm,
            vessel.delay_s,
            vessel.venous,
            side,
            of_side(side, _BRANCH_OF[vessel.name])[0]
            if vessel.name in _BRANCH_OF
            else Territory.NONE,
        )
        for vessel in _ONE_SIDE
        for side, side_name in ((-1, "left"), (1, "right"))
    )
    return _MIDLINE + mirrored


def fill(vessel: Vessel, rng: np.random.Generator, wander_mm: float = 1.0) -> np.ndarray:
    """Points (N, 3) in MNI mm spread evenly through a tube whose course wanders a little.

    Each stands for `_POINT_MM3` of blood. The course is rounded by Catmull-Rom splines.
    """
    course = np.asarray(vessel.course, float)
    wander = rng.normal(0, wander_mm, course.shape)
    if vessel.side == 0:
        wander[:, 0] *= 0.3
    line = _rounded(course + wander)
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    radii = np.linspace(*vessel.radius_mm, len(line))
    volumes = np.pi * ((radii[:-1] + radii[1:]) / 2) ** 2 * steps
    count = max(1, round(float(volumes.sum()) / _POINT_MM3))
    chosen = np.searchsorted(np.cumsum(volumes) / volumes.sum(), rng.random(count))
    chosen = np.minimum(chosen, len(volumes) - 1)
    along = rng.random(count)[:, None]
    centre = line[chosen] * (1 - along) + line[chosen + 1] * along
    axis = (line[chosen + 1] - line[chosen]) / steps[chosen, None]
    sideways = rng.standard_normal((count, 3))
    sideways -= (sideways * axis).sum(1, keepdims=True) * axis
    sideways /= np.linalg.norm(sideways, axis=1, keepdims=True)
    radius = radii[chosen] * np.sqrt(rng.random(count))
    return centre + sideways * radius[:, None]


def point_volume_mm3() -> float:
    """Blood volume in mm^3 that one point of `fill` stands for."""
    return _POINT_MM3


def _rounded(course: np.ndarray, per_segment: int = 8) -> np.ndarray:
    padded = np.vstack([2 * course[0] - course[1], course, 2 * course[-1] - course[-2]])
    t = np.linspace(0, 1, per_segment, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True)
    ]
    return np.vstack([*pieces, course[-1:]])
