"""Branches over the cortex: arteries of the folds and the veins that drain them, grown by seed.

At the peak of the bolus these are the many dark dots and lines on the surface of the brain. Each
follows guide points (one side, MNI mm; after the angiographic nomenclature of Huber) and settles
in the nearest fold; twigs leave it on the way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from .template import Template
from .territories import Territory, of_side
from .vessels import SAGITTAL_SINUS, SINUS_DELAY_S, Point, Vessel, draw_trunks

_SUPERIOR: tuple[tuple[Point, ...], ...] = (
    ((38, 9, -6), (40, 16, -6), (46, 34, -8), (38, 52, -6)),
    ((39, 12, 0), (42, 16, 4), (52, 28, 16), (44, 44, 30)),
    ((39, 8, 4), (44, 10, 8), (56, 16, 26), (42, 28, 46)),
    ((39, 4, 8), (48, 2, 10), (60, 4, 32), (46, 2, 56)),
    ((39, 2, 12), (52, -6, 14), (64, -10, 36), (46, -16, 62)),
    ((40, 0, 14), (54, -16, 18), (64, -24, 42), (44, -34, 64)),
    ((40, -4, 15), (52, -26, 22), (60, -40, 48), (36, -56, 64)),
)
_INFERIOR: tuple[tuple[Point, ...], ...] = (
    ((40, -22, 10), (48, -32, 18), (60, -52, 34), (42, -74, 44)),
    ((40, -24, 10), (50, -34, 12), (62, -56, 10), (46, -82, 12)),
    ((39, -16, 3), (50, -28, 6), (68, -40, -4), (60, -56, -16)),
    ((39, -10, -3), (48, -16, -2), (68, -24, -14), (62, -34, -26)),
    ((39, -4, -9), (46, -4, -10), (62, -4, -24), (54, -8, -38)),
    ((37, 2, -15), (40, 6, -14), (48, 16, -26), (38, 20, -40)),
)
_ANTERIOR: tuple[tuple[Point, ...], ...] = (
    ((2.5, 36, 0), (4, 50, -4), (5, 62, 2), (12, 69, 8)),
    ((2.5, 40, 8), (4, 44, 24), (4, 30, 38), (4, 8, 46)),
    ((4, 44, 20), (5, 54, 26), (6, 58, 32), (16, 53, 42)),
    ((4, 36, 34), (5, 40, 46), (8, 40, 54), (20, 34, 54)),
    ((4, 16, 44), (5, 16, 58), (8, 16, 66), (22, 10, 66)),
    ((4, -6, 40), (5, -14, 56), (6, -20, 72), (20, -22, 74)),
    ((3, -12, 36), (4, -34, 48), (6, -48, 64), (18, -52, 70)),
    ((3, -16, 34), (4, -40, 38), (5, -58, 44), (8, -72, 46)),
)
_POSTERIOR: tuple[tuple[Point, ...], ...] = (
    ((13, -60, 2), (9, -74, 5), (9, -86, 6), (12, -99, 2)),
    ((13, -58, 4), (9, -66, 16), (9, -76, 28), (14, -86, 36)),
    ((20, -32, -12), (30, -44, -16), (38, -60, -18), (46, -74, -14)),
    ((21, -26, -12), (30, -22, -26), (42, -22, -34), (54, -28, -32)),
)
_ARTERIES = {
    "MCA_SUPERIOR": (_SUPERIOR, 1.2),
    "MCA_INFERIOR": (_INFERIOR, 1.2),
    "ACA": (_ANTERIOR, 1.05),
    "PCA": (_POSTERIOR, 1.05),
}
_ARTERIAL_DELAY_S = (0.2, 0.9)

_BRIDGING_Y_MM = (52.0, 38.0, 24.0, 10.0, -6.0, -24.0, -42.0, -60.0, -76.0)
_VENOUS_DELAY_S = (5.2, 0.8)
"""Mean and SD of a cortical vein's delay; the sinus comes last."""

_BENEATH_MM = 2.0
_SETTLING_MM = 1.2
_SETTLING_STEPS = 5
_TWIGS = 4
_FALX_MM = 8.0
"""Nearer to the midline twigs turn away from it."""


def draw_vessels(
    rng: np.random.Generator, template: Template
) -> tuple[list[Vessel], dict[str, str]]:
    """Every vessel of a head, and what is uncommon about its trunks."""
    trunk_rng, branch_rng = rng.spawn(2)
    trunks, variants = draw_trunks(trunk_rng)
    place = [trunk.name for trunk in trunks].index(SAGITTAL_SINUS)
    trunks[place] = sinus = _under_the_skull(trunks[place], template)
    return trunks + _grow(branch_rng, template, np.asarray(sinus.course)), variants


def _under_the_skull(sinus: Vessel, template: Template) -> Vessel:
    points = torch.tensor(sinus.course)
    for _ in range(3):
        depth, out, _ = _surface(template, points)
        points = points - depth[:, None] * _unit(out)
    course = tuple((0.0, float(y), float(z)) for _, y, z in points)
    return replace(sinus, course=course, wander_mm=0.5)


def _grow(rng: np.random.Generator, template: Template, sinus: np.ndarray) -> list[Vessel]:
    """Cortical arteries and veins of both sides; `sinus` (M, 3) is the course of the sagittal."""
    arterial_rng, venous_rng = rng.spawn(2)
    vessels = []
    for side in (-1, 1):
        for name, (guides, radius) in _ARTERIES.items():
            (supply,) = of_side(side, name)
            for guide in guides:
                vessels += _artery(guide, radius, side, supply, arterial_rng)
        vessels += _bridging_veins(side, sinus, venous_rng)
    return _settled(vessels, template)


def _artery(
    guide: tuple[Point, ...],
    radius_mm: float,
    side: int,
    supply: Territory,
    rng: np.random.Generator,
) -> list[Vessel]:
    course = np.asarray(guide, float) * (side, 1, 1)
    course[1:] += (
        rng.normal(0, [2.0, 4.0, 4.0], (len(course) - 1, 3))
        * (np.linspace(0.4, 1.0, len(course) - 1)[:, None])
    )
    radius = radius_mm * float(np.exp(rng.normal(0, 0.15)))
    stem = _vessel("cortical artery", course, (radius, 0.42), _ARTERIAL_DELAY_S, side, supply)
    return [stem, *_twigs(stem, rng)]


def _bridging_veins(side: int, sinus: np.ndarray, rng: np.random.Generator) -> list[Vessel]:
    found = []
    for y in _BRIDGING_Y_MM:
        enters = y + rng.normal(0, 4.0)
        nearest = np.abs(sinus[:-1, 1] - enters).argmin()
        mouth = sinus[nearest] + (side * 1.5, 0, -1.0)
        reach = float(rng.uniform(0.6, 1.0))
        course = np.array(
            [
                (side * 52 * reach, y - 4, max(mouth[2] - 36 * reach, 4)),
                (side * 38 * reach, y - 2, mouth[2] - 16 * reach),
                (side * 18, y, mouth[2] - 4),
                mouth,
            ]
        )
        course[:-1] += rng.normal(0, 3.0, (3, 3))
        widest = float(rng.uniform(0.9, 1.7))
        late = min(float(rng.normal(*_VENOUS_DELAY_S)), SINUS_DELAY_S)
        stem = _vessel("cortical vein", course, (0.5, widest), (late, late), side, Territory.NONE)
        found += [stem, *_twigs(stem, rng)]
    return found


def _vessel(
    name: str,
    course: np.ndarray,
    radius_mm: tuple[float, float],
    delay_s: tuple[float, float],
    side: int,
    supply: Territory,
) -> Vessel:
    points = tuple((float(x), float(y), float(z)) for x, y, z in course)
    venous = name.endswith("vein")
    return Vessel(name, points, radius_mm, delay_s, venous, side, supply, wander_mm=0.0)


def _twigs(stem: Vessel, rng: np.random.Generator) -> list[Vessel]:
    course = np.asarray(stem.course)
    late = stem.delay_s[1] - (0.4 if stem.venous else 0.0)
    thin = (0.5, 0.35) if stem.venous else (0.45, 0.3)
    twigs = []
    for _ in range(_TWIGS):
        at = rng.uniform(0.8, len(course) - 1.2)
        whole = int(at)
        start = course[whole] + (at - whole) * (course[whole + 1] - course[whole])
        along = course[whole + 1] - course[whole]
        along /= np.linalg.norm(along)
        aside = np.cross(along, rng.standard_normal(3))
        ahead = 0.6 * along + aside / max(float(np.linalg.norm(aside)), 1e-6)
        if abs(start[0]) < _FALX_MM:
            ahead[0] = abs(ahead[0]) * stem.side
        steps = np.linspace(0, rng.uniform(14, 30), 4)[:, None]
        points = start + steps * ahead / np.linalg.norm(ahead)
        points[1:] += rng.normal(0, 2.0, (3, 3))
        twigs.append(_vessel(stem.name, points, thin, (late, late + 0.2), stem.side, stem.supply))
    return twigs


def _settled(vessels: list[Vessel], template: Template) -> list[Vessel]:
    """The same, between skull and brain or in the nearest fold; where each leaves its parent stays:
    there it is widest."""
    counts = [len(vessel.course) for vessel in vessels]
    points = torch.tensor([point for vessel in vessels for point in vessel.course])
    before = points.clone()
    for _ in range(_SETTLING_STEPS):
        depth, out, fold = _surface(template, points)
        points = points - (depth + _BENEATH_MM).clamp(min=0)[:, None] * _unit(out)
        points = points + _SETTLING_MM * _unit(fold)
    found = []
    for vessel, old, new in zip(vessels, before.split(counts), points.split(counts), strict=True):
        rooted = -1 if vessel.radius_mm[1] > vessel.radius_mm[0] else 0
        course = new.clone()
        course[rooted] = old[rooted]
        points_of = tuple((float(x), float(y), float(z)) for x, y, z in course)
        found.append(replace(vessel, course=points_of))
    return found


def _surface(
    template: Template, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Distance (N,) from the meninges, and the slopes (N, 3) of that and of the fluid in folds."""
    step = template.step_mm * torch.eye(3)
    around = torch.cat([points[:, None] + step, points[:, None] - step, points[:, None]], 1)
    maps = template.sample(("meninges_mm", "sulcal"), around)
    out, fold = (
        (maps[name][:, :3] - maps[name][:, 3:6]) / (2 * template.step_mm)
        for name in ("meninges_mm", "sulcal")
    )
    return maps["meninges_mm"][:, 6], out, fold


def _unit(arrows: torch.Tensor) -> torch.Tensor:
    return arrows / arrows.norm(dim=-1, keepdim=True).clamp(min=0.02)
