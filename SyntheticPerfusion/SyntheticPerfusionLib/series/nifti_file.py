"""The header and the pixels of a NIfTI file as they stand in it.

SimpleITK gives the position of a NIfTI, but its reader changes in silence what must not go
unnoticed here: it fills what is missing from a truncated file with zeros, makes NaN and infinity
0, and a step of 0 into 1, in time and in space. Layout: nifti1.h of the NIfTI data format group.
"""

from __future__ import annotations

import gzip
import math
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np

from ..errors import InputError
from .gzip_file import content_length, open_unpacked

_SIZE = 348
_NIFTI2_SIZE = 540
_FIRST_OFFSET = 352
_LAYOUT = {
    "names": [
        "dim",
        "datatype",
        "bits",
        "pixdim",
        "offset",
        "slope",
        "intercept",
        "units",
        "sform",
        "srow",
    ],
    "formats": ["8i2", "i2", "i2", "8f4", "f4", "f4", "f4", "u1", "i2", "(3,4)f4"],
    "offsets": [40, 70, 72, 76, 108, 112, 116, 123, 254, 280],
    "itemsize": _SIZE,
}
_PIXELS = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_TIME_UNIT_BITS = 0x38
_TIME_UNITS = {0: "", 8: "sec", 16: "msec", 24: "usec", 32: "Hz", 40: "ppm", 48: "rad/s"}
_MOST_AXES = 7


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What a NIfTI header says, unchanged.

    size       (I, J, K, T): as many numbers as the file has axes.
    interval   the step of the fourth axis (pixdim[4]), 0 where there is none.
    time_unit  its unit, empty where none is stated.
    sform      4x4 voxel to RAS millimetres, None where its code is 0.
    pixels     how a value is stored; None where it is no single real number.
    offset     bytes before the first value.
    data       bytes of all values.
    slope, intercept  the signal is slope * stored + intercept.
    """

    size: tuple[int, ...]
    interval: float
    time_unit: str
    sform: np.ndarray | None
    pixels: np.dtype | None
    offset: int
    data: int
    slope: float
    intercept: float


def read_header(path: Path) -> NiftiHeader:
    """The header of a NIfTI-1 file. Raises InputError where there is none or it makes no sense."""
    try:
        with closing(open_unpacked(path)) as stream:
            content = stream.read(_SIZE)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read; copy or export it again.") from error
    sizes = {order: int.from_bytes(content[:4], order) for order in _ORDERS}
    if _NIFTI2_SIZE in sizes.values():
        raise InputError(f"{path.name} is NIfTI-2, which is not read here; save it as NIfTI-1.")
    for order, size in sizes.items():
        if size == _SIZE and len(content) == _SIZE:
            layout = np.dtype(cast(Any, _LAYOUT)).newbyteorder(order)
            fields = np.frombuffer(content, layout, count=1)[0]
            _check_fields(fields, path.name)
            return _header(fields, order)
    raise InputError(f"{path.name} cannot be read as an image: it has no NIfTI header.")


def check_length(path: Path, header: NiftiHeader) -> None:
    """Raise InputError where the file is too short for the data that its header announces."""
    expected = header.offset + header.data
    found = content_length(path, expected)
    if found < expected:
        raise InputError(
            f"{path.name} is truncated or damaged: {found} of the {expected} bytes that its header "
            "announces are there; copy or export it again."
        )


def read_signal(path: Path, header: NiftiHeader) -> np.ndarray:
    """(T, K, J, I) float32 signal of a file with four axes and real numbers.

    Frame by frame: beside the result only one frame as stored is held. Raises InputError where
    the file ends before its data do.
    """
    check_length(path, header)
    signal = np.empty(header.size[::-1], np.float32)
    stored = np.empty(signal.shape[1:], cast(np.dtype, header.pixels))
    try:
        with closing(open_unpacked(path)) as stream:
            if len(stream.read(header.offset)) < header.offset:
                raise EOFError
            for frame in signal:
                _fill(stream, memoryview(cast(Any, stored.reshape(-1).view(np.uint8))))
                frame[...] = stored
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path.name} is truncated or damaged: it ends before its {len(signal)} frames do; "
            "copy or export it again."
        ) from error
    if (header.slope, header.intercept) != (1.0, 0.0):
        signal *= np.float32(header.slope)
        signal += np.float32(header.intercept)
    return signal


def _fill(stream: BinaryIO, target: memoryview) -> None:
    while target:
        count = cast(gzip.GzipFile, stream).readinto(target)
        if not count:
            raise EOFError
        target = target[count:]


def _check_fields(fields: np.void, name: str) -> None:
    """Raise InputError for numbers with which no reader could place the voxels."""
    axes, offset = int(fields["dim"][0]), float(fields["offset"])
    if not 1 <= axes <= _MOST_AXES:
        raise InputError(
            f"{name} cannot be read as an image: its header tells of {axes} axes, "
            f"expected 1 to {_MOST_AXES}; export it again."
        )
    if not (math.isfinite(offset) and offset >= 0):
        raise InputError(
            f"The header of {name} is damaged: its data begin at byte {offset:g} (vox_offset); "
            "export it again."
        )
    spacing = [float(step) for step in fields["pixdim"][1 : min(axes, 3) + 1]]
    if not all(math.isfinite(step) and step > 0 for step in spacing):
        raise InputError(
            f"The voxels of {name} have a size of {' x '.join(f'{step:g}' for step in spacing)} mm "
            "(pixdim), expected numbers above 0; correct its header or export it again."
        )
    if fields["sform"] > 0 and not np.all(np.isfinite(fields["srow"])):
        raise InputError(
            f"The position of {name} (sform) holds values that are not a number; correct its "
            "header or export it again."
        )


def _header(fields: np.void, order: Literal["little", "big"]) -> NiftiHeader:
    dim = [int(value) for value in fields["dim"]]
    size = [max(value, 1) for value in dim[1 : dim[0] + 1]]
    while len(size) > 4 and size[-1] == 1:
        size.pop()
    slope, intercept = float(fields["slope"]), float(fields["intercept"])
    if slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept)):
        slope, intercept = 1.0, 0.0
    sform = None
    if fields["sform"] > 0:
        sform = np.vstack([fields["srow"].astype(float), [0, 0, 0, 1]])
    kind = _PIXELS.get(int(fields["datatype"]))
    value_bytes = np.dtype(kind).itemsize if kind else int(fields["bits"]) // 8
    return NiftiHeader(
        size=tuple(size),
        interval=float(f"{fields['pixdim'][4]:.6g}"),
        time_unit=_TIME_UNITS.get(int(fields["units"]) & _TIME_UNIT_BITS, "unknown"),
        sform=sform,
        pixels=np.dtype(kind).newbyteorder(order) if kind else None,
        offset=max(int(fields["offset"]), _FIRST_OFFSET),
        data=math.prod(size) * value_bytes,
        slope=slope,
        intercept=intercept,
    )
