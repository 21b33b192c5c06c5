"""Step 2 of the panel: the arterial input function, always with its curve, voxels and quality."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..errors import InputError
from ..mrml import aif as aif_in_scene
from ..mrml import charts, sequence
from ..mrml.probe import jump_to
from ..mrml.segments import voxels_of_segment
from ..pipeline import arterial_input
from ..series.aif import Aif
from ..series.aif_voxels import aif_of_voxels
from ..series.dsc_series import DscSeries
from ..series.prepare import PreparationOptions, prepare
from .errors_shown import errors_shown
from .path_edit import show_no_dot
from .plot_frame import PlotFrame
from .segment_choice import SegmentChoice

AUTOMATIC, SEGMENT, FILE = "Automatic", "Segment", "File"


class AifSection:
    """Chooses where the arterial curve comes from and shows it.

    series()  the chosen series; raises InputError.
    mask()    the brain mask drawn by the person, None for the automatic one.
    grown()   called when more is shown than before.
    """

    def __init__(
        self,
        ui: Any,
        series: Callable[[], DscSeries],
        mask: Callable[[], np.ndarray | None],
        grown: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._series = series
        self._mask = mask
        self._grown = grown
        self._parameters: Any = None
        self._plot = PlotFrame(ui.aifCurveFrame, "SyntheticPerfusionAifCurve")
        self._segment = SegmentChoice(ui.aifSegmentComboBox, self._on_segment)
        ui.showAifButton.connect("clicked()", self._on_show)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            self._plot.clear()
            self._segment.show(None, "")
            self._ui.aifQualityLabel.setText("")

    def update(self, has_series: bool, not_needed: str) -> None:
        """Show the fields of the chosen source.

        not_needed  why the method needs no arterial input function: the section is greyed then.
        """
        if self._parameters is None:
            return
        show_no_dot(self._ui.aifFileEdit)
        self._ui.aifReasonLabel.setText(not_needed)
        self._ui.aifReasonLabel.setVisible(bool(not_needed))
        for widget in (
            self._ui.aifSectionFormLabel0,
            self._ui.aifSourceComboBox,
            self._ui.aifSegmentationLabel,
            self._ui.aifSegmentationSelector,
            self._ui.aifSegmentLabel,
            self._ui.aifSegmentComboBox,
            self._ui.aifFileLabel,
            self._ui.aifFileEdit,
            self._ui.aifCurveFrame,
            self._ui.aifQualityLabel,
        ):
            widget.setEnabled(not not_needed)
        source = self._parameters.aifSource.name
        for widget in (
            self._ui.aifSegmentationLabel,
            self._ui.aifSegmentationSelector,
            self._ui.aifSegmentLabel,
            self._ui.aifSegmentComboBox,
        ):
            widget.setVisible(source == SEGMENT)
        for widget in (self._ui.aifFileLabel, self._ui.aifFileEdit):
            widget.setVisible(source == FILE)
        self._segment.show(self._parameters.aifSegmentation, self._parameters.aifSegmentId)
        missing = self.missing()
        self._ui.showAifButton.setEnabled(has_series and not missing and not not_needed)

    def missing(self) -> str:
        """What the person still has to give; empty where nothing is missing."""
        source = self._parameters.aifSource.name
        if source == SEGMENT and not self._has_segment():
            return _("Choose the segment that lies on an artery.")
        if source == FILE and not Path(self._parameters.aifFile).is_file():
            return _("Choose the CSV file of the arterial curve.")
        return ""

    def _has_segment(self) -> bool:
        segmentation = self._parameters.aifSegmentation
        return (
            segmentation is not None
            and segmentation.GetSegmentation().GetSegment(self._parameters.aifSegmentId) is not None
        )

    def voxels(self) -> np.ndarray | None:
        """(K, J, I) bool arterial voxels of the chosen segment; None for another source."""
        if self._parameters.aifSource.name != SEGMENT:
            return None
        if not self._has_segment():
            raise InputError(self.missing())
        return voxels_of_segment(
            self._parameters.aifSegmentation, self._parameters.aifSegmentId, self._proxy()
        )

    def _proxy(self) -> Any:
        node = self._parameters.series
        return sequence.proxy_volume(node) or node.GetNthDataNode(0)

    def file(self) -> Path | None:
        """CSV file of the arterial curve; None for another source."""
        if self._parameters.aifSource.name != FILE:
            return None
        return Path(self._parameters.aifFile)

    def show(self, aif: Aif) -> None:
        """Show a curve and its quality figures."""
        self._plot.show(charts.show_aif_curve(slicer.mrmlScene, aif))
        self._ui.aifQualityLabel.setText(quality_in_words(aif))
        self._grown()

    def _on_segment(self, segment_id: str) -> None:
        if self._parameters is not None:
            self._parameters.aifSegmentId = segment_id

    def _on_show(self) -> None:
        with errors_shown(_("The arterial input function cannot be shown."), wait_cursor=True):
            aif = self._read()
            self.show(aif)
            if aif.voxels is not None:
                geometry = self._series().geometry
                aif_in_scene.show_aif_voxels(
                    slicer.mrmlScene, aif.voxels, geometry, self._parameters.series
                )
                jump_to(slicer.mrmlScene, self._proxy(), aif_in_scene.typical_voxel(aif.voxels))

    def _read(self) -> Aif:
        # Motion correction takes too long for a look; the run shows the curve that it used.
        options = PreparationOptions(
            smoothing_time_s=self._parameters.smoothingTimeS,
            smoothing_space_mm=self._parameters.smoothingSpaceMm,
        )
        prepared = prepare(self._series(), options, self._mask())
        voxels = self.voxels()
        if voxels is not None:
            return aif_of_voxels(prepared.series, voxels, prepared.bolus, "segment")
        return arterial_input(prepared, self.file())


def quality_in_words(aif: Aif) -> str:
    """The figures by which a person judges the curve, and what there is to warn of."""
    quality = aif.quality
    width = (
        _("width at half its height {width:.1f} s").format(width=quality.fwhm_s)
        if np.isfinite(quality.fwhm_s)
        else _("a flank is cut off")
    )
    count = (
        _("{count} voxels, ").format(count=int(aif.voxels.sum())) if aif.voxels is not None else ""
    )
    said = _(
        "{source}: {count}peak {peak:.0f} 1/s at {time:.1f} s, {width}, ends at {tail:.0f} % of "
        "its peak; {saturation}."
    ).format(
        source=aif.source,
        count=count,
        peak=quality.peak,
        time=quality.peak_time_s,
        width=width,
        tail=100.0 * quality.tail_fraction,
        saturation=_("saturated") if quality.saturated else _("not saturated"),
    )
    return " ".join((said, *aif.warnings))
