"""Which artery feeds which part of the brain, with borders that differ from head to head.

Territories follow the maps of Tatu et al. (Neurology 50:1699, 1998; Front Neurol Neurosci 30:99,
2012); their share of the cerebrum follows the infarcts mapped by Kim et al. (JAMA Neurol 76:72,
2019): middle 54 %, anterior and posterior 13 % each where nine in ten agree, and the rest border.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import grid_sample

from .fields import SmoothField


class Territory(IntEnum):
    """Territories by artery and side of the patient; the first row and label is no territory."""

    NONE = 0
    LEFT_ACA = 1
    LEFT_MCA_DEEP = 2
    LEFT_MCA_SUPERIOR = 3
    LEFT_MCA_INFERIOR = 4
    LEFT_PCA = 5
    RIGHT_ACA = 6
    RIGHT_MCA_DEEP = 7
    RIGHT_MCA_SUPERIOR = 8
    RIGHT_MCA_INFERIOR = 9
    RIGHT_PCA = 10
    VERTEBROBASILAR = 11


ONE_SIDE = ("ACA", "MCA_DEEP", "MCA_SUPERIOR", "MCA_INFERIOR", "PCA")
"""What each side has one of."""

MCA = ("MCA_DEEP", "MCA_SUPERIOR", "MCA_INFERIOR")


def of_side(side: int, *names: str) -> tuple[Territory, ...]:
    """Territories of ONE_SIDE on the left (side < 0) or right (side > 0) of the patient."""
    return tuple(Territory[f"{'LEFT' if side < 0 else 'RIGHT'}_{name}"] for name in names)


_TRUNKS_MM: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "ACA": (
        ((4, 22, -18), (4, 45, -14), (5, 62, 0), (6, 62, 22), (7, 48, 42), (9, 28, 56)),
        ((9, 28, 56), (9, 5, 64), (9, -18, 66), (8, -36, 66), (7, -50, 58), (6, -58, 46)),
        ((4, 34, 4), (4, 26, 20), (4, 4, 28), (4, -16, 30), (4, -34, 28), (5, -48, 40)),
        ((9, 14, -2), (10, 18, 4)),
    ),
    "MCA_DEEP": (
        ((22, 10, 0), (25, 2, 2), (27, -8, 3), (24, -14, 8)),
        ((17, 8, 12), (19, -2, 18), (21, -14, 20)),
        ((20, 4, -8), (25, -6, -4)),
    ),
    "MCA_SUPERIOR": (
        ((38, 10, -4), (42, 24, -8), (40, 42, -4), (36, 48, 12), (40, 36, 26)),
        ((40, 4, 6), (48, 14, 16), (46, 20, 34), (38, 24, 46)),
        ((46, -4, 16), (52, -2, 32), (44, -4, 50), (36, -8, 56)),
        ((48, -12, 20), (54, -18, 36), (46, -22, 54), (36, -30, 60)),
        ((50, -26, 28), (50, -38, 44), (40, -48, 52)),
        ((34, 14, 22), (32, -8, 32), (32, -26, 34)),
    ),
    "MCA_INFERIOR": (
        ((38, -8, -8), (46, 4, -24), (42, 12, -34)),
        ((42, -16, -4), (56, -12, -18), (56, -26, -18)),
        ((44, -24, 6), (58, -32, 4), (58, -46, 4), (50, -64, 4)),
        ((46, -34, 18), (52, -48, 24), (46, -64, 26), (38, -74, 26)),
        ((36, -40, 8), (36, -54, 16)),
    ),
    "PCA": (
        ((8, -28, -8), (22, -22, -18), (28, -8, -30)),
        ((28, -34, -18), (36, -42, -22), (38, -24, -30)),
        ((20, -44, -6), (26, -60, -12), (30, -76, -12), (22, -92, -6)),
        ((12, -62, 4), (10, -78, 6), (14, -96, 4), (22, -96, 12)),
        ((10, -62, 16), (12, -76, 26), (20, -86, 26)),
        ((6, -8, 4), (10, -18, 8), (14, -26, 8)),
        ((4, -38, 12), (8, -44, 10)),
    ),
}
"""Middles of each territory as lines along its arteries, right side, MNI mm."""

_REACH_MM = {
    "ACA": -3.0,
    "MCA_DEEP": 1.0,
    "MCA_SUPERIOR": 0.0,
    "MCA_INFERIOR": 0.5,
    "PCA": -1.0,
}
"""How much farther than its neighbours a territory reaches from those lines."""

_LATTICE_FIRST_MM = np.array([0.0, -124.0, -88.0])
_LATTICE_STEP_MM = 4.0
_LATTICE_SIZE = (46, 56, 26)

_SOFT_MM = 1.5
_BORDER_ZONE_MM = 7.0
_SIDES_SOFT_MM = 1.0
_REACH_SD_MM = np.array([2.0, 1.0, 2.0, 2.0, 2.0])
_WAVY_MM, _WAVE_LENGTH_MM = 2.5, 22.0


@dataclass(frozen=True, eq=False)
class Supply:
    """Who feeds V places of a brain.

    shares       (12, V) by Territory, adding up to 1.
    border_zone  (V,) 0 to 1: how near the place is to where two major arteries meet.
    """

    shares: torch.Tensor
    border_zone: torch.Tensor

    @property
    def labels(self) -> torch.Tensor:
        """(V,) uint8 of Territory, the one with the largest share."""
        return self.shares.argmax(0).to(torch.uint8)


@dataclass(frozen=True, eq=False)
class TerritoryBorders:
    """Where the borders of one head run: `reach_mm` (2, 5) by side and ONE_SIDE, and waves."""

    reach_mm: np.ndarray
    waves: SmoothField

    @classmethod
    def draw(cls, rng: np.random.Generator) -> TerritoryBorders:
        """Borders of a head; each artery may feed more or less than its neighbours (van der Zwan
        et al., J Neurosurg 77:927, 1992)."""
        usual = np.array([_REACH_MM[name] for name in ONE_SIDE])
        reach = usual + rng.normal(0, _REACH_SD_MM, (2, len(ONE_SIDE)))
        waves = SmoothField.draw(rng, _WAVE_LENGTH_MM, components=len(ONE_SIDE) + 1)
        return cls(reach, waves)

    def at(self, mni_mm: torch.Tensor, brain: torch.Tensor) -> Supply:
        """Supply of places (V, 3) in MNI mm, of which `brain` (V,) bool lie in the brain."""
        inside = mni_mm[brain]
        right = inside[:, 0] > 0
        folded = torch.cat([inside[:, :1].abs(), inside[:, 1:]], 1)
        away = _distances(folded)
        reach = torch.as_tensor(self.reach_mm, dtype=torch.float32, device=inside.device)
        waves = _WAVY_MM * self.waves(inside).T
        away = away - torch.where(right, reach[1][:, None], reach[0][:, None]) + waves[:-1]
        cerebrum = torch.softmax(-away / _SOFT_MM, 0)
        below = torch.sigmoid(-(_above_tentorium_mm(inside) + 0.3 * waves[-1]) / _SOFT_MM)
        rightness = torch.sigmoid(inside[:, 0] / _SIDES_SOFT_MM)
        shares = mni_mm.new_zeros((len(Territory), mni_mm.shape[0]))
        shares[Territory.NONE] = (~brain).float()
        row = torch.nonzero(brain)[:, 0]
        for side, weight in ((-1, 1 - rightness), (1, rightness)):
            for share, territory in zip(cerebrum, of_side(side, *ONE_SIDE), strict=True):
                shares[territory, row] = share * weight * (1 - below)
        shares[Territory.VERTEBROBASILAR, row] = below
        border = mni_mm.new_zeros(mni_mm.shape[0])
        border[row] = _nearness_to_border(away) * (1 - below)
        return Supply(shares, border)


def _nearness_to_border(away: torch.Tensor) -> torch.Tensor:
    """(V,) from distances (5, V): the two divisions of the middle artery count as one."""
    cortical = torch.minimum(away[2], away[3])
    nearest = torch.stack([away[0], away[1], cortical, away[4]]).topk(2, 0, largest=False).values
    return torch.exp(-(((nearest[1] - nearest[0]) / _BORDER_ZONE_MM) ** 2))


def _above_tentorium_mm(mni_mm: torch.Tensor) -> torch.Tensor:
    """Height over the tentorium, and over the pons in front of it."""
    x, y, z = mni_mm[:, 0].abs(), mni_mm[:, 1], mni_mm[:, 2]
    roof = (
        3.0 - 0.62 * x.clamp(max=46) - 0.25 * (-y - 55).clamp(min=0) - 0.7 * (y + 48).clamp(min=0)
    )
    front = torch.maximum((y + 32) * 1.5, x - 60)
    cerebellum = torch.maximum(z - roof, front)
    stem = torch.maximum(torch.hypot(x / 17, (y + 28) / 20) * 17 - 17, z + 13)
    return torch.minimum(cerebellum, stem)


def _distances(points_mm: torch.Tensor) -> torch.Tensor:
    """(5, V) mm from the middle of each territory of ONE_SIDE; points (V, 3) with x > 0."""
    first = points_mm.new_tensor(_LATTICE_FIRST_MM.tolist())
    last = points_mm.new_tensor([float(n - 1) for n in _LATTICE_SIZE[::-1]])
    place = 2 * (points_mm - first) / _LATTICE_STEP_MM / last - 1
    lattice = _distance_lattice(str(points_mm.device))
    found = grid_sample(
        lattice, place.reshape(1, 1, 1, -1, 3), padding_mode="border", align_corners=True
    )
    return found.reshape(len(ONE_SIDE), -1)


@lru_cache(maxsize=4)
def _distance_lattice(device: str) -> torch.Tensor:
    """(1, 5, K, J, I) distances on a lattice of the right side, kept for the next patient."""
    slices, rows, columns = _LATTICE_SIZE
    k, j, i = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    points = _LATTICE_FIRST_MM + _LATTICE_STEP_MM * np.stack([i, j, k], -1).reshape(-1, 3)
    maps = [
        np.min([_to_line(points, np.asarray(line, float)) for line in _TRUNKS_MM[name]], axis=0)
        for name in ONE_SIDE
    ]
    stack = np.stack(maps).reshape(1, len(ONE_SIDE), *_LATTICE_SIZE)
    return torch.from_numpy(stack.astype(np.float32)).to(device)


def _to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(N,) distance of points (N, 3) from the nearest stretch of a line (M, 3)."""
    nearest = np.full(len(points), np.inf)
    for start, stop in pairwise(line):
        along = stop - start
        share = np.clip((points - start) @ along / (along @ along), 0, 1)
        nearest = np.minimum(
            nearest, np.linalg.norm(points - start - share[:, None] * along, axis=1)
        )
    return nearest
