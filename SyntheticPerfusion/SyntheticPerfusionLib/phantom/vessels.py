"""The trunks among arteries and veins, as tubes along centre lines in MNI space.

Courses and calibres are those of a textbook adult; one side is written down and mirrored. They
give a series what an AIF search looks for (early, high, narrow curves) and what it must not take
(late venous ones). Branches over the cortex are grown by cortical_vessels.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .territories import Territory, of_side

SINUS_DELAY_S = 6.8
"""The bolus is in the superior sagittal sinus this long after the middle cerebral artery."""

SAGITTAL_SINUS = "superior sagittal sinus"

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Vessel:
    """One tube.

    course     (x, y, z) points of the centre line in MNI mm, in the direction of arterial flow.
    radius_mm  at the first and at the last point; delay_s alike, arrival of the bolus after the
               middle cerebral artery.
    side       -1 left, +1 right (the sign of x in MNI space), 0 midline.
    supply     territory whose artery it is; none for what lies upstream of every occlusion.
    wander_mm  how far its course strays.
    """

    name: str
    course: tuple[Point, ...]
    radius_mm: tuple[float, float]
    delay_s: tuple[float, float]
    venous: bool = False
    side: int = 0
    supply: Territory = Territory.NONE
    wander_mm: float = 1.0

    @property
    def is_mca(self) -> bool:
        """Whether it is the first or second part of a middle cerebral artery."""
        return self.name.startswith(("M1", "M2"))


def artery(
    name: str, course: tuple[Point, ...], radius_mm: tuple[float, float], *late_s: float
) -> Vessel:
    """An artery whose delay at its start and end is given once or twice."""
    return Vessel(name, course, radius_mm, (late_s[0], late_s[-1]))


def vein(
    name: str, course: tuple[Point, ...], radius_mm: tuple[float, float], late_s: float
) -> Vessel:
    """A vein with one delay throughout."""
    return Vessel(name, course, radius_mm, (late_s, late_s), venous=True)


_ONE_SIDE = (
    artery(
        "ICA",
        ((25, -24, -64), (24, -20, -50), (16, -10, -40), (13, 0, -34), (12, 6, -26), (14, 4, -17)),
        (2.4, 2.0),
        -0.3,
        -0.05,
    ),
    artery("M1 stem", ((14, 4, -17), (19, 6, -18), (24, 7, -18)), (1.7, 1.6), 0.0),
    artery("M1 end", ((24, 7, -18), (30, 6, -18), (35, 3, -17)), (1.6, 1.5), 0.0),
    artery(
        "M2 superior",
        ((35, 3, -17), (37, 10, -8), (38, 9, 3), (39, 2, 13)),
        (1.4, 1.0),
        0.05,
        0.2,
    ),
    artery(
        "M2 inferior",
        ((35, 3, -17), (39, -6, -8), (38, -15, 3), (39, -24, 11)),
        (1.4, 1.0),
        0.05,
        0.2,
    ),
    artery("A1", ((14, 4, -17), (8, 10, -16), (3, 16, -12)), (1.4, 1.2), 0.0, 0.1),
    artery(
        "A2",
        ((2.5, 16, -12), (2, 27, -6), (2, 39, 6), (2, 34, 20), (2, 18, 30), (2, -4, 35)),
        (1.3, 0.9),
        0.05,
        0.4,
    ),
    artery(
        "posterior communicating", ((14, 2, -18), (13, -6, -16), (13, -14, -14)), (0.6, 0.6), 0.1
    ),
    artery("P1", ((1, -12, -15), (6, -14, -15), (13, -15, -14)), (1.4, 1.3), 0.3),
    artery(
        "P2",
        ((13, -15, -14), (20, -26, -11), (16, -42, -5), (12, -62, 3)),
        (1.3, 0.9),
        0.4,
        0.8,
    ),
    artery("vertebral", ((6, -24, -66), (4, -18, -54), (0.5, -13, -42)), (1.7, 1.6), 0.1, 0.2),
    artery(
        "superior cerebellar",
        ((2, -11, -18), (14, -22, -20), (24, -44, -18), (20, -66, -16)),
        (0.9, 0.4),
        0.4,
        1.0,
    ),
    artery(
        "anterior inferior cerebellar",
        ((1, -12, -32), (16, -22, -36), (38, -42, -40), (46, -60, -44)),
        (0.7, 0.4),
        0.4,
        1.0,
    ),
    artery(
        "posterior inferior cerebellar",
        ((6, -22, -58), (12, -40, -54), (14, -62, -58), (20, -80, -48)),
        (0.9, 0.4),
        0.4,
        1.0,
    ),
    vein(
        "transverse sinus",
        ((1, -100, -4), (18, -97, -12), (40, -80, -22), (54, -60, -30)),
        (3.2, 3.4),
        7.0,
    ),
    vein(
        "sigmoid sinus",
        ((54, -60, -30), (49, -46, -40), (38, -38, -54), (28, -34, -68)),
        (3.4, 3.6),
        7.2,
    ),
    vein(
        "internal cerebral",
        ((3, 2, 15), (2, -15, 17), (1.5, -32, 13), (0.5, -42, 9)),
        (1.0, 1.3),
        6.0,
    ),
    vein("thalamostriate", ((18, 14, 16), (14, 0, 20), (6, 4, 17), (3, 2, 15)), (0.5, 0.8), 5.8),
    vein(
        "basal",
        ((18, 0, -16), (17, -16, -12), (14, -30, -4), (6, -40, 4), (0.5, -42, 9)),
        (0.7, 1.1),
        5.8,
    ),
    vein(
        "superficial Sylvian",
        ((60, -18, 22), (58, -2, 8), (48, 14, -4), (36, 14, -20)),
        (0.7, 1.4),
        5.6,
    ),
    vein(
        "anastomotic vein of Labbe",
        ((52, -6, 2), (66, -32, -2), (63, -50, -14), (54, -60, -28)),
        (0.8, 1.7),
        6.2,
    ),
)

_MIDLINE = (
    artery(
        "basilar", ((0, -13, -42), (0, -9, -32), (0, -9, -24), (0, -12, -15)), (1.8, 1.7), 0.2, 0.3
    ),
    vein(
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
    ),
    vein(
        "inferior sagittal sinus",
        ((0, 28, 26), (0, 0, 34), (0, -30, 27), (0, -43, 12)),
        (0.7, 1.2),
        6.2,
    ),
    vein(
        "straight sinus", ((0, -42, 9), (0, -58, 10), (0, -78, 2), (0, -100, -4)), (1.8, 2.4), 6.5
    ),
)

_RIM = 1.4
"""Arteries full of tracer dephase a rim around them too: in a gradient-echo series they are wider
than their lumen. By this much real series have voxels that a search for arteries can find."""

_BRANCH_OF = {
    "M1 end": "MCA_DEEP",
    "M2 superior": "MCA_SUPERIOR",
    "M2 inferior": "MCA_INFERIOR",
    "A2": "ACA",
    "P2": "PCA",
}

_HYPOPLASTIC_A1, _FETAL_PCA, _UNEQUAL_SINUSES = 0.10, 0.17, 0.5
"""How often (Krabbe-Hartkamp et al., Radiology 207:103, 1998; Durgun et al., Surg Neurol 39:28,
1993 for the sinuses, of which the right is mostly the larger)."""


def supply_of(name: str, side: int) -> Territory:
    """Territory of a trunk on a side."""
    if "cerebellar" in name:
        return Territory.VERTEBROBASILAR
    return of_side(side, _BRANCH_OF[name])[0] if name in _BRANCH_OF else Territory.NONE


def draw_trunks(rng: np.random.Generator) -> tuple[list[Vessel], dict[str, str]]:
    """Trunks of a head with calibres of their own, and what is uncommon about them."""
    factors: dict[tuple[str, int], float] = {}
    variants: dict[str, str] = {}
    sides = ("left", "right")
    chances, which = rng.random(4), rng.integers(2, size=4)
    if chances[0] < _HYPOPLASTIC_A1:
        factors["A1", which[0]] = 0.35
        variants["A1"] = f"{sides[which[0]]} hypoplastic"
    if chances[1] < _FETAL_PCA:
        factors["P1", which[1]], factors["posterior communicating", which[1]] = 0.4, 2.1
        variants["PCA"] = f"{sides[which[1]]} fetal"
    factors["vertebral", which[2]] = float(rng.uniform(0.5, 1.0))
    smaller = 0 if chances[3] < 0.75 else 1
    share = float(rng.uniform(0.45, 0.8)) if rng.random() < _UNEQUAL_SINUSES else 1.0
    factors["transverse sinus", smaller] = factors["sigmoid sinus", smaller] = share
    if share < 1:
        variants["transverse sinus"] = f"{sides[smaller]} smaller"
    trunks = [_of_calibre(vessel, float(np.exp(rng.normal(0, 0.1)))) for vessel in _MIDLINE]
    for vessel in _ONE_SIDE:
        for index, side in enumerate((-1, 1)):
            factor = factors.get((vessel.name, index), 1.0) * float(np.exp(rng.normal(0, 0.1)))
            trunks.append(
                replace(
                    _of_calibre(vessel, factor),
                    course=tuple((side * x, y, z) for x, y, z in vessel.course),
                    side=side,
                    supply=supply_of(vessel.name, side),
                )
            )
    return trunks, variants


def _of_calibre(vessel: Vessel, factor: float) -> Vessel:
    first, last = vessel.radius_mm
    factor *= 1.0 if vessel.venous else _RIM
    return replace(vessel, radius_mm=(first * factor, last * factor))
