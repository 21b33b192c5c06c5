"""The panel as a whole: its sections, the parameter node they work on, and the run."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..errors import InputError
from ..mrml import maps, overlay, sequence
from ..mrml.job import MapsJob, write_inputs
from ..mrml.results import load_result
from ..mrml.series_cache import SeriesCache
from .aif_section import AifSection
from .child import ChildProcess, PopenChild
from .cli_job import Listener
from .cursor_curve import CursorCurve
from .errors_shown import errors_shown
from .fit_height import FitHeight
from .loading import load_series_to_complete, show_in_toolbar, show_series
from .maps_section import MapsSection
from .mask_section import MaskSection
from .method_section import MethodSection
from .ratio_section import RatioSection
from .requirements import ensure_packages, ensure_torch
from .run_button import RunButton, Words
from .series_section import SeriesSection
from .training_section import TrainingSection
from .vessel_regions import VesselRegions

_NETWORK_PACKAGES = ("jsonschema", "safetensors")


class Panel:
    """Ties the sections together.

    ui          the widgets of SyntheticPerfusion.ui by name.
    make_child  gives the child process of a run; tests give their own.
    """

    def __init__(self, ui: Any, make_child: Callable[[], ChildProcess] = PopenChild) -> None:
        self._ui = ui
        self._parameters: Any = None
        self._updating = False
        self._shown: tuple[object, ...] = ()
        self._height = FitHeight(
            ui.seriesSection.parentWidget(),
            [
                ui.seriesSection,
                ui.aifSection,
                ui.methodSection,
                ui.modelCardSection,
                ui.preparationSection,
                ui.mapsSection,
                ui.ratioSection,
                ui.trainingSection,
                ui.logSection,
            ],
        )
        self.cache = SeriesCache()
        self.method = MethodSection(ui, self.rescan)
        self.series = SeriesSection(
            ui, self.cache, self._load, self.update, self.method.needs_echo_time
        )
        self.cursor = CursorCurve(ui.cursorCurveCheckBox, self.series.series)
        self.mask = MaskSection(ui, self.series.series)
        self.aif = AifSection(ui, self.series.series, self.mask.mask, self._height.later)
        self.vessels = VesselRegions(ui, self.series.series)
        words = Words(_("Apply"), _("Cancel"), _("Stop the computation."))
        self.apply = RunButton(ui.applyButton, ui.progressBar, words, self._on_apply, make_child)
        self.maps = MapsSection(ui)
        self.ratio = RatioSection(ui, self.say)
        self.training = TrainingSection(
            ui, self.method.is_listed, self.rescan, self._height.later, make_child
        )
        ui.seriesSelector.connect("nodeActivated(vtkMRMLNode*)", self._on_series_picked)
        self._sections = (
            self.method,
            self.series,
            self.cursor,
            self.mask,
            self.aif,
            self.vessels,
            self.maps,
            self.ratio,
            self.training,
        )

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while a scene is being closed or loaded."""
        if parameters is None:
            self.apply.stop()
            self._ui.logText.clear()
        elif parameters.series is None:
            self.fold(False)
        self._parameters = parameters
        self._shown = ()
        for section in self._sections:
            section.set_parameters(parameters)
        self.update()

    def update(self) -> None:
        """Bring every section in line with the parameter node."""
        if self._updating or self._parameters is None:
            return
        self._updating = True
        try:
            self.method.update()
            self.series.update()
            has_series = not self._missing_series()
            self.cursor.update(has_series)
            self.mask.update(has_series)
            self.aif.update(has_series, self._aif_not_needed())
            self.vessels.update(self.method.needs_regions(), has_series)
            outside = self.method.show_range(self.series.series() if has_series else None)
            ready = _("Compute the maps of this series.")
            self.apply.update(self.missing(), "\n".join((ready, outside)).strip())
            self.maps.update()
            self._show_overlay_if_changed()
            self.ratio.update()
            self.training.update()
        finally:
            self._updating = False
            self._height.later()

    def rescan(self) -> None:
        """List the models that there are now."""
        self.method.scan()
        self.training.scan()
        self.update()

    def close(self) -> None:
        """End what runs in the background: the panel is going away."""
        self.apply.stop()
        self.training.stop()

    def _show_overlay_if_changed(self) -> None:
        parameters = self._parameters
        if parameters.overlayMap is None:
            return
        state = (
            parameters.overlayMap.GetID(),
            parameters.background and parameters.background.GetID(),
            parameters.overlayVisible,
            parameters.overlayOpacity,
            parameters.legendVisible,
        )
        if state != self._shown:
            self._shown = state
            self.maps.show()

    def missing(self) -> str:
        """What the person still has to give before Apply; empty where nothing is missing."""
        missing = self._missing_series()
        if missing:
            return missing
        missing = self.method.missing(self.series.series())
        if not missing and self.method.needs_regions():
            missing = self.vessels.missing()
        if not missing and self.method.needs_aif():
            missing = self.aif.missing()
        return missing

    def _aif_not_needed(self) -> str:
        if self.method.needs_aif() or not self.method.is_listed(self._parameters.method):
            return ""
        return _("{method} needs no arterial input function.").format(method=self.method.title())

    def _missing_series(self) -> str:
        if self._parameters.series is None:
            return _("Choose a series first.")
        return self.series.problem

    def say(self, text: str) -> None:
        """Add a line to the log at the foot of the panel."""
        logging.info("SyntheticPerfusion: %s", text)
        self._ui.logText.appendPlainText(text)

    def _load(self, path: Path) -> Any:
        def say(text: str) -> None:
            self.say(text)
            self._ui.logSection.collapsed = False

        return load_series_to_complete(path, say)

    def _on_series_picked(self, node: Any) -> None:
        """Have the views show the series that the panel speaks of, and its maps."""
        if node is None or self._parameters is None:
            return
        self.maps.leave_side_by_side()
        show_series(node)
        self._parameters.overlayMap = next(maps.maps_in(slicer.mrmlScene, node), None)
        self._shown = ()
        self.update()

    def _on_apply(self) -> None:
        with errors_shown(_("The maps cannot be computed."), wait_cursor=True):
            self._ensure_installed()
            folder = Path(mkdtemp(prefix="SyntheticPerfusion-", dir=slicer.app.temporaryPath))
            try:
                arguments = write_inputs(self._job(), folder)
                self._start(arguments, folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

    def _ensure_installed(self) -> None:
        # What is divided by regions is computed without it.
        if not self.method.needs_regions():
            ensure_torch()
        if self.method.needs_weights():
            ensure_packages(_NETWORK_PACKAGES)

    def _job(self) -> MapsJob:
        parameters = self._parameters
        needs_aif = self.method.needs_aif()
        return MapsJob(
            series=self.series.series(),
            method=parameters.method,
            device=parameters.device.value,
            mask=self.mask.mask(),
            aif_voxels=self.aif.voxels() if needs_aif else None,
            aif_file=self.aif.file() if needs_aif else None,
            regions=self.vessels.regions() if self.method.needs_regions() else {},
            correct_motion=parameters.correctMotion,
            correct_leakage=parameters.correctLeakage and self.method.can_correct_leakage(),
            smoothing_time_s=parameters.smoothingTimeS,
            smoothing_space_mm=parameters.smoothingSpaceMm,
        )

    def _start(self, arguments: list[str], folder: Path) -> None:
        node, method = self._parameters.series, self._parameters.method
        self._ui.logText.clear()

        def done(result: dict[str, Any]) -> None:
            with errors_shown(_("The maps cannot be loaded."), wait_cursor=True):
                self._on_done(result, method, node)

        def failed(text: str) -> None:
            self.say(text)
            slicer.util.errorDisplay(text, windowTitle=_("The maps cannot be computed."))

        def warn(text: str) -> None:
            self.say(_("Note: {text}").format(text=text))
            self._ui.logSection.collapsed = False

        listener = Listener(
            warning=warn,
            log=self.say,
            done=done,
            failed=failed,
            cancelled=lambda: self.say(_("Cancelled.")),
        )
        self.apply.run(arguments, listener, lambda: shutil.rmtree(folder, ignore_errors=True))

    def _on_done(self, result: dict[str, Any], method: str, node: Any) -> None:
        if slicer.mrmlScene.GetNodeByID(node.GetID()) is not node:
            raise InputError(_("The series was removed from the scene while its maps were made."))
        before = {volume.GetID() for volume in maps.maps_in(slicer.mrmlScene)}
        loaded = load_result(slicer.mrmlScene, result, method, node)
        if loaded.aif is not None:
            self.aif.show(loaded.aif)
        if loaded.phases is not None:
            show_in_toolbar(loaded.phases)
        seconds = loaded.report.get("seconds", {})
        self.say(
            _("{count} maps by {method} on {device} in {seconds:.1f} s.").format(
                count=len(loaded.maps),
                method=method,
                device=loaded.report.get("device", "?"),
                seconds=sum(seconds.values()),
            )
        )
        sequence.browse(node)
        if not overlay.is_shown(slicer.mrmlScene, sequence.proxy_volume(node)):
            show_series(node)
        self.fold(True)
        if loaded.maps and self._parameters.overlayMap not in loaded.maps:
            self._parameters.overlayMap = loaded.maps[0]
        self.maps.tick(loaded.maps, before)
        self._shown = ()
        self.update()

    def fold(self, has_maps: bool) -> None:
        """What has been done is folded away, and what cannot be done yet."""
        for section in (self._ui.seriesSection, self._ui.aifSection, self._ui.methodSection):
            section.collapsed = has_maps
        for section in (self._ui.mapsSection, self._ui.ratioSection):
            section.collapsed = not has_maps
