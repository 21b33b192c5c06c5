"""One head on the scanner's grid: the share of each tissue in a voxel, and its place in MNI space.

The template is scaled, turned, shifted and bent a little by seed; the vessels bend with it. Slices
are thick, so tissue shares are averaged through each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.geometry import Geometry
from .fields import SmoothField
from .template import Template, load_template
from .vessels import all_vessels, fill, point_volume_mm3

_SUBSLICE_MM = 2.0
_STACK_CENTRE_MNI_MM = np.array([0.0, -18.0, 14.0])
_HEAD_SCALE = 0.91
"""The template is larger than most heads."""

_MENINGES_MM, _SKULL_MM, _SCALP_MM = 2.0, 6.5, 12.5
"""Outer bounds of the layers, counted from the meninges."""

_BASE_MM = 6.0
"""Soft tissue under the skull base keeps this far from the brain."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Takes positions of the patient (RAS, mm from the centre of the stack) to MNI and back."""

    matrix: np.ndarray
    bend: SmoothField
    bend_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Placement:
        """A head of its own size, tilt, place and shape."""
        scale = _HEAD_SCALE * (1 + rng.normal(0, 0.025, 3))
        angles = np.deg2rad(rng.normal(0, [3.0, 2.5, 3.5]))
        rotation = np.eye(3)
        for axis, angle in enumerate(angles):
            one, two = [other for other in range(3) if other != axis]
            turn = np.eye(3)
            turn[one, one] = turn[two, two] = np.cos(angle)
            turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
            rotation = rotation @ turn
        matrix = np.eye(4)
        matrix[:3, :3] = np.diag(1 / scale) @ rotation.T
        matrix[:3, 3] = _STACK_CENTRE_MNI_MM + rng.normal(0, [1.5, 3.0, 3.0])
        return cls(matrix, SmoothField.draw(rng, length_mm=32.0, components=3), bend_mm=1.8)

    def to_mni(self, points_mm: np.ndarray) -> np.ndarray:
        """MNI positions (..., 3) of patient positions (..., 3)."""
        return (
            points_mm @ self.matrix[:3, :3].T
            + self.matrix[:3, 3]
            + self.bend_mm * self.bend(points_mm)
        )

    def from_mni(self, points_mm: np.ndarray) -> np.ndarray:
        """Patient positions (N, 3) of MNI positions (N, 3), by fixed-point iteration."""
        inverse = np.linalg.inv(self.matrix[:3, :3]).T
        moved = (points_mm - self.matrix[:3, 3]) @ inverse
        guess = moved
        for _ in range(6):
            guess = moved - self.bend_mm * self.bend(guess) @ inverse
        return guess


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Shares of each voxel (K, J, I) float32, adding up to 1 with air.

    grey, white, csf, artery, vein, skull, scalp, base   shares; base is the soft tissue under
                     the skull base.
    artery_delay_s   arrival of the bolus in the arteries of a voxel after the middle cerebral
                     artery; `vein_delay_s` alike.
    occluded         share of the voxel's arteries that hang on the left (0) and right (1) middle
                     cerebral artery: (2, K, J, I).
    mni_mm           (K, J, I, 3) position of the voxel's centre in MNI space.
    brain            (K, J, I) bool, within the meninges.
    t1               (K, J, I) T1-weighted picture.
    """

    geometry: Geometry
    grey: np.ndarray
    white: np.ndarray
    csf: np.ndarray
    artery: np.ndarray
    vein: np.ndarray
    skull: np.ndarray
    scalp: np.ndarray
    base: np.ndarray
    artery_delay_s: np.ndarray
    vein_delay_s: np.ndarray
    occluded: np.ndarray
    mni_mm: np.ndarray
    brain: np.ndarray
    t1: np.ndarray


def make_anatomy(geometry: Geometry, rng: np.random.Generator) -> Anatomy:
    """A head on an axial grid, drawn by `rng`."""
    template = load_template()
    place_rng, vessel_rng = rng.spawn(2)
    placement = Placement.draw(place_rng)
    shares = _tissues(template, placement, geometry)
    vessels = _vessels(placement, geometry, vessel_rng)
    room = 1.0 - vessels["artery"] - vessels["vein"]
    for name in ("grey", "white", "csf", "skull", "scalp", "base"):
        shares[name] *= room
    return Anatomy(geometry=geometry, **shares, **vessels)


def _positions(geometry: Geometry, slice_index: int, offset_mm: float) -> np.ndarray:
    """Patient positions (J, I, 3) in RAS of one sheet within a slice."""
    _, rows, columns = geometry.shape
    di, dj, dk = geometry.spacing
    x = -(geometry.origin[0] + di * np.arange(columns))
    y = -(geometry.origin[1] + dj * np.arange(rows))
    z = geometry.origin[2] + dk * slice_index + offset_mm
    sheet = np.empty((rows, columns, 3))
    sheet[..., 0], sheet[..., 1], sheet[..., 2] = x[None, :], y[:, None], z
    return sheet


def _tissues(template: Template, placement: Placement, geometry: Geometry) -> dict[str, np.ndarray]:
    thickness = geometry.spacing[2]
    sheets = max(1, round(thickness / _SUBSLICE_MM))
    offsets = (np.arange(sheets) + 0.5) / sheets * thickness - thickness / 2
    names = ("grey", "white", "csf", "skull", "scalp", "base", "t1", "brain")
    maps = {name: np.zeros(geometry.shape, np.float32) for name in names}
    mni = np.empty((*geometry.shape, 3), np.float32)
    for k in range(geometry.shape[0]):
        mni[k] = placement.to_mni(_positions(geometry, k, 0.0))
        for offset in offsets:
            sheet = _sheet(template, placement.to_mni(_positions(geometry, k, offset)))
            for name in names:
                maps[name][k] += sheet[name] / sheets
    return {**maps, "brain": maps["brain"] > 0.5, "mni_mm": mni}


def _sheet(template: Template, mni_mm: np.ndarray) -> dict[str, np.ndarray]:
    grey, white, t1, brain_mm, meninges_mm = (
        template.sample(name, mni_mm) for name in ("grey", "white", "t1", "brain_mm", "meninges_mm")
    )
    csf = np.clip(1 - grey - white, 0, 1) * _below(brain_mm, 3.0)
    # Averaging 152 heads has blurred the borders of tissues; one head has sharp ones.
    sharp = [share**1.8 for share in (grey, white, csf)]
    total = np.maximum(sum(sharp), 1e-6)
    inside = _below(meninges_mm, _MENINGES_MM)
    filled = np.clip((grey + white + csf) * 2, 0, 1) * inside
    grey, white, csf = (share / total * filled for share in sharp)
    base = _below(-brain_mm, -_BASE_MM, 4.0) * _below(meninges_mm, -_BASE_MM, 4.0) * (1 - filled)
    skull = np.clip(_below(meninges_mm, _SKULL_MM) - filled - base, 0, 1)
    scalp = _below(meninges_mm, _SCALP_MM) - _below(meninges_mm, _SKULL_MM)
    return {
        "grey": grey,
        "white": white,
        "csf": csf,
        "skull": skull,
        "scalp": scalp,
        "base": base,
        "t1": t1 * inside + 0.12 * csf + 0.85 * scalp + 0.3 * base + 0.03 * skull,
        "brain": filled,
    }


def _below(distance_mm: np.ndarray, bound_mm: float, soft_mm: float = 1.0) -> np.ndarray:
    return np.clip((bound_mm - distance_mm) / soft_mm + 0.5, 0, 1)


def _vessels(
    placement: Placement, geometry: Geometry, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    zeros = {name: np.zeros(geometry.shape, np.float64) for name in ("artery", "vein")}
    delays = {name: np.zeros(geometry.shape, np.float64) for name in ("artery", "vein")}
    occluded = np.zeros((2, *geometry.shape), np.float64)
    share = point_volume_mm3() / float(np.prod(geometry.spacing))
    for vessel in all_vessels():
        points = placement.from_mni(fill(vessel, rng))
        filled = share * _count(points, geometry)
        kind = "vein" if vessel.venous else "artery"
        zeros[kind] += filled
        delays[kind] += filled * vessel.delay_s
        if vessel.supply == "MCA":
            occluded[0 if vessel.side < 0 else 1] += filled
    for kind, total in zeros.items():
        delays[kind] /= np.maximum(total, 1e-9)
    occluded /= np.maximum(zeros["artery"], 1e-9)
    crowded = np.maximum(zeros["artery"] + zeros["vein"], 1.0)
    return {
        "artery": (zeros["artery"] / crowded).astype(np.float32),
        "vein": (zeros["vein"] / crowded).astype(np.float32),
        "artery_delay_s": delays["artery"].astype(np.float32),
        "vein_delay_s": delays["vein"].astype(np.float32),
        "occluded": occluded.astype(np.float32),
    }


def _count(points_ras_mm: np.ndarray, geometry: Geometry) -> np.ndarray:
    lps = points_ras_mm * (-1, -1, 1)
    index = np.rint((lps - geometry.origin) / geometry.spacing).astype(int)
    inside = np.all((index >= 0) & (index < geometry.shape[::-1]), axis=1)
    i, j, k = index[inside].T
    flat = np.ravel_multi_index((k, j, i), geometry.shape)
    return np.bincount(flat, minlength=int(np.prod(geometry.shape))).reshape(geometry.shape)
