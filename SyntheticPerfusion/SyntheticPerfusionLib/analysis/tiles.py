"""Slices of a volume beside each other, as a radiologist expects them.

Slices are turned so that the patient's right is on the left of the picture and anterior is up,
however the series was acquired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..series.geometry import Geometry

_MOST_SLICES = 12
FEW_VOXELS = 40
"""A region of so few voxels is shown on every slice that holds one, and ringed."""


def radiological(volume: np.ndarray, geometry: Geometry) -> tuple[np.ndarray, tuple[float, ...]]:
    """A volume (K, J, I) turned to slices from the feet up, rows from the front, columns from
    the patient's right, with the spacing (slice, row, column) in mm that goes with it.

    Axes are exchanged and turned, not resampled: an oblique series keeps its tilt.
    """
    directions = np.reshape(geometry.direction, (3, 3))
    axis_of = _nearest_axes(directions)
    turned = np.transpose(volume, [2 - axis_of[patient] for patient in (2, 1, 0)])
    spacing = tuple(float(geometry.spacing[axis_of[patient]]) for patient in (2, 1, 0))
    for position, patient in enumerate((2, 1, 0)):
        if directions[patient, axis_of[patient]] < 0:
            turned = np.flip(turned, position)
    return turned, spacing


def _nearest_axes(directions: np.ndarray) -> list[int]:
    """For each patient axis (x, y, z), the array axis (i, j, k) that runs along it most."""
    from itertools import permutations

    strength = np.abs(directions)
    best = max(permutations(range(3)), key=lambda order: strength[range(3), order].sum())
    return list(best)


class Tiles:
    """Which slices a mosaic shows, and volumes laid out as one picture of them."""

    def __init__(
        self,
        background: np.ndarray,
        shown: np.ndarray,
        geometry: Geometry,
        outlines: Mapping[str, np.ndarray],
    ) -> None:
        self._geometry = geometry
        grey, self._spacing = radiological(background, geometry)
        self.regions = {name: region.astype(bool) for name, region in outlines.items()}
        turned = [radiological(region, geometry)[0] for region in self.regions.values()]
        self.slices = _slices(radiological(shown, geometry)[0], turned)
        self._rows, self._columns = head_box(grey)
        self.across = min(max(len(self.slices), 1), 6)
        self.down = -(-max(len(self.slices), 1) // self.across)

    @property
    def shape_mm(self) -> tuple[float, float]:
        """Height and width of one tile."""
        rows, columns = self._rows, self._columns
        return (
            (rows.stop - rows.start) * self._spacing[1],
            (columns.stop - columns.start) * self._spacing[2],
        )

    def of(self, volume: np.ndarray) -> np.ndarray:
        """A volume (K, J, I) as the 2D picture; tiles without a slice hold NaN."""
        turned, _ = radiological(volume, self._geometry)
        part = turned[self.slices, self._rows, self._columns].astype(np.float32)
        missing = self.across * self.down - len(part)
        part = np.pad(part, ((0, missing), (0, 0), (0, 0)), constant_values=np.nan)
        _, rows, columns = part.shape
        grid = part.reshape(self.down, self.across, rows, columns)
        return grid.transpose(0, 2, 1, 3).reshape(self.down * rows, self.across * columns)


def _slices(shown: np.ndarray, regions: Sequence[np.ndarray]) -> list[int]:
    """Up to twelve slices spread over those with something to show.

    The best slice of each region is among them, and every slice of one of a few voxels.
    """
    area = shown.sum(axis=(1, 2))
    usable = np.flatnonzero(area > 0.25 * max(int(area.max()), 1))
    wanted: set[int] = set()
    for region in regions:
        per_slice = region.sum(axis=(1, 2))
        few = 0 < int(per_slice.sum()) <= FEW_VOXELS
        wanted |= set(np.flatnonzero(per_slice).tolist()) if few else {int(per_slice.argmax())}
    wanted = set(sorted(wanted)[:_MOST_SLICES])
    if usable.size <= _MOST_SLICES:
        return sorted(set(usable.tolist()) | wanted)
    spread = np.linspace(0, usable.size - 1, _MOST_SLICES).round().astype(int)
    chosen = set(usable[spread].tolist())
    for best in sorted(wanted - chosen):
        chosen.remove(min(chosen - wanted, key=lambda k: abs(k - best)))
        chosen.add(best)
    return sorted(chosen)


def head_box(grey: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a (K, J, I) picture that hold the head, with a margin."""
    head = grey > 0.15 * np.percentile(grey, 99)
    found = []
    for axis in (1, 2):
        share = head.any(axis=tuple({0, 1, 2} - {axis}))
        first, last = np.flatnonzero(share)[[0, -1]] if share.any() else (0, share.size - 1)
        found.append(slice(max(0, int(first) - 2), min(share.size, int(last) + 3)))
    return found[0], found[1]
