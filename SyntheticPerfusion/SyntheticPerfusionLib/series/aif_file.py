"""Arterial curves from and to a CSV or TSV file: columns time_s and concentration_1_per_s."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

from ..errors import InputError
from .aif import Aif
from .aif_voxels import make_aif
from .atomic import replacing

_COLUMNS = ("time_s", "concentration_1_per_s")


def read_aif_csv(path: str | os.PathLike[str], frame_times_s: np.ndarray) -> Aif:
    """The arterial curve of a CSV (or .tsv) file on the frame times of a series.

    path           columns time_s (since the first acquired frame) and concentration_1_per_s.
    frame_times_s  (T,) frame times onto which the curve is interpolated linearly.
    Raises InputError where the file cannot be read, lacks a column or covers other times.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path of the arterial curve.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter=_delimiter(path)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"The arterial curve {path} cannot be read as a CSV file: {error}."
        ) from error
    if not rows or any(name not in rows[0] for name in _COLUMNS):
        found = ", ".join(name for name in rows[0] if name) if rows else "no rows"
        raise InputError(
            f"The arterial curve {path} has {found}; expected the columns {' and '.join(_COLUMNS)}."
        )
    try:
        times, curve = (np.array([float(row[name]) for row in rows]) for name in _COLUMNS)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The arterial curve {path} holds a value that is no number: {error}."
        ) from error
    if len(times) < 2 or not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise InputError(
            f"The times of the arterial curve {path} do not increase; "
            "give them in seconds, in order."
        )
    step = float(np.median(np.diff(frame_times_s)))
    if np.median(np.diff(times)) > 100 * step:
        raise InputError(
            f"The times of the arterial curve {path} lie {np.median(np.diff(times)):g} apart, the "
            f"frames of the series {step:g} s: they look like milliseconds; give seconds."
        )
    if times[0] > frame_times_s[0] + step or times[-1] < frame_times_s[-1] - step:
        raise InputError(
            f"The arterial curve {path} covers {times[0]:g} to {times[-1]:g} s, the series "
            f"{frame_times_s[0]:g} to {frame_times_s[-1]:g} s; give a curve over the whole series "
            "with times in seconds."
        )
    return make_aif(np.interp(frame_times_s, times, curve), frame_times_s, f"file {path.name}")


def write_aif_csv(aif: Aif, path: str | os.PathLike[str]) -> None:
    """Write the curve so that `read_aif_csv` gives it back; with tabs where `path` ends in .tsv."""
    with (
        replacing(Path(path)) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, delimiter=_delimiter(Path(path)))
        writer.writerow(_COLUMNS)
        for time, value in zip(aif.times_s, aif.concentration, strict=True):
            writer.writerow((f"{time:.6g}", f"{value:.8g}"))


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","
