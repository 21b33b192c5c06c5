"""The shape of one head: how large, how tilted, how old, and how it differs from the template.

Everything drawn is in HeadShape, in numbers; Placement puts them together into one map from the
patient to MNI space, known on a lattice, that folds nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import grid_sample

from .fields import SmoothField
from .mass import Mass
from .template import Template

_STACK_CENTRE_MNI_MM = np.array([0.0, -18.0, 14.0])
_HEAD_SCALE = 0.91
"""The template is larger than most heads."""

_AGES = (20.0, 90.0)
_BENDS_MM = ((45.0, 3.0), (20.0, 1.0), (12.0, 0.5))
"""Correlation length and amplitude of the bends, from the lobes down to the folds."""

_LATTICE_STEP_MM = 6.0
_LATTICE_REACH_MM = (96.0, 120.0, 108.0)
_LEAST_JACOBIAN = 0.15
_INVERSION_STEPS = 14


@dataclass(frozen=True, eq=False)
class HeadShape:
    """What makes a head this one.

    age             years.
    matrix          (4, 4) patient (RAS, mm from the centre of the stack) to MNI, before bending.
    bends           smooth fields of displacement and their amplitude in mm.
    ventricles_mm   how far the walls of the ventricles have moved out from the template's.
    widening        of sulci, as the factor of fluid between the folds.
    petalia_mm      how far the right hemisphere reaches forward of the left at the frontal pole;
                    how far the left occipital pole reaches over the midline.
    """

    age: float
    matrix: np.ndarray
    bends: tuple[tuple[SmoothField, float], ...]
    ventricles_mm: float
    widening: float
    petalia_mm: tuple[float, float]

    @property
    def settings(self) -> dict[str, Any]:
        """What was drawn, in plain JSON values."""
        return {
            "age": round(self.age, 1),
            "ventricles_mm": self.ventricles_mm,
            "sulcal_widening": self.widening,
        }

    @classmethod
    def draw(cls, rng: np.random.Generator, age: float | None = None) -> HeadShape:
        """A head of an age, 20 to 90 years where none is given.

        Ventricles widen from about 55 on, sulci throughout (Scahill et al., Arch Neurol 60:989,
        2003; Resnick et al., J Neurosci 23:3295, 2003), each head at its own pace. The petalia are
        those of most right-handed people (LeMay, Ann N Y Acad Sci 280:349, 1976).
        """
        size_rng, bend_rng, age_rng = rng.spawn(3)
        drawn = float(age_rng.uniform(*_AGES))
        age = drawn if age is None else age
        own_wear, own_ventricles = age_rng.normal(0, [0.15, 0.9])
        worn = float(np.clip((age - 20) / 70, 0, 1))
        return cls(
            age=age,
            matrix=_affine(size_rng),
            bends=tuple(
                (SmoothField.draw(bend_rng, length, components=3), amplitude)
                for length, amplitude in _BENDS_MM
            ),
            ventricles_mm=float(np.clip(-0.8 + 5.2 * worn**1.8 + own_ventricles, -1.6, 6.0)),
            widening=float(np.clip(np.exp(0.75 * worn - 0.3 + own_wear), 0.6, 2.0)),
            petalia_mm=(float(age_rng.normal(1.5, 1.2)), float(age_rng.normal(1.5, 1.5))),
        )


def _affine(rng: np.random.Generator) -> np.ndarray:
    scale = _HEAD_SCALE * (1 + rng.normal(0, 0.025) + rng.normal(0, 0.025, 3))
    rotation = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(rng.normal(0, [4.0, 2.5, 3.5]))):
        one, two = [other for other in range(3) if other != axis]
        turn = np.eye(3)
        turn[one, one] = turn[two, two] = np.cos(angle)
        turn[one, two], turn[two, one] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ turn
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(1 / scale) @ rotation.T
    matrix[:3, 3] = _STACK_CENTRE_MNI_MM + rng.normal(0, [1.5, 3.0, 3.0])
    return matrix


class Placement:
    """Takes positions of the patient (RAS, mm from the centre of the stack) to MNI and back.

    The affine part is exact; the rest is a displacement known every 6 mm and interpolated, so that
    the head is the same on every grid.
    """

    def __init__(self, shape: HeadShape, template: Template, mass: Mass | None = None) -> None:
        self._matrix = torch.as_tensor(shape.matrix, dtype=torch.float32)
        self._inverse = torch.linalg.inv(self._matrix[:3, :3].double()).float()
        nodes = _lattice()
        straight = self._straight(nodes)
        bent = straight + _displacement(shape, nodes, straight)
        place = bent + shape.ventricles_mm * torch.stack(
            list(template.sample(("inward_x", "inward_y", "inward_z"), bent).values()), -1
        )
        self._place = (place - straight) * self._without_folds(place - straight)
        self._mni = self._place
        if mass is not None:
            place = straight + self._place
            depth = template.sample(("meninges_mm",), place)["meninges_mm"]
            pushed = mass.origin_of(place, depth) - place
            self._mni = self._place + pushed * self._without_folds(pushed, self._place)

    def to(self, device: str) -> Placement:
        """The same on a device, to the bit."""
        moved = copy(self)
        moved._matrix, moved._inverse = self._matrix.to(device), self._inverse.to(device)
        moved._place, moved._mni = self._place.to(device), self._mni.to(device)
        return moved

    def to_mni(self, points_mm: torch.Tensor) -> torch.Tensor:
        """MNI positions (..., 3) of the tissue at patient positions (..., 3)."""
        return self._straight(points_mm) + _interpolated(self._mni, points_mm)

    def to_place(self, points_mm: torch.Tensor) -> torch.Tensor:
        """MNI positions (..., 3) that would be there had no mass pushed."""
        return self._straight(points_mm) + _interpolated(self._place, points_mm)

    def from_mni(self, points_mm: torch.Tensor) -> torch.Tensor:
        """Patient positions (N, 3) of MNI positions (N, 3), by fixed-point iteration."""
        moved = (points_mm - self._matrix[:3, 3]) @ self._inverse.T
        guess = moved
        for _ in range(_INVERSION_STEPS):
            guess = moved - _interpolated(self._mni, guess) @ self._inverse.T
        return guess

    def nearly(self, template: Template, name: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """A map of the template as a function of patient positions, in the detail of the lattice:
        cheap where only the neighbourhood matters."""
        nodes = _lattice().to(self._mni.device)
        values = template.sample((name,), self._straight(nodes) + self._mni)[name][..., None]
        return lambda points_mm: _interpolated(values, points_mm)[..., 0]

    def jacobian(self) -> torch.Tensor:
        """Volume in MNI space per volume of the patient, in every cell of the lattice."""
        return _jacobian(self._mni, self._matrix) * self._matrix[:3, :3].det()

    def _straight(self, points_mm: torch.Tensor) -> torch.Tensor:
        flat = torch.addmm(self._matrix[:3, 3], points_mm.reshape(-1, 3), self._matrix[:3, :3].T)
        return flat.reshape(points_mm.shape)

    def _without_folds(
        self, displacement: torch.Tensor, before: torch.Tensor | None = None
    ) -> float:
        """Largest of 1, 0.8, 0.64 ... times the displacement that folds nothing."""
        start = torch.zeros_like(displacement) if before is None else before
        factor = 1.0
        while float(_jacobian(start + factor * displacement, self._matrix).min()) < _LEAST_JACOBIAN:
            factor *= 0.8
        return factor


def _lattice() -> torch.Tensor:
    """(K, J, I, 3) patient positions of the nodes, z slowest."""
    axes = [
        torch.arange(-reach, reach + 1, _LATTICE_STEP_MM) for reach in reversed(_LATTICE_REACH_MM)
    ]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([x, y, z], -1)


def _interpolated(lattice: torch.Tensor, points_mm: torch.Tensor) -> torch.Tensor:
    found = grid_sample(
        lattice.permute(3, 0, 1, 2)[None],
        (points_mm / points_mm.new_tensor(_LATTICE_REACH_MM)).reshape(1, 1, 1, -1, 3),
        padding_mode="border",
        align_corners=True,
    )
    channels = lattice.shape[-1]
    return found.reshape(channels, -1).T.reshape(*points_mm.shape[:-1], channels)


def _displacement(shape: HeadShape, nodes: torch.Tensor, straight: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(nodes)
    for field, amplitude in shape.bends:
        total += amplitude * field(nodes)
    forward, across = shape.petalia_mm
    x, y, z = straight.unbind(-1)
    total[..., 1] -= 0.5 * forward * torch.tanh(x / 30)
    occipital = torch.exp(-(((y + 100) / 35) ** 2) - ((z / 60) ** 2))
    total[..., 0] -= across * occipital
    return total


def _jacobian(displacement: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Determinant of the map over that of its affine part, in the cells of the lattice."""
    unit = torch.linalg.inv(matrix[:3, :3].double()).float()
    moved = displacement @ unit.T / _LATTICE_STEP_MM
    last = [size - 1 for size in displacement.shape[:3]]
    along_x = moved.diff(dim=2)[: last[0], : last[1]] + moved.new_tensor([1.0, 0, 0])
    along_y = moved.diff(dim=1)[: last[0], :, : last[2]] + moved.new_tensor([0, 1.0, 0])
    along_z = moved.diff(dim=0)[:, : last[1], : last[2]] + moved.new_tensor([0, 0, 1.0])
    return (torch.linalg.cross(along_x, along_y) * along_z).sum(-1)
