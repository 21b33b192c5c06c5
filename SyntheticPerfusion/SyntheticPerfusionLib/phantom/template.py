"""The average brain that digital patients are made from: ICBM 152, release 2009a.

V.S. Fonov et al., NeuroImage 54(1):313-327, 2011. See data/mni152_NOTICE.txt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import grid_sample

from ..resources import resource

_MARGIN = 12
"""Voxels added on every side, so that distances are known out to the air around the head."""

_SULCUS_MM = 14.0
"""Gaps of the brain surface narrower than twice this are bridged by the meninges."""

_FLUID_MM = 3.0
"""Fluid around the brain reaches this far."""

_DEEP_MM = 6.0
_ARROW_MM = 7.0

_WIDEST_Z_MNI_MM = 0.0
"""Height at which the head is widest."""


@dataclass(frozen=True, eq=False)
class Template:
    """Maps (K, J, I) on one grid in MNI space (RAS, mm).

    grey, white    share of grey and white matter, 0 to 1.
    t1             T1-weighted signal of the brain, 0 to 1.
    brain_mm       distance from the surface of the brain, negative inside.
    meninges_mm    distance from the smooth surface that wraps the brain and, below it, what lies
                   under the skull base; negative inside.
    ventricle      1 in and next to the ventricles, 0 away from them, softened over 2 mm.
    inward_x, inward_y, inward_z   where the nearest lateral or third ventricle lies: a smooth
                   field of arrows, the longest at its walls and of length 1.
    sulcal         share of fluid between the folds, softened over 2 mm: 0 within the ventricles.
    first_mm       position of the first voxel (x, y, z); step_mm between voxels.
    """

    grey: np.ndarray
    white: np.ndarray
    t1: np.ndarray
    brain_mm: np.ndarray
    meninges_mm: np.ndarray
    ventricle: np.ndarray
    inward_x: np.ndarray
    inward_y: np.ndarray
    inward_z: np.ndarray
    sulcal: np.ndarray
    first_mm: np.ndarray
    step_mm: float

    def sample(self, names: tuple[str, ...], points_mm: torch.Tensor) -> dict[str, torch.Tensor]:
        """The maps called so at MNI positions (..., 3), linearly interpolated, on their device."""
        size = self.grey.shape[::-1]
        first = torch.as_tensor(self.first_mm, dtype=torch.float32, device=points_mm.device)
        last = torch.tensor([n - 1.0 for n in size], device=points_mm.device)
        index = (points_mm - first) / self.step_mm
        place = (2 * index / last - 1).reshape(1, 1, 1, -1, 3)
        found = grid_sample(
            _stacked(names, str(points_mm.device)), place, padding_mode="border", align_corners=True
        )
        return dict(zip(names, found.reshape(len(names), *points_mm.shape[:-1]), strict=True))


@lru_cache(maxsize=4)
def _stacked(names: tuple[str, ...], device: str) -> torch.Tensor:
    """Maps of the template as (1, C, K, J, I) on a device, kept there for the next patient."""
    template = load_template()
    maps = np.stack([getattr(template, name) for name in names])[None]
    return torch.from_numpy(maps.astype(np.float32)).to(device)


@lru_cache(maxsize=1)
def load_template() -> Template:
    """The template from the library's own files."""
    with np.load(resource("mni152_2mm.npz")) as stored:
        grey, white, t1 = (
            np.pad(stored[name], _MARGIN, mode="constant").astype(np.float32) / 255.0
            for name in ("gm", "wm", "t1")
        )
        step = float(stored["step_mm"])
        first = np.asarray(stored["first_ras_mm"], float) - _MARGIN * step
    brain = ndimage.binary_fill_holes(t1 > 0.1)
    wrapped = ndimage.distance_transform_edt(~brain) * step < _SULCUS_MM
    wrapped = ndimage.distance_transform_edt(wrapped) * step > _SULCUS_MM
    wrapped = _with_skull_base(wrapped | brain, first[2], step)
    brain_mm = _signed_distance(brain, step)
    meninges_mm = ndimage.gaussian_filter(_signed_distance(wrapped, step), 1.5)
    fluid = np.clip(1 - grey - white, 0, 1) * (brain_mm < _FLUID_MM) * (meninges_mm < 0)
    ventricle = _ventricles(fluid * (brain_mm < -_DEEP_MM), first, step)
    near = ndimage.binary_dilation(ventricle, iterations=2) | _fourth_ventricle(
        first, step, t1.shape
    )
    arrows = np.stack(np.gradient(ndimage.gaussian_filter(ventricle * 1.0, _ARROW_MM / step)))
    arrows = (arrows / np.linalg.norm(arrows, axis=0).max()).astype(np.float32)
    return Template(
        grey=grey,
        white=white,
        t1=t1,
        brain_mm=brain_mm,
        meninges_mm=meninges_mm,
        ventricle=ndimage.gaussian_filter(near.astype(np.float32), 2.0 / step),
        inward_x=arrows[2],
        inward_y=arrows[1],
        inward_z=arrows[0],
        sulcal=ndimage.gaussian_filter((fluid * ~near).astype(np.float32), 2.0 / step),
        first_mm=first,
        step_mm=step,
    )


def _ventricles(deep_fluid: np.ndarray, first_mm: np.ndarray, step_mm: float) -> np.ndarray:
    """Lateral ventricles, the largest fluid space deep in the brain, and the third between them."""
    x, y, z = _axes(first_mm, step_mm, deep_fluid.shape)
    around = (abs(x) < 44) & (y > -56) & (y < 38) & (z > -16) & (z < 36)
    third = (abs(x) < 4) & (y > -28) & (y < 6) & (z > -10) & (z < 8)
    parts, _ = ndimage.label((deep_fluid > 0.5) & around)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (parts == sizes.argmax()) | ((deep_fluid > 0.5) & third)


def _fourth_ventricle(first_mm: np.ndarray, step_mm: float, shape: tuple[int, ...]) -> np.ndarray:
    """A box around it."""
    x, y, z = _axes(first_mm, step_mm, shape)
    return (abs(x) < 14) & (y > -52) & (y < -30) & (z > -48) & (z < -18)


def _axes(first_mm: np.ndarray, step_mm: float, shape: tuple[int, ...]) -> list[np.ndarray]:
    """x, y and z of a grid (K, J, I), each along its own axis."""
    along = [first + step_mm * np.arange(n) for first, n in zip(first_mm, shape[::-1], strict=True)]
    return [along[0][None, None, :], along[1][None, :, None], along[2][:, None, None]]


def _with_skull_base(wrapped: np.ndarray, first_z_mm: float, step_mm: float) -> np.ndarray:
    """The same below the widest part of the head: there the head goes on where the brain ends."""
    widest = round((_WIDEST_Z_MNI_MM - first_z_mm) / step_mm)
    head = wrapped.copy()
    for k in range(widest - 1, -1, -1):
        above = ndimage.binary_erosion(head[k + 1]) if k % 4 == 0 else head[k + 1]
        head[k] |= above
    return head


def _signed_distance(inside: np.ndarray, step_mm: float) -> np.ndarray:
    outer = ndimage.distance_transform_edt(~inside)
    inner = ndimage.distance_transform_edt(inside)
    return ((outer - inner) * step_mm).astype(np.float32)
