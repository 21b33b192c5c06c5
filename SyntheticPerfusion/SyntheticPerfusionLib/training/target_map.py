"""Maps that some program made, as targets: their unit, and where they hold no value.

Programs mark voxels without a value in ways of their own: not a number, infinity, or one number
for all of them, which is mostly 0 and could be a value too. A target learned there would teach the
network the border of somebody's mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..maps.quantity import Quantity
from ..series.nifti_file import read_header, read_signal
from ..series.sidecar import read_sidecar, sidecar_path
from ..series.timing import seconds_per

_HIGHEST_MEDIAN_S = 100.0
"""No brain has a median of any time above this; in milliseconds every brain has."""

_ANY = ("", "arbitrary", "a.u.", "au", "n/a", "1")


def read_target(path: Path, quantity: Quantity) -> np.ndarray:
    """(K, J, I) float32 of a NIfTI file in the unit of `quantity`, NaN and infinity kept.

    Times in another unit by the JSON file beside it (Units) are converted. Raises InputError where
    the file is no single map of numbers, or in a unit that is not the quantity's.
    """
    header = read_header(path)
    size = header.size[:3] if header.size[3:] in ((), (1,)) else header.size
    if len(size) != 3 or header.pixels is None:
        kind = "colours, not numbers" if header.pixels is None else "no single volume"
        raise InputError(
            f"The map holds {kind} (size {' x '.join(map(str, header.size))}); export its values "
            "as one volume."
        )
    return read_signal(path, header).reshape(size[::-1]) * _to_unit(path, quantity)


def check_values(values: np.ndarray, counted: np.ndarray, quantity: Quantity) -> None:
    """InputError where the values (K, J, I) in the `counted` voxels cannot be the quantity's."""
    inside = values[counted]
    if inside.min() == inside.max():
        raise InputError(
            f"The map holds {inside[0]:g} in every voxel of the brain; export it again."
        )
    median = float(np.median(inside))
    if quantity.unit == "s" and median > _HIGHEST_MEDIAN_S:
        raise InputError(
            f"The median of {quantity.name} in the brain is {median:.4g} s, so the map seems to "
            'be in another unit; write "Units": "ms", or what it is, into the JSON file beside it.'
        )


def with_value(maps: Mapping[str, np.ndarray], mask: np.ndarray) -> np.ndarray:
    """(K, J, I) bool: voxels of `mask` that hold a value in every map.

    Without a value are those that are not finite in any map, those that hold the background of a
    map where that is not 0, and those that hold the background of every map where it is 0: a time
    of 0 beside a flow is a time. Background is the number that more than half of the voxels
    outside the mask hold.
    """
    having = mask.copy()
    blank = mask.copy()
    for values in maps.values():
        having &= np.isfinite(values)
        background = _background(values, mask)
        if background is None:
            blank[:] = False
        elif background == 0:
            blank &= values == 0
        else:
            having &= values != background
            blank[:] = False
    return having & ~blank if maps else having


def _background(values: np.ndarray, mask: np.ndarray) -> float | None:
    outside = values[~mask]
    outside = outside[np.isfinite(outside)]
    if not outside.size:
        return None
    found, counts = np.unique(outside, return_counts=True)
    commonest = int(counts.argmax())
    return float(found[commonest]) if 2 * counts[commonest] > outside.size else None


def _to_unit(path: Path, quantity: Quantity) -> np.float32:
    """What a stored value is to be multiplied by."""
    stated = read_sidecar(path).get("Units")
    if not isinstance(stated, str) or _plain(stated) == _plain(quantity.unit):
        return np.float32(1)
    if quantity.unit == "s" and (seconds := seconds_per(stated)) is not None:
        return np.float32(seconds)
    if _plain(stated) in _ANY:
        return np.float32(1)
    raise InputError(
        f"The map is in {stated} by {sidecar_path(path).name}, expected "
        f"{quantity.unit or 'a ratio'}; convert it, or correct Units there."
    )


def _plain(unit: str) -> str:
    return "".join(unit.lower().split())
