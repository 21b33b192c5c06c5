"""One head on the scanner's grid: the share of each tissue in a voxel, and its place in MNI space.

The template is bent into the shape of one head (head_shape.py); vessels, eyes and air-filled spaces
are put into it. Voxels are large, so tissue shares are averaged through each of them. Air is left
out: whatever is said of a head is said of the voxels that hold some of it, in one row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch

from ..series.geometry import Geometry
from .cortical_vessels import draw_vessels
from .fields import SmoothField
from .head_shape import HeadShape, Placement
from .mass import Mass
from .skull_base import SkullBase
from .template import Template, load_template
from .territories import TerritoryBorders
from .vessel_filling import cut, shares_of

_SUBVOXEL_MM = 2.5
"""Voxels longer than this are averaged over places within them."""

_MENINGES_MM, _SKULL_MM, _SCALP_MM = 2.0, 6.5, 10.5
"""Outer bounds of the layers, counted from the meninges."""

_BASE_MM = 6.0
"""Soft tissue under the skull base keeps this far from the brain."""

_OUTSIDE_MM = 13.0
"""Farther from the meninges than this there is air."""

_SKULL_BASE_Z_MM = 8.0
"""Everything that skull_base.py puts into a head lies below."""

_LEAST_SHARE = 1e-3
"""A voxel with less of the head in it is air."""

_CHUNK = 32768

_PIAL_ML_100ML = 21.0
"""Blood of the vessels of the surface, per 100 ml of tissue and fluid, at density 1 of _pial: a
cortex that shows them as real series do needs about 10 in its folds and 3 to 4 beside them."""
_PIAL_PATCH_MM, _PIAL_PATCHY = 7.0, 0.3
_STRAND_MM, _STRAND_WIDTH, _STRANDED = 3.0, 0.5, 0.5
"""Surface vessels run in strands, where a field of this correlation length crosses zero."""

_TISSUES = ("grey", "white", "csf", "skull", "scalp", "base", "eye")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What is where in a head, voxel by voxel: float32 tensors (V,) on one device.

    voxels           (V,) int64, place of each voxel in the flattened grid (K, J, I).
    grey, white, csf, artery, vein, skull, scalp, base, eye   shares of a voxel, adding up to 1
                     with air; scalp is skin and fat, that of the orbits too, base the soft tissue
                     under the skull base and the muscles of the eyes.
    pial_ml_100ml    blood of the small vessels on the brain's surface, per 100 ml of the fluid and
                     the cortex in the voxel; none in the ventricles and in the depth.
                     `pial_delay_s` is short where most of them are arteries, long where veins are.
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
    pial_ml_100ml: torch.Tensor
    pial_delay_s: torch.Tensor
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
    shape_rng, vessel_rng, border_rng, base_rng, pial_rng = rng.spawn(5)
    shape = HeadShape.draw(shape_rng)
    template = load_template()
    near = Placement(shape, template, mass)
    placement = near.to(device)
    skull_base = SkullBase.draw(base_rng)
    voxels = _around_the_head(template, placement, geometry, device)
    parts = _tissues(_Head(template, placement, skull_base, shape), geometry, voxels)
    filled = torch.stack([parts[name] for name in _TISSUES]).sum(0)
    kept = torch.nonzero(filled > _LEAST_SHARE)[:, 0]
    parts = {name: values[kept] for name, values in parts.items()}
    voxels = voxels[kept]

    vessels, variants = draw_vessels(vessel_rng, template)
    rows = np.full(int(np.prod(geometry.shape)), -1)
    rows[voxels.cpu().numpy()] = np.arange(voxels.numel())
    pieces = cut(vessels, near, vessel_rng)
    for name, values in shares_of(pieces, vessels, geometry, rows, voxels.numel()).items():
        parts[name] = values.to(device)
    vessel_share = parts["artery"] + parts["vein"]
    for name in _TISSUES:
        parts[name] = parts[name] * (1 - vessel_share)

    patient_mm = _positions(geometry, voxels)
    mni_mm = placement.to_mni(patient_mm)
    supply = TerritoryBorders.draw(border_rng).at(mni_mm, parts["brain"])
    patches = SmoothField.draw(pial_rng, _PIAL_PATCH_MM, components=2)(mni_mm)
    return Anatomy(
        geometry=geometry,
        voxels=voxels,
        patient_mm=patient_mm,
        mni_mm=mni_mm,
        place_mm=placement.to_place(patient_mm),
        territories=supply.shares,
        territory_labels=supply.labels,
        border_zone=supply.border_zone,
        dephasing_per_s=skull_base.dephasing_per_s(mni_mm),
        pial_ml_100ml=_PIAL_ML_100ML
        * parts.pop("pial")
        * torch.exp(_PIAL_PATCHY * patches[:, 0] - _PIAL_PATCHY**2 / 2)
        * _strands(SmoothField.draw(pial_rng, _STRAND_MM)(mni_mm)),
        pial_delay_s=(0.8 + 0.8 * patches[:, 1]).clamp(0.1, 3.5),
        settings={**shape.settings, "variants": variants},
        **parts,
    )


def _positions(geometry: Geometry, voxels: torch.Tensor) -> torch.Tensor:
    """Patient positions (V, 3) in RAS of the centres of voxels."""
    _, rows, columns = geometry.shape
    index = torch.stack([voxels % columns, voxels // columns % rows, voxels // (columns * rows)], 1)
    lps = index * index.new_tensor(geometry.spacing, dtype=torch.float32) + index.new_tensor(
        geometry.origin, dtype=torch.float32
    )
    return lps * lps.new_tensor([-1.0, -1.0, 1.0])


def _around_the_head(
    template: Template, placement: Placement, geometry: Geometry, device: str
) -> torch.Tensor:
    """Voxels (V,) near enough to the head to hold some of it."""
    margin = _OUTSIDE_MM + max(geometry.spacing) / 2
    depth = placement.nearly(template, "meninges_mm")
    chunks = torch.arange(int(np.prod(geometry.shape)), device=device).split(_CHUNK)
    return torch.cat([chunk[depth(_positions(geometry, chunk)) < margin] for chunk in chunks])


@dataclass(frozen=True, eq=False)
class _Head:
    template: Template
    placement: Placement
    skull_base: SkullBase
    shape: HeadShape


def _tissues(head: _Head, geometry: Geometry, voxels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Shares (V,) of voxels, averaged through them, before there are vessels."""
    counts = [max(1, math.ceil(size / _SUBVOXEL_MM)) for size in geometry.spacing]
    offsets = [
        ((np.arange(count) + 0.5) / count - 0.5) * size
        for count, size in zip(counts, geometry.spacing, strict=True)
    ]
    places = torch.tensor(list(product(*offsets)), dtype=torch.float32, device=voxels.device)
    found = []
    for chunk in voxels.split(_CHUNK):
        centres = _positions(geometry, chunk)
        parts = [_at(head, head.placement.to_mni(centres + place)) for place in places]
        found.append({name: torch.stack([one[name] for one in parts]).mean(0) for name in parts[0]})
    maps = {name: torch.cat([one[name] for one in found]) for name in found[0]}
    return {**maps, "brain": maps["brain"] > 0.5}


def _at(head: _Head, mni_mm: torch.Tensor) -> dict[str, torch.Tensor]:
    """Tissues at places (N, 3) in MNI space."""
    names = ("grey", "white", "t1", "brain_mm", "meninges_mm", "ventricle", "sulcal")
    maps = head.template.sample(names, mni_mm)
    grey, white, meninges_mm = maps["grey"], maps["white"], maps["meninges_mm"]
    csf = (1 - grey - white).clamp(0, 1) * _below(maps["brain_mm"], 3.0)
    widening = head.shape.widening + (1 - head.shape.widening) * maps["ventricle"]
    # Averaging 152 heads has blurred the borders of tissues; one head has sharp ones.
    sharp = [share**1.8 for share in (grey, white, csf * widening)]
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
    outside = {"base": base, "skull": skull, "scalp": scalp, "eye": torch.zeros_like(base)}
    below = torch.nonzero((mni_mm[:, 2] < _SKULL_BASE_Z_MM) & (filled < 0.98))[:, 0]
    _put_skull_base(outside, head.skull_base.parts(mni_mm[below]), below, 1 - filled)
    return {
        "grey": grey,
        "white": white,
        "csf": csf,
        **outside,
        "t1": _t1(maps["t1"], grey, white, csf, outside),
        "brain": filled,
        "pial": _pial(maps["sulcal"], csf) * filled,
    }


def _below(distance_mm: torch.Tensor, bound_mm: float, soft_mm: float = 1.0) -> torch.Tensor:
    return ((bound_mm - distance_mm) / soft_mm + 0.5).clamp(0, 1)


def _pial(sulcal: torch.Tensor, csf: torch.Tensor) -> torch.Tensor:
    """How dense the vessels of the surface lie, by the share of fluid between folds around and at
    the place itself: they line narrow folds, and are few in wide cisterns and in the cortex."""
    return sulcal / (sulcal + 0.2) * (1 - 0.7 * sulcal**2) * (0.15 + 0.85 * csf)


def _strands(field: torch.Tensor) -> torch.Tensor:
    """A factor of mean 1 that is large where a field of unit variance is near zero."""
    width = _STRAND_WIDTH
    usual = width / math.sqrt(1 + width**2)
    return 1 - _STRANDED + _STRANDED / usual * torch.exp(-((field / width) ** 2) / 2)


def _put_skull_base(
    outside: dict[str, torch.Tensor],
    parts: dict[str, torch.Tensor],
    below: torch.Tensor,
    room: torch.Tensor,
) -> None:
    """Eyes, fat, muscle, bone and air in the place of what was there, outside the brain."""
    room = room[below]
    rest = 1 - torch.stack(list(parts.values())).sum(0).clamp(0, 1)
    into = {"eye": "eye", "fat": "scalp", "muscle": "base", "bone": "skull"}
    for share in outside.values():
        share[below] *= rest
    for part, tissue in into.items():
        outside[tissue][below] += parts[part] * room


def _t1(
    template_t1: torch.Tensor,
    grey: torch.Tensor,
    white: torch.Tensor,
    csf: torch.Tensor,
    outside: dict[str, torch.Tensor],
) -> torch.Tensor:
    """A T1-weighted picture: fat is bright, fluid and the eyes are dark, bone and air black."""
    brain = grey + white + csf
    looks = 0.62 * grey + 0.84 * white + 0.16 * csf
    of_template = torch.minimum(template_t1, brain)
    return (
        0.5 * looks
        + 0.5 * of_template * (looks / (0.2 + 0.64 * brain).clamp(min=0.2)).clamp(0, 1)
        + 0.85 * outside["scalp"]
        + 0.32 * outside["base"]
        + 0.03 * outside["skull"]
        + 0.14 * outside["eye"]
    )
