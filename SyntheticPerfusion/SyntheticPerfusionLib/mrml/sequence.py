"""A 4D series in the scene: sequence node <-> DscSeries.

The sequence node owns the voxels; the browser's proxy volume shares memory with it and is never
written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..series.dsc_series import DscSeries
from ..series.geometry import Geometry
from . import timing
from .grid import geometry_of, put_array

PHASES = "SyntheticPerfusion.CollateralPhases"
"""Attribute of a sequence of collateral maps (phases.py): start and end of each phase in seconds.

Empty where that is not known; a sequence without it is a series, or none of ours.
"""

if TYPE_CHECKING:
    from slicer import (
        vtkMRMLScene,
        vtkMRMLSequenceBrowserNode,
        vtkMRMLSequenceNode,
        vtkMRMLVolumeNode,
    )


def series_from_sequence(
    node: vtkMRMLSequenceNode,
    frame_interval_s: float | None = None,
    echo_time_s: float | None = None,
) -> DscSeries:
    """The series that a sequence node of scalar volumes holds.

    Raises InputError where the node holds something else, where its frames differ in grid, or
    where no frame times are stored and none are given.
    """
    from slicer.util import arrayFromVolume

    if holds_phases(node):
        raise InputError(
            f"{node.GetName()} holds collateral maps; choose the series that they were made from."
        )
    geometry = _geometry_of_frames(node)
    times = timing.read_timing(node, frame_interval_s, echo_time_s)
    if times.frames is None:
        raise InputError(
            f"{node.GetName()} does not say when its frames were taken; "
            "give the time between frames in the panel."
        )
    count = node.GetNumberOfDataNodes()
    signal = np.empty((count, *geometry.shape), np.float32)
    for item in range(count):
        signal[item] = arrayFromVolume(node.GetNthDataNode(item))
    return DscSeries(
        signal=signal,
        frame_times_s=times.frames.times_s,
        geometry=geometry,
        echo_time_s=times.echo.seconds if times.echo else None,
        frame_times_source=times.frames.source,
        echo_time_source=times.echo.source if times.echo else "",
        name=node.GetName() or "DSC series",
        warnings=times.frames.warnings,
    )


def holds_phases(node: vtkMRMLSequenceNode) -> bool:
    """Whether a sequence holds collateral maps, and no series over time."""
    return PHASES in node.GetAttributeNames()


def _geometry_of_frames(node: vtkMRMLSequenceNode) -> Geometry:
    count = node.GetNumberOfDataNodes()
    if count < 2:
        raise InputError(f"{node.GetName()} has {count} frames; choose a series over time.")
    first: Geometry | None = None
    for item in range(count):
        frame = node.GetNthDataNode(item)
        if frame is None:
            raise InputError(f"Frame {item} of {node.GetName()} is empty; load the series again.")
        if not frame.IsA("vtkMRMLScalarVolumeNode") or frame.IsA("vtkMRMLTensorVolumeNode"):
            raise InputError(
                f"{node.GetName()} is a sequence of {frame.GetNodeTagName()}; "
                "choose a sequence of scalar volumes."
            )
        image = frame.GetImageData()
        if image is None or image.GetNumberOfScalarComponents() != 1:
            raise InputError(
                f"Frame {item} of {node.GetName()} has no scalar voxels; load the series again."
            )
        geometry = geometry_of(frame)
        if first is None:
            first = geometry
        elif not geometry.matches(first):
            raise InputError(
                f"Frame {item} of {node.GetName()} lies on another grid than the first; "
                "choose a series whose frames share one grid."
            )
    assert first is not None
    return first


def sequence_from_series(
    series: DscSeries, scene: vtkMRMLScene, timed: bool = True
) -> tuple[vtkMRMLSequenceNode, vtkMRMLSequenceBrowserNode]:
    """Put a series into the scene: a sequence node and a browser that shows it.

    The sequence is indexed by time in seconds, with the echo time (ms) and the places where both
    were read as attributes, so that the series comes back the same. Where it is not `timed`, its
    frames are only counted: the person has to say when they were taken.
    """
    name = scene.GenerateUniqueName(series.name)
    node = scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    node.SetIndexName("time" if timed else "frame")
    node.SetIndexUnit("s" if timed else "")
    if timed:
        node.SetAttribute(timing.FRAME_TIMES_SOURCE, series.frame_times_source)
    if series.echo_time_s is not None:
        node.SetAttribute(timing.ECHO_TIME, f"{series.echo_time_s * 1000.0:.9g}")
        node.SetAttribute(timing.ECHO_TIME_SOURCE, series.echo_time_source)
    indices = series.frame_times_s if timed else range(series.frame_count)
    for value, frame_signal in zip(indices, series.signal, strict=True):
        index = f"{value:.9g}"
        empty = scene.CreateNodeByClass("vtkMRMLScalarVolumeNode")
        empty.UnRegister(None)
        node.SetDataNodeAtValue(empty, index)
        put_array(node.GetDataNodeAtValue(index), frame_signal, series.geometry)
    return node, browse(node)


def browse(node: vtkMRMLSequenceNode) -> vtkMRMLSequenceBrowserNode:
    """The browser that shows a sequence; made where there is none."""
    browser = browser_of(node)
    if browser is None:
        browser = node.GetScene().AddNewNodeByClass(
            "vtkMRMLSequenceBrowserNode", f"{node.GetName()} browser"
        )
        browser.SetAndObserveMasterSequenceNodeID(node.GetID())
        browser.SetOverwriteProxyName(node, False)
    return browser


def browser_of(node: vtkMRMLSequenceNode) -> vtkMRMLSequenceBrowserNode | None:
    """The first browser that has a proxy of this sequence."""
    scene = node.GetScene()
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(number, "vtkMRMLSequenceBrowserNode")
        if browser.IsSynchronizedSequenceNodeID(node.GetID(), True):
            return browser
    return None


def proxy_volume(node: vtkMRMLSequenceNode) -> vtkMRMLVolumeNode | None:
    """The volume that shows the current frame. To look at, never to write to."""
    browser = browser_of(node)
    return browser.GetProxyNode(node) if browser is not None else None


def rename(node: vtkMRMLSequenceNode, name: str) -> None:
    """Call a sequence, its browser and the volume that shows it by one name."""
    node.SetName(name)
    browser = browser_of(node)
    if browser is not None:
        browser.SetName(f"{name} browser")
        browser.GetProxyNode(node).SetName(name)
