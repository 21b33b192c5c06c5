"""Step 5 of the panel: tumor over contralateral tissue, for every map of the series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..mrml import maps, ratio_table
from ..mrml.segments import ensure_segment
from ..mrml.tables import named_node
from .errors_shown import errors_shown
from .segment_choice import SegmentChoice
from .segment_editor import edit_segments

RATIO_TABLE = "ROI ratios"
_HIGHEST_TABLE = 320
_TUMOR_COLOR = (0.9, 0.2, 0.2)
_CONTRALATERAL_COLOR = (0.2, 0.6, 0.9)


class RatioSection:
    """Two segments, measured on every map, in a table node.

    say(text)  tells the person something to read.
    """

    def __init__(self, ui: Any, say: Callable[[str], None]) -> None:
        self._ui = ui
        self._say = say
        self._parameters: Any = None
        self._tumor = SegmentChoice(ui.tumorComboBox, self._on_tumor)
        self._contralateral = SegmentChoice(ui.contralateralComboBox, self._on_contralateral)
        ui.ratioTableView.setVisible(False)
        ui.drawButton.connect("clicked()", self._on_draw)
        ui.measureButton.connect("clicked()", self._on_measure)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            self._tumor.show(None, "")
            self._contralateral.show(None, "")
            self._ui.ratioTableView.setMRMLTableNode(None)

    def update(self) -> None:
        """Show the stored choice; say on the button what is missing."""
        if self._parameters is None:
            return
        segmentation = self._parameters.roiSegmentation
        self._tumor.show(segmentation, self._parameters.tumorId)
        self._contralateral.show(segmentation, self._parameters.contralateralId)
        missing = self._missing()
        self._ui.measureButton.setEnabled(not missing)
        self._ui.measureButton.setToolTip(
            missing or _("Mean, ratio, voxels and volume of every map of this series.")
        )
        table = self._parameters.ratioTable
        self._ui.ratioTableView.setVisible(table is not None)
        if table is not self._ui.ratioTableView.mrmlTableNode():
            self._ui.ratioTableView.setMRMLTableNode(table)
            self._fit_table()

    def _fit_table(self) -> None:
        """As high as its rows, so that all maps are seen at once."""
        view = self._ui.ratioTableView
        view.resizeColumnsToContents()
        view.resizeRowsToContents()
        rows = view.verticalHeader().length() + view.horizontalHeader().sizeHint.height()
        around = view.horizontalScrollBar().sizeHint.height() + 2 * view.frameWidth
        view.setFixedHeight(min(_HIGHEST_TABLE, rows + around))

    def _missing(self) -> str:
        segmentation = self._parameters.roiSegmentation
        if segmentation is None:
            return _("Choose or draw a segmentation with both regions.")
        found = segmentation.GetSegmentation()
        if found.GetSegment(self._parameters.tumorId) is None:
            return _("Choose the segment of the tumor.")
        if found.GetSegment(self._parameters.contralateralId) is None:
            return _("Choose the segment of the contralateral tissue.")
        if self._parameters.tumorId == self._parameters.contralateralId:
            return _("Tumor and contralateral are the same segment; choose two.")
        if not self._maps():
            return _("There is no map to measure; press Apply first.")
        return ""

    def _maps(self) -> list[Any]:
        return list(maps.maps_in(slicer.mrmlScene, self._parameters.series))

    def _on_tumor(self, segment_id: str) -> None:
        if self._parameters is not None:
            self._parameters.tumorId = segment_id

    def _on_contralateral(self, segment_id: str) -> None:
        if self._parameters is not None:
            self._parameters.contralateralId = segment_id

    def _on_draw(self) -> None:
        with errors_shown(_("The Segment Editor cannot be opened.")):
            self.prepare_segments()
            edit_segments(
                self._parameters.roiSegmentation,
                self._parameters.overlayMap or self._parameters.background,
                self._parameters.tumorId,
            )

    def prepare_segments(self) -> None:
        """Have a segmentation with a tumor and a contralateral segment to draw in."""
        if self._parameters.roiSegmentation is None:
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", _("ROIs"))
            node.CreateDefaultDisplayNodes()
            reference = self._parameters.overlayMap or self._parameters.background
            if reference is not None:
                node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
            self._parameters.roiSegmentation = node
        segmentation = self._parameters.roiSegmentation
        self._parameters.tumorId = ensure_segment(
            segmentation, self._parameters.tumorId, _("Tumor"), _TUMOR_COLOR
        )
        self._parameters.contralateralId = ensure_segment(
            segmentation,
            self._parameters.contralateralId,
            _("Contralateral"),
            _CONTRALATERAL_COLOR,
        )

    def _on_measure(self) -> None:
        with errors_shown(_("The regions cannot be measured."), wait_cursor=True):
            table = self._parameters.ratioTable or named_node(
                slicer.mrmlScene, "vtkMRMLTableNode", RATIO_TABLE
            )
            warnings = ratio_table.fill_ratio_table(
                table,
                self._maps(),
                self._parameters.roiSegmentation,
                self._parameters.tumorId,
                self._parameters.contralateralId,
            )
            for text in warnings:
                self._say(text)
            self._parameters.ratioTable = table
            self._fit_table()
