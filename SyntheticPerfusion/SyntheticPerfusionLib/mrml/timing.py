"""When the frames of a sequence were taken, and the echo time: read from the node or given by hand.

A sequence node carries its times in one of several ways, depending on what loaded it. They are
tried in a fixed order and the one that was used is named, so that the person can judge it. What
the person gives by hand goes before all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from slicer import vtkMRMLSequenceNode

FRAME_LABELS = "MultiVolume.FrameLabels"
FRAME_TAG = "MultiVolume.FrameIdentifyingDICOMTagName"
FRAME_UNIT = "MultiVolume.FrameIdentifyingDICOMTagUnits"
ECHO_TIME = "MultiVolume.DICOM.EchoTime"
REPETITION_TIMES = ("MultiVolume.DICOM.RepetitionTime", "DICOM.RepetitionTime")
FRAME_TIMES_SOURCE = "SyntheticPerfusion.FrameTimesSource"
ECHO_TIME_SOURCE = "SyntheticPerfusion.EchoTimeSource"

BY_HAND = "set by hand"

_SECONDS_PER_UNIT = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "usec": 1e-6,
    "min": 60.0,
}
# These tags differ between frames too and are given in ms, but do not say when a frame was taken.
_NOT_A_FRAME_TIME = {"EchoTime", "RepetitionTime", "InversionTime", "FlipAngle"}
_PLAUSIBLE_ECHO_TIME_MS = (1.0, 500.0)


@dataclass(frozen=True)
class SequenceTiming:
    """Times of a sequence.

    frame_times_s        (T,) seconds since the first frame; None where the node has none.
    frame_times_source   where they were read, in words.
    echo_time_s          TE in seconds; None where the node has none.
    echo_time_source     where it was read, in words.
    warnings             sentences the person should read.
    """

    frame_times_s: np.ndarray | None
    frame_times_source: str
    echo_time_s: float | None
    echo_time_source: str
    warnings: tuple[str, ...] = ()


def read_timing(
    node: vtkMRMLSequenceNode,
    frame_interval_s: float | None = None,
    echo_time_s: float | None = None,
) -> SequenceTiming:
    """Frame times and echo time of a sequence node.

    Order for the frame times: by hand (`frame_interval_s`), MultiVolume.FrameLabels with its unit,
    an index with a time unit, a repetition time attribute. Order for the echo time: by hand,
    MultiVolume.DICOM.EchoTime (ms). Raises InputError where a stored value contradicts itself.
    """
    warnings: list[str] = []
    times, times_source = _frame_times(node, frame_interval_s, warnings)
    echo_time, echo_source = _echo_time(node, echo_time_s)
    return SequenceTiming(times, times_source, echo_time, echo_source, tuple(warnings))


def _frame_times(
    node: vtkMRMLSequenceNode, frame_interval_s: float | None, warnings: list[str]
) -> tuple[np.ndarray | None, str]:
    if frame_interval_s:
        return np.arange(node.GetNumberOfDataNodes()) * frame_interval_s, BY_HAND
    readers: tuple[Callable[..., tuple[np.ndarray, str] | None], ...] = (
        _from_frame_labels,
        _from_index,
        _from_repetition_time,
    )
    for reader in readers:
        found = reader(node, warnings)
        if found is not None:
            return found
    return None, ""


def _from_frame_labels(
    node: vtkMRMLSequenceNode, warnings: list[str]
) -> tuple[np.ndarray, str] | None:
    labels = node.GetAttribute(FRAME_LABELS)
    scale = _SECONDS_PER_UNIT.get((node.GetAttribute(FRAME_UNIT) or "").strip().lower())
    tag = node.GetAttribute(FRAME_TAG) or ""
    if not labels or scale is None or tag in _NOT_A_FRAME_TIME:
        return None
    texts = [text for text in labels.split(",") if text.strip()]
    count = node.GetNumberOfDataNodes()
    if len(texts) != count:
        raise InputError(
            f"{FRAME_LABELS} has {len(texts)} values for {count} frames; "
            "give the time between frames by hand."
        )
    times = _numbers(texts, FRAME_LABELS) * scale
    return times - times[0], f"{FRAME_LABELS} ({tag or 'no tag'}, {node.GetAttribute(FRAME_UNIT)})"


def _from_index(node: vtkMRMLSequenceNode, warnings: list[str]) -> tuple[np.ndarray, str] | None:
    scale = _SECONDS_PER_UNIT.get(node.GetIndexUnit().strip().lower())
    if scale is None or node.GetIndexType() != node.NumericIndex:
        return None
    values = [node.GetNthIndexValue(item) for item in range(node.GetNumberOfDataNodes())]
    index = _numbers(values, "The sequence index")
    original = node.GetAttribute(FRAME_TIMES_SOURCE)
    if original:
        return (index - index[0]) * scale, original
    if scale == 1.0 and np.array_equal(index, np.arange(index.size)):
        warnings.append(
            "The sequence index counts 0, 1, 2, ... seconds, which is often a frame number: "
            "check the time between frames."
        )
    source = f"sequence index {node.GetIndexName()} ({node.GetIndexUnit()})"
    return (index - index[0]) * scale, source


def _from_repetition_time(
    node: vtkMRMLSequenceNode, warnings: list[str]
) -> tuple[np.ndarray, str] | None:
    for name in REPETITION_TIMES:
        text = node.GetAttribute(name)
        if text:
            interval_s = float(_numbers([text], name)[0]) / 1000.0
            if interval_s <= 0:
                raise InputError(f"{name} is {text} ms; give the time between frames by hand.")
            return np.arange(node.GetNumberOfDataNodes()) * interval_s, f"{name} ({text} ms)"
    return None


def _echo_time(node: vtkMRMLSequenceNode, echo_time_s: float | None) -> tuple[float | None, str]:
    if echo_time_s:
        return echo_time_s, BY_HAND
    text = node.GetAttribute(ECHO_TIME)
    if not text:
        return None, ""
    echo_time_ms = float(_numbers([text], ECHO_TIME)[0])
    lowest, highest = _PLAUSIBLE_ECHO_TIME_MS
    if not lowest <= echo_time_ms <= highest:
        raise InputError(
            f"{ECHO_TIME} is {text} ms, expected {lowest:g} to {highest:g} ms; "
            "give the echo time by hand."
        )
    return echo_time_ms / 1000.0, node.GetAttribute(ECHO_TIME_SOURCE) or f"{ECHO_TIME} ({text} ms)"


def _numbers(texts: list[str], what: str) -> np.ndarray:
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        raise InputError(
            f"{what} holds {texts[0]!r}, expected numbers; give the times by hand."
        ) from None
