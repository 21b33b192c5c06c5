"""Timing in the attributes that Slicer stores with a 4D series.

The MultiVolume importer writes `MultiVolume.*` attributes; a sequence has an index with a unit.
The same rules hold for a .seq.nrrd file and for a sequence node in the scene:

1. `MultiVolume.FrameLabels`, where its tag is a time and its unit (ms for DICOM) is one of time;
2. the index of the sequence, where its unit is one of time;
3. `MultiVolume.DICOM.RepetitionTime` or `DICOM.RepetitionTime` (ms, as in DICOM).

A frame label whose tag is a count, an angle or an echo time is no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..errors import InputError
from .timing import (
    EchoTime,
    FrameTimes,
    checked_echo_time,
    is_possible_interval,
    listed_times,
    seconds_per,
    uniform_times,
)

ECHO_TIME = "MultiVolume.DICOM.EchoTime"
REPETITION_TIMES = ("MultiVolume.DICOM.RepetitionTime", "DICOM.RepetitionTime")
FRAME_LABELS = "MultiVolume.FrameLabels"
INDEX = "sequence index"

_TIME_TAGS = {
    "",
    "triggertime",
    "acquisitiontime",
    "acquisitiondatetime",
    "contenttime",
    "seriestime",
    "deltastarttime",
    "time",
}


def attribute_echo_time(attributes: Mapping[str, str]) -> EchoTime | None:
    """TE from `MultiVolume.DICOM.EchoTime` (ms), None where there is none."""
    milliseconds = _number(attributes.get(ECHO_TIME, ""))
    if not milliseconds:
        return None
    return checked_echo_time(milliseconds / 1000, ECHO_TIME)


def attribute_times(
    attributes: Mapping[str, str],
    frame_count: int,
    index_values: Sequence[str] = (),
    index_unit: str = "",
) -> FrameTimes | None:
    """Frame times of a Slicer series, None where its attributes hold none.

    attributes    attributes of the sequence node, or the key-value pairs of its file.
    index_values  (T,) index of each frame as stored; empty where unknown.
    index_unit    unit of the index as stored.
    A source that does not increase from frame to frame (all trigger times 0, say) or is no time
    is passed over for the next one; the source of what was used is in the result.
    """
    tag = attributes.get("MultiVolume.FrameIdentifyingDICOMTagName", "").strip().lower()
    unit = attributes.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "")
    if tag in _TIME_TAGS:
        labels = attributes.get(FRAME_LABELS, "").replace(",", " ").split()
        times = _scaled(labels, unit, frame_count, FRAME_LABELS)
        if times is not None:
            return times
    times = _scaled(index_values, index_unit, frame_count, INDEX)
    if times is not None:
        return _doubted(times)
    for name in REPETITION_TIMES:
        milliseconds = _number(attributes.get(name, ""))
        if milliseconds:
            return uniform_times(frame_count, milliseconds / 1000, name)
    return None


def _doubted(times: FrameTimes) -> FrameTimes:
    """Index times, with a warning where they look like frame numbers."""
    if not np.array_equal(times.times_s, np.arange(times.times_s.size)):
        return times
    warning = (
        "The sequence index counts 0, 1, 2, ... seconds, which is often a frame number: "
        "check the time between frames."
    )
    return FrameTimes(times.times_s, times.source, (*times.warnings, warning))


def _scaled(labels: Sequence[str], unit: str, frame_count: int, source: str) -> FrameTimes | None:
    """Times since the first label, or None where the labels are no times of the frames."""
    scale = seconds_per(unit)
    values = [_number(label) for label in labels]
    if scale is None or len(values) != frame_count or frame_count < 2:
        return None
    numbers = [value for value in values if value is not None]
    if len(numbers) != frame_count:
        return None
    times = [(value - numbers[0]) * scale for value in numbers]
    steps = sorted(after - before for before, after in pairwise(times))
    if steps[0] <= 0:
        return None
    if is_possible_interval(steps[len(steps) // 2]):
        return listed_times(frame_count, times, f"{source}, in {unit.strip()}")
    raise InputError(
        f"The frames lie {steps[len(steps) // 2]:g} s apart ({source}, in {unit.strip()}), which "
        "is impossible for a DSC series; give --repetition-time in seconds."
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
