"""A combo box that offers the segments of a segmentation by name and remembers one by its ID."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _


class SegmentChoice:
    """Binds a QComboBox to the segments of a segmentation node.

    chosen(segment_id)  called when the person picks another segment; "" for none.
    """

    def __init__(self, combo_box: Any, chosen: Callable[[str], None]) -> None:
        self._combo_box = combo_box
        self._chosen = chosen
        self._segmentation: Any = None
        self._observations: list[int] = []
        self._segment_id = ""
        combo_box.connect("currentIndexChanged(int)", self._on_index)
        self._fill()

    def show(self, segmentation: Any, segment_id: str) -> None:
        """Offer the segments of `segmentation` (None for none) with `segment_id` picked."""
        if segmentation is not self._segmentation:
            self.release()
            self._segmentation = segmentation
            if segmentation is not None:
                events = slicer.vtkSegmentation
                self._observations = [
                    segmentation.AddObserver(event, lambda *_: self._fill())
                    for event in (
                        events.SegmentAdded,
                        events.SegmentRemoved,
                        events.SegmentModified,
                    )
                ]
        self._segment_id = segment_id
        self._fill()

    def release(self) -> None:
        """Stop listening to the segmentation."""
        for tag in self._observations:
            self._segmentation.RemoveObserver(tag)
        self._observations = []
        self._segmentation = None

    def _fill(self) -> None:
        was_blocked = self._combo_box.blockSignals(True)
        self._combo_box.clear()
        self._combo_box.addItem(_("Select a segment"), "")
        picked = 0
        if self._segmentation is not None:
            segmentation = self._segmentation.GetSegmentation()
            for number in range(segmentation.GetNumberOfSegments()):
                segment_id = segmentation.GetNthSegmentID(number)
                self._combo_box.addItem(segmentation.GetSegment(segment_id).GetName(), segment_id)
                if segment_id == self._segment_id:
                    picked = number + 1
        self._combo_box.setCurrentIndex(picked)
        self._combo_box.blockSignals(was_blocked)

    def _on_index(self, index: int) -> None:
        self._segment_id = self._combo_box.itemData(index) or ""
        self._chosen(self._segment_id)
