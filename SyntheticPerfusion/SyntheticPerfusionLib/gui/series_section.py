"""Step 1 of the panel: the series, its timing and where it came from, and the bolus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..errors import InputError
from ..mrml import charts, phases, timing
from ..mrml.series_cache import SeriesCache
from ..series.bolus import BolusTiming, find_bolus
from ..series.brain_mask import brain_mask
from ..series.dsc_series import DscSeries
from .errors_shown import errors_shown
from .plot_frame import PlotFrame

_FILE_FILTER = "*.nii *.nii.gz *.nrrd *.nhdr *.dcm"


class SeriesSection:
    """Chooses, loads and describes the series.

    changed()     called when the chosen series, or what is known of it, changed.
    load(path)    loads a file or folder and returns its sequence node; raises InputError.
    needs_echo_time()  whether the chosen method does: it is asked for only then.
    """

    def __init__(
        self,
        ui: Any,
        cache: SeriesCache,
        load: Callable[[Path], Any],
        changed: Callable[[], None],
        needs_echo_time: Callable[[], bool],
    ) -> None:
        self._ui = ui
        self._cache = cache
        self._load = load
        self._changed = changed
        self._needs_echo_time = needs_echo_time
        self._parameters: Any = None
        self._shown: tuple[object, ...] = ()
        self._node_before: Any = None
        self._plot = PlotFrame(ui.brainCurveFrame, "SyntheticPerfusionBrainCurve")
        self.problem = ""
        ui.loadFileButton.connect("clicked()", self._on_load_file)
        ui.loadFolderButton.connect("clicked()", self._on_load_folder)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        self._shown = ()
        self._node_before = parameters.series if parameters is not None else None
        if parameters is None:
            self._plot.clear()
            self._cache.clear()

    def series(self) -> DscSeries:
        """The chosen series; raises InputError where there is none or it cannot be used."""
        if self._parameters is None or self._parameters.series is None:
            raise InputError(_("Choose a series first."))
        return self._cache.series(
            self._parameters.series,
            self._parameters.frameIntervalS or None,
            self._parameters.echoTimeMs / 1000.0 or None,
        )

    def update(self) -> None:
        """Describe the chosen series; does nothing where nothing changed."""
        self._offer_no_maps()
        node = self._parameters.series if self._parameters is not None else None
        self._forget_what_was_typed_for_another(node)
        state = (
            node and (node.GetID(), node.GetMTime()),
            self._parameters and self._parameters.frameIntervalS,
            self._parameters and self._parameters.echoTimeMs,
            self._parameters and self._needs_echo_time(),
        )
        if state == self._shown:
            return
        self._shown = state
        self.problem = ""
        if node is None:
            self._forget()
            return
        try:
            self._describe_timing(node)
            self._describe_bolus(self.series())
        except InputError as error:
            self.problem = str(error)
            self._ui.bolusLabel.setText(self.problem)
            self._plot.show(None)

    def _offer_no_maps(self) -> None:
        """Collateral maps are a sequence too, and no series to choose."""
        ids = [node.GetID() for node in phases.phases_in(slicer.mrmlScene)]
        self._ui.seriesSelector.sortFilterProxyModel().hiddenNodeIDs = ids

    def _forget_what_was_typed_for_another(self, node: Any) -> None:
        """A time typed for one series must not silently replace the stored one of the next."""
        if node is self._node_before or node is None:
            return
        if self._node_before is not None:
            self._parameters.echoTimeMs = 0.0
            self._parameters.frameIntervalS = 0.0
        self._node_before = node

    def _forget(self) -> None:
        for label in (self._ui.echoTimeLabel, self._ui.frameIntervalLabel, self._ui.bolusLabel):
            label.setText("")
        self._plot.show(None)

    def _describe_timing(self, node: Any) -> None:
        self._ui.echoTimeLabel.setText(
            _("not stored: type it")
            if self._needs_echo_time()
            else _("not stored; the method needs none")
        )
        self._ui.frameIntervalLabel.setText(_("not stored: type it"))
        found = timing.read_timing(
            node, self._parameters.frameIntervalS or None, self._parameters.echoTimeMs / 1000.0
        )
        if found.echo is not None:
            self._ui.echoTimeLabel.setText(
                _("{value:.4g} ms, {source}").format(
                    value=found.echo.seconds * 1000.0, source=found.echo.source
                )
            )
        if found.frames is not None and found.frames.times_s.size > 1:
            said = _("{value:.4g} s, {source}").format(
                value=found.frames.interval_s, source=found.frames.source
            )
            self._ui.frameIntervalLabel.setText(" ".join((said, *found.frames.warnings)))

    def _describe_bolus(self, series: DscSeries) -> None:
        bolus = find_bolus(series, brain_mask(series))
        chart = charts.show_brain_curve(slicer.mrmlScene, series.frame_times_s, bolus)
        self._plot.show(chart)
        self._ui.bolusLabel.setText(self._in_words(series, bolus))

    def _in_words(self, series: DscSeries, bolus: BolusTiming) -> str:
        rows, columns, slices = (
            series.geometry.shape[1],
            series.geometry.shape[2],
            series.geometry.shape[0],
        )
        said = [
            _(
                "{frames} frames of {columns} x {rows} x {slices}. The bolus arrives at "
                "{arrival:.1f} s, its peak is at {peak:.1f} s; the brain's mean signal falls by "
                "{drop:.0f} %."
            ).format(
                frames=series.frame_count,
                columns=columns,
                rows=rows,
                slices=slices,
                arrival=bolus.arrival_time_s,
                peak=bolus.peak_time_s,
                drop=100.0 * bolus.drop,
            )
        ]
        if bolus.first_steady:
            said.append(
                _("The first {count} frame(s) are not at steady state and will be dropped.").format(
                    count=bolus.first_steady
                )
            )
        return " ".join(said)

    def _on_load_file(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            slicer.util.mainWindow(),
            _("Load a DSC series"),
            "",
            _("DSC series ({filter});;All files (*)").format(filter=_FILE_FILTER),
        )
        self._load_path(path)

    def _on_load_folder(self) -> None:
        self._load_path(
            qt.QFileDialog.getExistingDirectory(
                slicer.util.mainWindow(), _("Load the DICOM folder of a DSC series")
            )
        )

    def _load_path(self, path: str) -> None:
        if not path:
            return
        with errors_shown(_("The series cannot be loaded."), wait_cursor=True):
            self._parameters.series = self._load(Path(path))
            self._changed()
