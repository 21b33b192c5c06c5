"""Curves as plot charts: the brain mean with baseline and bolus marked, and the arterial input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .tables import ROLE, fill_table, named_node

if TYPE_CHECKING:
    from slicer import vtkMRMLPlotChartNode, vtkMRMLPlotSeriesNode, vtkMRMLScene, vtkMRMLTableNode

    from ..series.aif import Aif
    from ..series.bolus import BolusTiming

BRAIN_CURVE = "Brain mean signal"
VOXEL_CURVE = "Under the cursor"
AIF_CURVE = "Arterial input function"
_MARKS = "Brain mean signal, marks"

_TIME = "Time [s]"
_ROOM_FOR_LEGEND = 1.5
_BLUE = (0.12, 0.4, 0.8)
_GREEN = (0.1, 0.6, 0.2)
_ORANGE = (0.95, 0.55, 0.0)
_GREY = (0.45, 0.45, 0.45)
_RED = (0.85, 0.1, 0.1)


def show_brain_curve(
    scene: vtkMRMLScene, frame_times_s: np.ndarray, bolus: BolusTiming
) -> vtkMRMLPlotChartNode:
    """Chart of the brain's mean signal (T,) with baseline, bolus arrival and peak marked."""
    signal = np.asarray(bolus.mean_signal, float)
    times = np.asarray(frame_times_s, float)
    baseline = times[[bolus.baseline_start, bolus.baseline_stop - 1]]
    level = float(signal[bolus.baseline_start : bolus.baseline_stop].mean())
    bottom, top = float(signal.min()), float(signal.max())
    table = _table(scene, BRAIN_CURVE, {_TIME: times, "Signal": signal})
    marks = _table(
        scene,
        _MARKS,
        {
            "Baseline time": baseline,
            "Baseline": [level, level],
            "Arrival time": [bolus.arrival_time_s] * 2,
            "Arrival": [bottom, top],
            "Peak time": [bolus.peak_time_s] * 2,
            "Peak": [bottom, top],
        },
    )
    chart = _chart(
        scene,
        BRAIN_CURVE,
        "Mean signal",
        [
            _curve(scene, "Brain mean", table, _TIME, "Signal", _BLUE, markers=True),
            _curve(scene, "Baseline", marks, "Baseline time", "Baseline", _GREEN),
            _curve(scene, "Bolus arrival", marks, "Arrival time", "Arrival", _ORANGE),
            _curve(scene, "Bolus peak", marks, "Peak time", "Peak", _RED),
        ],
    )
    # The legend stands at the right; without room of its own it would hide the end of the curve.
    chart.SetXAxisRangeAuto(False)
    chart.SetXAxisRange(times[0], times[0] + _ROOM_FOR_LEGEND * (times[-1] - times[0]))
    return chart


def show_voxel_curve(scene: vtkMRMLScene, frame_times_s: np.ndarray, signal: np.ndarray) -> None:
    """Add the signal (T,) of one voxel to the brain curve's chart, in place of the last one."""
    chart = named_node(scene, "vtkMRMLPlotChartNode", BRAIN_CURVE)
    times = np.asarray(frame_times_s, float)
    table = _table(scene, VOXEL_CURVE, {_TIME: times, "Signal": np.asarray(signal, float)})
    curve = _curve(scene, VOXEL_CURVE, table, _TIME, "Signal", _GREY)
    if not chart.HasPlotSeriesNodeID(curve.GetID()):
        chart.AddAndObservePlotSeriesNodeID(curve.GetID())


def hide_voxel_curve(scene: vtkMRMLScene) -> None:
    """Take the curve of a voxel out of the chart, if it is in."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode")):
        curve = scene.GetNthNodeByClass(number, "vtkMRMLPlotSeriesNode")
        if curve.GetAttribute(ROLE) == VOXEL_CURVE:
            chart = named_node(scene, "vtkMRMLPlotChartNode", BRAIN_CURVE)
            if chart.HasPlotSeriesNodeID(curve.GetID()):
                chart.RemovePlotSeriesNodeID(curve.GetID())


def show_aif_curve(scene: vtkMRMLScene, aif: Aif) -> vtkMRMLPlotChartNode:
    """Chart of the arterial concentration curve in 1/s."""
    concentration = np.asarray(aif.concentration, float)
    table = _table(
        scene, AIF_CURVE, {_TIME: np.asarray(aif.times_s, float), "Delta R2* [1/s]": concentration}
    )
    curve = _curve(scene, "AIF", table, _TIME, "Delta R2* [1/s]", _RED, markers=True)
    return _chart(scene, AIF_CURVE, "Delta R2* [1/s]", [curve])


def _table(
    scene: vtkMRMLScene, name: str, columns: dict[str, np.ndarray | list[float]]
) -> vtkMRMLTableNode:
    # The curves themselves are worth exporting; where the marks stand is not.
    table = named_node(scene, "vtkMRMLTableNode", name, hidden=name in (_MARKS, VOXEL_CURVE))
    fill_table(
        table, {title: [float(value) for value in values] for title, values in columns.items()}
    )
    return table


def _curve(
    scene: vtkMRMLScene,
    name: str,
    table: vtkMRMLTableNode,
    x: str,
    y: str,
    color: tuple[float, float, float],
    markers: bool = False,
) -> vtkMRMLPlotSeriesNode:
    curve = named_node(scene, "vtkMRMLPlotSeriesNode", name, hidden=True)
    curve.SetAndObserveTableNodeID(table.GetID())
    curve.SetPlotType(curve.PlotTypeScatter)
    curve.SetXColumnName(x)
    curve.SetYColumnName(y)
    curve.SetColor(*color)
    curve.SetMarkerStyle(curve.MarkerStyleCircle if markers else curve.MarkerStyleNone)
    curve.SetMarkerSize(4)
    return curve


def _chart(
    scene: vtkMRMLScene, name: str, y_title: str, curves: list[vtkMRMLPlotSeriesNode]
) -> vtkMRMLPlotChartNode:
    chart = named_node(scene, "vtkMRMLPlotChartNode", name)
    chart.RemoveAllPlotSeriesNodeIDs()
    for curve in curves:
        chart.AddAndObservePlotSeriesNodeID(curve.GetID())
    # The charts are as small as the panel leaves them room.
    chart.SetAxisTitleFontSize(11)
    chart.SetAxisLabelFontSize(10)
    chart.SetLegendFontSize(10)
    chart.SetTitleVisibility(False)
    chart.SetXAxisTitle(_TIME)
    chart.SetYAxisTitle(y_title)
    chart.SetLegendVisibility(len(curves) > 1)
    return chart
