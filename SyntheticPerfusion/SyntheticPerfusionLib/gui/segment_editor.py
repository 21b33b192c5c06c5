"""Slicer's Segment Editor, opened on what is to be drawn."""

from __future__ import annotations

from typing import Any

import slicer


def edit_segments(segmentation: Any, source: Any, segment_id: str = "") -> None:
    """Open the Segment Editor on a segmentation over the volume `source`, None for any.

    segment_id  the segment to begin with; "" leaves that to the editor.
    """
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setSegmentationNode(segmentation)
    if source is not None:
        editor.setSourceVolumeNode(source)
    if segment_id:
        editor.setCurrentSegmentID(segment_id)
