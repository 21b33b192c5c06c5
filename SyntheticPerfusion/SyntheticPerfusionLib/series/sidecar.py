"""Timing in the BIDS sidecar: the JSON file beside a NIfTI, all times in seconds.

Keys as in the BIDS specification (Magnetic Resonance Imaging data; PET for FrameTimesStart).
RepetitionTimeExcitation is the time between excitations, not between frames, and is never used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .itk_file import NIFTI_SUFFIXES, stem
from .timing import (
    FRAME_INTERVAL_RANGE_S,
    EchoTime,
    FrameTimes,
    checked_echo_time,
    listed_times,
    uniform_times,
)

FRAME_TIMES_SOURCE = "FrameTimesSource"
ECHO_TIME_SOURCE = "EchoTimeSource"
"""Keys of our own: where the program that wrote the file had read its times, in words."""


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of the NIfTI file `path` lies: ``dsc.nii.gz`` -> ``dsc.json``."""
    return path.with_name(f"{stem(path, NIFTI_SUFFIXES)}.json")


def read_sidecar(path: Path) -> dict[str, Any]:
    """The sidecar of the NIfTI file `path`, empty where there is none.

    Raises InputError where the file is not a JSON object.
    """
    file = sidecar_path(path)
    if not file.is_file():
        file = file.with_suffix(".JSON")
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The sidecar {file.name} is not readable as JSON ({error}); correct or remove it."
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"The sidecar {file.name} holds no JSON object; correct or remove it.")
    return content


def sidecar_echo_time(sidecar: Mapping[str, Any]) -> EchoTime | None:
    """TE of the sidecar, None where it has none (absent, null or 0)."""
    seconds = _number(sidecar, "EchoTime")
    source = _source(sidecar, ECHO_TIME_SOURCE, "EchoTime")
    return checked_echo_time(seconds, source) if seconds else None


def sidecar_times(
    sidecar: Mapping[str, Any], frame_count: int, header: FrameTimes | None = None
) -> FrameTimes | None:
    """Frame times of the sidecar, None where it has none.

    VolumeTiming comes first (it excludes RepetitionTime in BIDS), then FrameTimesStart, then
    RepetitionTime, then RepetitionTimePreparation.

    header  what the NIfTI header says. It is used where RepetitionTime is too short for a frame
            (scanners store the time between excitations there for segmented and 3D sequences),
            and a warning says so where the two disagree otherwise.
    """
    for key, from_first in (("VolumeTiming", False), ("FrameTimesStart", True)):
        listed = _numbers(sidecar, key)
        if listed is not None:
            start = listed[0] if from_first and listed else 0.0
            return listed_times(
                frame_count,
                [time - start for time in listed],
                _source(sidecar, FRAME_TIMES_SOURCE, key),
            )
    for key in ("RepetitionTime", "RepetitionTimePreparation"):
        seconds = _number(sidecar, key)
        if not seconds:
            continue
        if header is not None and seconds < FRAME_INTERVAL_RANGE_S[0]:
            return FrameTimes(
                header.times_s,
                f"{header.source} (the sidecar's {key} of {seconds:g} s is shorter than a frame)",
            )
        times = uniform_times(frame_count, seconds, _source(sidecar, FRAME_TIMES_SOURCE, key))
        if header is not None and not _agree(header.interval_s, seconds):
            warning = (
                f"The sidecar's {key} is {seconds:g} s but the {header.source} says "
                f"{header.interval_s:g} s between frames; the sidecar was used, "
                "give --repetition-time if it is wrong."
            )
            return FrameTimes(times.times_s, times.source, (warning,))
        return times
    return None


def _source(sidecar: Mapping[str, Any], own: str, key: str) -> str:
    """Where a time was first read, if the file says so, else that it stands in the sidecar."""
    said = sidecar.get(own)
    return said if isinstance(said, str) and said else f"BIDS sidecar {key}"


def _agree(header_s: float, sidecar_s: float) -> bool:
    """Whether they agree; 1 in a header says nothing, programs write it that know no time."""
    return header_s == 1 or math.isclose(header_s, sidecar_s, rel_tol=0.01)


def _number(sidecar: Mapping[str, Any], key: str) -> float | None:
    value = sidecar.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} in the sidecar is {value!r}, expected a number of seconds.")
    return float(value)


def _numbers(sidecar: Mapping[str, Any], key: str) -> list[float] | None:
    values = sidecar.get(key)
    if values is None:
        return None
    if not isinstance(values, list) or not all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    ):
        raise InputError(f"{key} in the sidecar is no list of numbers of seconds; correct it.")
    return [float(value) for value in values]
