"""One head on the scanner's grid: the share of each tissue in a voxel, and its place in MNI space.

The template is scaled, turned, shifted and bent a little by seed; the vessels bend with it. Slices
are thick, so tissue shares are averaged through each of them. Air is left out: whatever is said of
a head is said of the voxels that hold some of it, in one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..series.geometry import Geometry
from .fields import SmoothField
from .mass import Mass
from .template import Template, load_template
from .territories import MCA, Territory, TerritoryBorders, of_side
from .vessels import SAGITTAL_SINUS, all_vessels, fill, point_volume_mm3

_SUBSLICE_MM = 2.0
_STACK_CENTRE_MNI_MM = np.array([0.0, -18.0, 14.0])
_HEAD_SCALE = 0.91
"""The template is larger than most heads."""

_MENINGES_MM, _SKULL_MM, _SCALP_MM = 2.0, 6.5, 12.5
"""Outer bounds of the layers, counted from the meninges."""

_BASE_MM = 6.0
"""Soft tissue under the skull base keeps this far from the brain."""

_LEAST_SHARE = 1e-3
"""A voxel with less of the head in it is air."""


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

    def to_mni(self, points_mm: torch.Tensor) -> torch.Tensor:
        """MNI positions (..., 3) of patient positions (..., 3)."""
        matrix = torch.as_tensor(self.matrix, dtype=torch.float32, device=points_mm.device)
        return points_mm @ matrix[:3, :3].T + matrix[:3, 3] + self.bend_mm * self.bend(points_mm)

    def from_mni(self, points_mm: torch.Tensor) -> torch.Tensor:
        """Patient positions (N, 3) of MNI positions (N, 3), by fixed-point iteration."""
        matrix = torch.as_tensor(self.matrix, dtype=torch.float32, device=points_mm.device)
        inverse = torch.linalg.inv(matrix[:3, :3].double()).float().T
        moved = (points_mm - matrix[:3, 3]) @ inverse
        guess = moved
        for _ in range(6):
            guess = moved - self.bend_mm * self.bend(guess) @ inverse
        return guess


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What is where in a head, voxel by voxel: float32 tensors (V,) on one device.

    voxels           (V,) int64, place of each voxel in the flattened grid (K, J, I).
    grey, white, csf, artery, vein, skull, scalp, base, eye   shares of a voxel, adding up to 1
                     with air; base is the soft tissue under the skull base.
    dephasing_per_s  R2* that the field around air-filled spaces adds.
    artery_delay_s   arrival of the bolus in the arteries of a voxel after the middle cerebral
                     artery; `vein_delay_s` alike.
    arterial_supply  (12, V) by Territory, share of the blood in the voxel's arteries that an
                     occlusion of that territory's artery cuts off; what lies upstream counts as
                     NONE. 0 throughout where the voxel has no artery.
    mca              (2, V) share of the voxel that is the left (0) and right (1) middle cerebral
                     artery, M1 and M2; `sss` (V,) the superior sagittal sinus.
    territories      (12, V) by Territory, whose artery feeds the tissue; adds up to 1.
    territory_labels (V,) uint8 of Territory, the largest of them.
    border_zone      (V,) 0 to 1, near to where two major territories meet.
    mni_mm           (V, 3) position of the voxel's centre in MNI space; `patient_mm` in the
                     patient's own, RAS from the centre of the head. `place_mm` is MNI space before
                     a mass pushed the tissue away: there the mass is round.
    brain            (V,) bool, within the meninges.
    t1               T1-weighted picture.
    settings         what was drawn, in plain JSON values.
    """

    geometry: Geometry
    voxels: torch.Tensor
    grey: torch.Tensor
    white: torch.Tensor
    csf: torch.Tensor
    artery: torch.Tensor
    vein: torch.Tensor
    skull: torch.Tensor
    scalp: torch.Tensor
    base: torch.Tensor
    eye: torch.Tensor
    dephasing_per_s: torch.Tensor
    artery_delay_s: torch.Tensor
    vein_delay_s: torch.Tensor
    arterial_supply: torch.Tensor
    mca: torch.Tensor
    sss: torch.Tensor
    territories: torch.Tensor
    territory_labels: torch.Tensor
    border_zone: torch.Tensor
    mni_mm: torch.Tensor
    patient_mm: torch.Tensor
    place_mm: torch.Tensor
    brain: torch.Tensor
    t1: torch.Tensor
    settings: Mapping[str, Any]

    @property
    def occluded(self) -> torch.Tensor:
        """(2, V) share of the arteries that hang on the left and right middle cerebral artery."""
        return torch.stack([self.arterial_supply[list(of_side(s, *MCA))].sum(0) for s in (-1, 1)])

    def volume(self, values: torch.Tensor) -> torch.Tensor:
        """Values (..., V) as volumes (..., K, J, I), 0 in air."""
        full = values.new_zeros((*values.shape[:-1], int(np.prod(self.geometry.shape))))
        full[..., self.voxels] = values
        return full.reshape(*values.shape[:-1], *self.geometry.shape)


def make_anatomy(
    geometry: Geometry,
    rng: np.random.Generator,
    device: str = "cpu",
    mass: Mass | None = None,
) -> Anatomy:
    """A head on an axial grid, drawn by `rng`; a mass pushes its tissue away."""
    place_rng, vessel_rng, border_rng = rng.spawn(3)
    placement = Placement.draw(place_rng)
    shares = _tissues(load_template(), placement, geometry, device)
    vessels = _vessels(placement, geometry, vessel_rng, device)
    room = 1.0 - vessels["artery"] - vessels["vein"]
    filled = vessels["artery"] + vessels["vein"]
    for name in ("grey", "white", "csf", "skull", "scalp", "base", "eye"):
        shares[name] = shares[name] * room
        filled = filled + shares[name]
    voxels = torch.nonzero(filled > _LEAST_SHARE)[:, 0]
    inside = {name: values[..., voxels] for name, values in vessels.items()}
    for name, values in shares.items():
        inside[name] = values[voxels]
    supply = TerritoryBorders.draw(border_rng).at(inside["mni_mm"], inside["brain"])
    return Anatomy(
        geometry=geometry,
        voxels=voxels,
        territories=supply.shares,
        territory_labels=supply.labels,
        border_zone=supply.border_zone,
        place_mm=inside["mni_mm"],
        settings={},
        **inside,
    )


def _positions(geometry: Geometry, slice_index: int, offset_mm: float, device: str) -> torch.Tensor:
    """Patient positions (J * I, 3) in RAS of one sheet within a slice."""
    _, rows, columns = geometry.shape
    di, dj, dk = geometry.spacing
    x = -(geometry.origin[0] + di * torch.arange(columns, device=device))
    y = -(geometry.origin[1] + dj * torch.arange(rows, device=device))
    z = geometry.origin[2] + dk * slice_index + offset_mm
    sheet = torch.empty((rows, columns, 3), device=device)
    sheet[..., 0], sheet[..., 1], sheet[..., 2] = x[None, :], y[:, None], z
    return sheet.reshape(-1, 3)


def _tissues(
    template: Template, placement: Placement, geometry: Geometry, device: str
) -> dict[str, torch.Tensor]:
    """Shares of every voxel of the grid, flattened, with its MNI position."""
    thickness = geometry.spacing[2]
    sheets = max(1, round(thickness / _SUBSLICE_MM))
    offsets = (np.arange(sheets) + 0.5) / sheets * thickness - thickness / 2
    slices, centres = [], []
    for k in range(geometry.shape[0]):
        centres.append(_positions(geometry, k, 0.0, device))
        found = [
            _sheet(template, placement.to_mni(_positions(geometry, k, float(offset), device)))
            for offset in offsets
        ]
        slices.append(
            {name: torch.stack([one[name] for one in found]).mean(0) for name in found[0]}
        )
    maps = {name: torch.cat([one[name] for one in slices]) for name in slices[0]}
    patient_mm = torch.cat(centres)
    return {
        **maps,
        "brain": maps["brain"] > 0.5,
        "mni_mm": placement.to_mni(patient_mm),
        "patient_mm": patient_mm,
    }


def _sheet(template: Template, mni_mm: torch.Tensor) -> dict[str, torch.Tensor]:
    maps = template.sample(("grey", "white", "t1", "brain_mm", "meninges_mm"), mni_mm)
    grey, white, meninges_mm = maps["grey"], maps["white"], maps["meninges_mm"]
    csf = (1 - grey - white).clamp(0, 1) * _below(maps["brain_mm"], 3.0)
    # Averaging 152 heads has blurred the borders of tissues; one head has sharp ones.
    sharp = [share**1.8 for share in (grey, white, csf)]
    total = (sharp[0] + sharp[1] + sharp[2]).clamp(min=1e-6)
    inside = _below(meninges_mm, _MENINGES_MM)
    filled = ((grey + white + csf) * 2).clamp(0, 1) * inside
    grey, white, csf = (share / total * filled for share in sharp)
    base = (
        _below(-maps["brain_mm"], -_BASE_MM, 4.0)
        * _below(meninges_mm, -_BASE_MM, 4.0)
        * (1 - filled)
    )
    skull = (_below(meninges_mm, _SKULL_MM) - filled - base).clamp(0, 1)
    scalp = _below(meninges_mm, _SCALP_MM) - _below(meninges_mm, _SKULL_MM)
    return {
        "grey": grey,
        "white": white,
        "csf": csf,
        "skull": skull,
        "scalp": scalp,
        "base": base,
        "eye": torch.zeros_like(base),
        "dephasing_per_s": torch.zeros_like(base),
        "t1": maps["t1"] * inside + 0.12 * csf + 0.85 * scalp + 0.3 * base + 0.03 * skull,
        "brain": filled,
    }


def _below(distance_mm: torch.Tensor, bound_mm: float, soft_mm: float = 1.0) -> torch.Tensor:
    return ((bound_mm - distance_mm) / soft_mm + 0.5).clamp(0, 1)


def _vessels(
    placement: Placement, geometry: Geometry, rng: np.random.Generator, device: str
) -> dict[str, torch.Tensor]:
    """Shares of every voxel of the grid, flattened."""
    size = int(np.prod(geometry.shape))
    filled = {name: torch.zeros(size, device=device) for name in ("artery", "vein")}
    delays = {name: torch.zeros(size, device=device) for name in ("artery", "vein")}
    hanging = torch.zeros((len(Territory), size), device=device)
    mca = torch.zeros((2, size), device=device)
    sss = torch.zeros(size, device=device)
    share = point_volume_mm3() / float(np.prod(geometry.spacing))
    for vessel in all_vessels():
        points = torch.from_numpy(fill(vessel, rng)).float().to(device)
        own = share * _count(placement.from_mni(points), geometry)
        kind = "vein" if vessel.venous else "artery"
        filled[kind] += own
        delays[kind] += own * vessel.delay_s
        if not vessel.venous:
            hanging[vessel.supply] += own
        if vessel.name.split()[-1] in ("M1", "superior", "inferior"):
            mca[0 if vessel.side < 0 else 1] += own
        if vessel.name == SAGITTAL_SINUS:
            sss += own
    for kind, total in filled.items():
        delays[kind] /= total.clamp(min=1e-9)
    hanging /= filled["artery"].clamp(min=1e-9)
    crowded = (filled["artery"] + filled["vein"]).clamp(min=1.0)
    return {
        "artery": filled["artery"] / crowded,
        "vein": filled["vein"] / crowded,
        "artery_delay_s": delays["artery"],
        "vein_delay_s": delays["vein"],
        "arterial_supply": hanging,
        "mca": mca / crowded,
        "sss": sss / crowded,
    }


def _count(points_ras_mm: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    """Points (N, 3) in each voxel of the flattened grid."""

    def row(values: tuple[float, ...]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=points_ras_mm.device)

    lps = points_ras_mm * row((-1.0, -1.0, 1.0))
    index = torch.round((lps - row(geometry.origin)) / row(geometry.spacing)).long()
    slices, rows, columns = geometry.shape
    within = ((index >= 0) & (index < row((columns, rows, slices)))).all(1)
    i, j, k = index[within].T
    return torch.bincount((k * rows + j) * columns + i, minlength=slices * rows * columns).float()
