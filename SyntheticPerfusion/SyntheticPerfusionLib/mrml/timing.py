"""When the frames of a sequence were taken, and the echo time: read from the node or given by hand.

The rules are those of a file (series.multivolume); what the person gives goes before all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import InputError
from ..series.multivolume import ECHO_TIME, INDEX, attribute_echo_time, attribute_times
from ..series.timing import ECHO_TIME_RANGE_S, EchoTime, FrameTimes, uniform_times

if TYPE_CHECKING:
    from slicer import vtkMRMLSequenceNode

__all__ = ["ECHO_TIME", "ECHO_TIME_SOURCE", "FRAME_TIMES_SOURCE", "SequenceTiming", "read_timing"]

FRAME_TIMES_SOURCE = "SyntheticPerfusion.FrameTimesSource"
ECHO_TIME_SOURCE = "SyntheticPerfusion.EchoTimeSource"
"""Where the module's own reader had found the times of a file, in words."""

BY_HAND = "set by hand"


@dataclass(frozen=True)
class SequenceTiming:
    """Times of a sequence; None for what the node does not say."""

    frames: FrameTimes | None
    echo: EchoTime | None


def read_timing(
    node: vtkMRMLSequenceNode,
    frame_interval_s: float | None = None,
    echo_time_s: float | None = None,
) -> SequenceTiming:
    """Frame times and echo time of a sequence node.

    frame_interval_s, echo_time_s  given by hand; None or 0 takes what is stored.
    Raises InputError where a value cannot be that of a DSC series.
    """
    attributes = {name: node.GetAttribute(name) for name in _attribute_names(node)}
    return SequenceTiming(
        _frame_times(node, attributes, frame_interval_s), _echo_time(attributes, echo_time_s)
    )


def _attribute_names(node: vtkMRMLSequenceNode) -> list[str]:
    import vtk

    names = vtk.vtkStringArray()
    node.GetAttributeNames(names)
    return [names.GetValue(item) for item in range(names.GetNumberOfValues())]


def _frame_times(
    node: vtkMRMLSequenceNode, attributes: dict[str, str], frame_interval_s: float | None
) -> FrameTimes | None:
    count = node.GetNumberOfDataNodes()
    if frame_interval_s:
        return uniform_times(count, frame_interval_s, BY_HAND)
    numeric = node.GetIndexType() == node.NumericIndex
    index = [node.GetNthIndexValue(item) for item in range(count)] if numeric else []
    found = attribute_times(attributes, count, index, node.GetIndexUnit())
    original = attributes.get(FRAME_TIMES_SOURCE)
    if found is not None and found.source.startswith(INDEX) and original:
        return FrameTimes(found.times_s, original)
    return found


def _echo_time(attributes: dict[str, str], echo_time_s: float | None) -> EchoTime | None:
    if echo_time_s:
        low, high = ECHO_TIME_RANGE_S
        if not low <= echo_time_s <= high:
            raise InputError(
                f"An echo time of {echo_time_s * 1000.0:g} ms is impossible for a DSC series; "
                f"type one from {low * 1000.0:g} to {high * 1000.0:g} ms."
            )
        return EchoTime(float(echo_time_s), BY_HAND)
    found = attribute_echo_time(attributes)
    original = attributes.get(ECHO_TIME_SOURCE)
    return replace(found, source=original) if found is not None and original else found
