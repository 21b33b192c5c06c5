"""The series of a sequence node as one array, made once and kept while the node stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..series.dsc_series import DscSeries
from .sequence import series_from_sequence

if TYPE_CHECKING:
    from slicer import vtkMRMLSequenceNode


class SeriesCache:
    """Keeps one series: the one that was asked for last."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._series: DscSeries | None = None

    def series(
        self,
        node: vtkMRMLSequenceNode,
        frame_interval_s: float | None = None,
        echo_time_s: float | None = None,
    ) -> DscSeries:
        """As `series_from_sequence`, without reading the voxels again where nothing changed."""
        key = (node.GetID(), node.GetMTime(), frame_interval_s or None, echo_time_s or None)
        if self._series is None or key != self._key:
            self._series = series_from_sequence(node, frame_interval_s, echo_time_s)
            self._key = key
        return self._series

    def clear(self) -> None:
        """Forget the series and free its memory."""
        self._key, self._series = (), None
