"""The two regions that divide time for collateral maps: an artery and the sagittal sinus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..mrml import sequence
from ..mrml.segments import ensure_segment, voxels_of_segment
from ..series.bolus import find_bolus
from ..series.brain_mask import brain_mask
from ..series.dsc_series import DscSeries
from .errors_shown import errors_shown
from .loading import show_in_toolbar
from .segment_choice import SegmentChoice
from .segment_editor import edit_segments

_MCA_COLOR = (0.9, 0.2, 0.2)
_SSS_COLOR = (0.2, 0.4, 0.9)


class VesselRegions:
    """Two segments, in the middle cerebral artery (MCA) and in the superior sagittal sinus (SSS).

    series()  the chosen series; raises InputError.
    """

    def __init__(self, ui: Any, series: Callable[[], DscSeries]) -> None:
        self._ui = ui
        self._series = series
        self._parameters: Any = None
        self._hidden = False
        self._mca = SegmentChoice(ui.mcaComboBox, self._on_mca)
        self._sss = SegmentChoice(ui.sssComboBox, self._on_sss)
        ui.drawVesselsButton.connect("clicked()", self._on_draw)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            self._hidden = False
            self._mca.show(None, "")
            self._sss.show(None, "")

    def update(self, needed: bool, has_series: bool) -> None:
        """Ask for the regions where the chosen method needs them."""
        self._ui.vesselFrame.setVisible(needed)
        segmentation = self._parameters.vesselSegmentation
        self._mca.show(segmentation, self._parameters.mcaId)
        self._sss.show(segmentation, self._parameters.sssId)
        self._ui.drawVesselsButton.setEnabled(has_series)

    def missing(self) -> str:
        """What the person still has to give; empty where nothing is missing."""
        segmentation = self._parameters.vesselSegmentation
        if segmentation is None:
            return _("Choose or draw a segmentation with both vessels.")
        found = segmentation.GetSegmentation()
        if found.GetSegment(self._parameters.mcaId) is None:
            return _("Choose the segment in the middle cerebral artery of the healthy side.")
        if found.GetSegment(self._parameters.sssId) is None:
            return _("Choose the segment in the superior sagittal sinus.")
        if self._parameters.mcaId == self._parameters.sssId:
            return _("Artery and sinus are the same segment; choose two.")
        return ""

    def regions(self) -> dict[str, np.ndarray]:
        """(K, J, I) bool voxels of both on the series' grid, by the names of the command line.

        Raises InputError where a segment fills no voxel by half.
        """
        node = self._parameters.series
        volume = sequence.proxy_volume(node) or node.GetNthDataNode(0)
        return {
            name: voxels_of_segment(self._parameters.vesselSegmentation, segment_id, volume)
            for name, segment_id in (
                ("mca", self._parameters.mcaId),
                ("sss", self._parameters.sssId),
            )
        }

    def _on_mca(self, segment_id: str) -> None:
        if self._parameters is not None:
            self._parameters.mcaId = segment_id

    def _on_sss(self, segment_id: str) -> None:
        if self._parameters is not None:
            self._parameters.sssId = segment_id

    def _on_draw(self) -> None:
        with errors_shown(_("The Segment Editor cannot be opened."), wait_cursor=True):
            self.prepare_segments()
            # Where the bolus is at its peak vessels are darkest; no map may lie over them.
            node, series = self._parameters.series, self._series()
            peak = find_bolus(series, brain_mask(series)).peak
            sequence.browse(node).SetSelectedItemNumber(peak)
            self._hidden = self._parameters.overlayVisible
            self._parameters.overlayVisible = False
            show_in_toolbar(node)
            edit_segments(
                self._parameters.vesselSegmentation,
                sequence.proxy_volume(node),
                self._parameters.mcaId,
            )

    def drawn(self) -> None:
        """The person is back from drawing: the map is shown again that was hidden for it."""
        if self._parameters is not None and self._hidden:
            self._hidden = False
            self._parameters.overlayVisible = True

    def prepare_segments(self) -> None:
        """Have a segmentation with both segments to draw in, on the grid of the series."""
        if self._parameters.vesselSegmentation is None:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", _("Vessels"))
            node.CreateDefaultDisplayNodes()
            reference = sequence.proxy_volume(self._parameters.series)
            if reference is not None:
                node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
            self._parameters.vesselSegmentation = node
        segmentation = self._parameters.vesselSegmentation
        self._parameters.mcaId = ensure_segment(
            segmentation, self._parameters.mcaId, _("MCA, healthy side"), _MCA_COLOR
        )
        self._parameters.sssId = ensure_segment(
            segmentation, self._parameters.sssId, _("Sagittal sinus"), _SSS_COLOR
        )
