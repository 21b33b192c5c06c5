"""The signal of the voxel under the mouse, drawn beside the brain's mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer

from ..errors import InputError
from ..mrml import charts, sequence
from ..mrml.probe import voxel_at
from ..series.dsc_series import DscSeries

_PAUSE_MS = 40


class CursorCurve:
    """Follows the crosshair node while it is asked to.

    The mouse sends more events than a chart can be drawn: the first of a burst starts a timer, and
    only where the mouse is when it ends is drawn.

    parent    the widget with which this goes away.
    series()  the chosen series, cached as one array; raises InputError.
    """

    def __init__(self, parent: Any, series: Callable[[], DscSeries]) -> None:
        self._series = series
        self._parameters: Any = None
        self._crosshair: Any = None
        self._observation: int | None = None
        self._timer = qt.QTimer(parent)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.connect("timeout()", self._draw)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            self._stop()

    def update(self, has_series: bool) -> None:
        """Follow the mouse, or stop, as the person chose."""
        if has_series and self._parameters.cursorCurve:
            self._start()
        else:
            self._stop()

    def _start(self) -> None:
        if self._observation is not None:
            return
        self._crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        if self._crosshair is not None:
            self._observation = self._crosshair.AddObserver(
                self._crosshair.CursorPositionModifiedEvent, self._on_moved
            )

    def _stop(self) -> None:
        self._timer.stop()
        if self._observation is not None:
            self._crosshair.RemoveObserver(self._observation)
        self._crosshair = self._observation = None
        charts.hide_voxel_curve(slicer.mrmlScene)

    def _on_moved(self, caller: object, event: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _draw(self) -> None:
        if self._crosshair is None or self._parameters is None or self._parameters.series is None:
            return
        position = [0.0, 0.0, 0.0]
        if not self._crosshair.GetCursorPositionRAS(position):
            return
        node = self._parameters.series
        voxel = voxel_at(sequence.proxy_volume(node) or node.GetNthDataNode(0), position)
        if voxel is None:
            return
        try:
            series = self._series()
        except InputError:
            return
        k, j, i = voxel
        charts.show_voxel_curve(slicer.mrmlScene, series.frame_times_s, series.signal[:, k, j, i])
