"""Step 4 of the panel: which map is shown where and how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..errors import InputError
from ..maps.quantity import COLLATERALS
from ..mrml import legend, maps, overlay, phases, sequence, side_by_side
from .errors_shown import errors_shown
from .phase_slider import PhaseSlider

_BEYOND_WINDOW = 4.0
_STATUS_MS = 10000
_LAID_OUT_MS = 100
# Ticked at first for side by side: what is read together.
_READ_TOGETHER = {"CBF", "CBV", "MTT", "Tmax", *(item.name for item in COLLATERALS)}


class MapsSection:
    """One map laid over the series or an anatomical volume, or several side by side."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._parameters: Any = None
        self._updating = False
        self._listed: list[str] = []
        self._ticks: dict[str, bool] = {}
        self._layout_before: int | None = None
        self._beside: list[str] = []
        self._phases = PhaseSlider(ui)
        ui.mapSelector.addAttribute("vtkMRMLScalarVolumeNode", maps.QUANTITY)
        ui.colorSelector.connect("currentNodeChanged(vtkMRMLNode*)", self._on_colors)
        ui.windowRange.connect("valuesChanged(double,double)", self._on_window)
        ui.thresholdRange.connect("valuesChanged(double,double)", self._on_threshold)
        ui.resetDisplayButton.connect("clicked()", self._on_reset)
        ui.sideBySideButton.connect("clicked()", self._on_side_by_side)
        ui.singleViewButton.connect("clicked()", self._on_single_view)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        self._phases.set_parameters(parameters)
        if parameters is None:
            self._layout_before = None
            self._beside = []
            self._listed = []
            self._ticks = {}
            self._ui.mapsList.clear()

    def update(self) -> None:
        """Show the stored choice in the fields and in the slice views."""
        if self._parameters is None or self._updating:
            return
        self._updating = True
        try:
            self._fill_list()
            self._phases.update()
            self._show_display_of(self._parameters.overlayMap)
        finally:
            self._updating = False

    def show(self) -> None:
        """Lay the chosen map over the chosen image in the slice views."""
        if self._parameters is None:
            return
        volume = self._parameters.overlayMap
        if volume is not None and maps.QUANTITY not in volume.GetAttributeNames():
            return
        opacity = self._parameters.overlayOpacity
        shown = phases.show_phase_of(volume) if volume is not None else None
        overlay.show_overlay(
            slicer.mrmlScene,
            shown if self._parameters.overlayVisible else None,
            self.background(),
            opacity,
            side_by_side.other_views(slicer.mrmlScene),
        )
        # Other modules put what they show into all views, these too.
        if side_by_side.is_side_by_side(self._layout()):
            beside = self._volumes(self._beside)
            if not self._parameters.overlayVisible:
                beside = [None for _ in beside]
            side_by_side.fill_side_by_side(slicer.mrmlScene, beside, self.background(), opacity)
        self._show_legends()

    def background(self) -> Any:
        """The image under the map: the chosen volume, else the series' current frame."""
        if self._parameters.background is not None:
            return self._parameters.background
        node = self._parameters.series
        return sequence.proxy_volume(node) if node is not None else None

    def _show_legends(self) -> None:
        for volume in maps.maps_in(slicer.mrmlScene):
            legend.show_legend(volume, self._parameters.legendVisible)
        phases.show_legends(slicer.mrmlScene, self._parameters.legendVisible)
        for composite in overlay.slice_composites(slicer.mrmlScene):
            legend.draw_legends_in(composite)

    def tick(self, volumes: Sequence[Any], before: Collection[str]) -> None:
        """Tick the maps that a run has brought, in place of the others of their series.

        Where some of them were there and ticked, the person's choice stays, and new ones are added.

        before  identifiers of the maps that were there before the run.
        """
        self._read_ticks()
        renewed = [volume for volume in volumes if volume.GetID() in before]
        kept = any(self._ticks.get(volume.GetID()) for volume in renewed)
        series = {volume.GetNodeReferenceID(maps.SERIES_ROLE) for volume in volumes}
        if not kept:
            for other in maps.maps_in(slicer.mrmlScene):
                if other.GetNodeReferenceID(maps.SERIES_ROLE) in series:
                    self._ticks[other.GetID()] = False
        for volume in volumes:
            if not (kept and volume in renewed):
                self._ticks[volume.GetID()] = _is_usual(volume)
        self._listed = []
        self._ui.mapsList.clear()

    def _fill_list(self) -> None:
        """List the maps of the chosen series."""
        volumes = list(maps.maps_in(slicer.mrmlScene, self._parameters.series))
        ids = [volume.GetID() for volume in volumes]
        if ids == self._listed:
            return
        self._read_ticks()
        self._listed = ids
        self._ui.mapsList.clear()
        for volume in volumes:
            item = qt.QListWidgetItem(volume.GetName())
            item.setData(qt.Qt.UserRole, volume.GetID())
            item.setFlags(item.flags() | qt.Qt.ItemIsUserCheckable)
            ticked = self._ticks.setdefault(volume.GetID(), _is_usual(volume))
            item.setCheckState(qt.Qt.Checked if ticked else qt.Qt.Unchecked)
            self._ui.mapsList.addItem(item)

    def _read_ticks(self) -> None:
        for row in range(self._ui.mapsList.count):
            item = self._ui.mapsList.item(row)
            self._ticks[item.data(qt.Qt.UserRole)] = item.checkState() == qt.Qt.Checked

    def _ticked(self) -> list[Any]:
        self._read_ticks()
        nodes = self._volumes([node_id for node_id in self._listed if self._ticks[node_id]])
        return [node for node in nodes if node is not None]

    def _volumes(self, ids: list[str]) -> list[Any]:
        """The maps of these identifiers, None for those that are gone."""
        return [slicer.mrmlScene.GetNodeByID(node_id) for node_id in ids]

    def _show_display_of(self, volume: Any) -> None:
        fields = (
            self._ui.colorSelector,
            self._ui.windowRange,
            self._ui.thresholdRange,
            self._ui.resetDisplayButton,
        )
        for field in fields:
            field.setEnabled(volume is not None)
        shown = phases.shown_volume(volume) if volume is not None else None
        display = shown.GetScalarVolumeDisplayNode() if shown is not None else None
        if display is None:
            return
        self._ui.colorSelector.setCurrentNode(display.GetColorNode())
        lowest, highest = self._limits(volume)
        for field in (self._ui.windowRange, self._ui.thresholdRange):
            field.setRange(lowest, highest)
            field.singleStep = (highest - lowest) / 200.0
        self._ui.windowRange.setValues(display.GetWindowLevelMin(), display.GetWindowLevelMax())
        if display.GetApplyThreshold():
            self._ui.thresholdRange.setValues(
                max(lowest, display.GetLowerThreshold()), min(highest, display.GetUpperThreshold())
            )
        else:
            self._ui.thresholdRange.setValues(lowest, highest)

    def _limits(self, volume: Any) -> tuple[float, float]:
        """Ends of the sliders: beyond the usual window, so that outliers do not squeeze it."""
        low, high = maps.usual_window(volume)
        display = volume.GetScalarVolumeDisplayNode()
        return (
            min(low, display.GetWindowLevelMin()),
            max(high * _BEYOND_WINDOW, display.GetWindowLevelMax()),
        )

    def _on_colors(self, node: Any) -> None:
        if self._updating or node is None or self._parameters.overlayMap is None:
            return
        for volume in phases.shown_alike(self._parameters.overlayMap):
            volume.GetScalarVolumeDisplayNode().SetAndObserveColorNodeID(node.GetID())

    def _on_window(self, lowest: float, highest: float) -> None:
        if self._updating or self._parameters.overlayMap is None:
            return
        for volume in phases.shown_alike(self._parameters.overlayMap):
            maps.set_window(volume, lowest, highest)

    def _on_threshold(self, lowest: float, highest: float) -> None:
        volume = self._parameters.overlayMap if self._parameters is not None else None
        if self._updating or volume is None:
            return
        ends = self._limits(volume)
        # At its end the slider means 'no limit', except that 0 itself is no value.
        low = lowest if lowest > ends[0] else maps.lowest_value(maps.quantity_of(volume))
        for other in phases.shown_together(volume):
            maps.set_threshold(other, low, highest if highest < ends[1] else None)

    def _on_reset(self) -> None:
        if self._parameters.overlayMap is not None:
            phases.show_as_usual(self._parameters.overlayMap)
            self.update()

    def _on_side_by_side(self) -> None:
        with errors_shown(_("The maps cannot be shown side by side.")):
            volumes = self._ticked()
            if not volumes:
                raise InputError(_("Tick the maps to show first."))
            layout = self._layout()
            if not side_by_side.is_side_by_side(layout):
                self._layout_before = layout.GetViewArrangement()
            shown = volumes[: side_by_side.MOST_VIEWS]
            self._beside = [volume.GetID() for volume in shown]
            side_by_side.show_side_by_side(
                layout, shown, self.background(), self._parameters.overlayOpacity
            )
            self._show_legends()
            names = side_by_side.view_names(len(shown))
            # Once the views have the sizes of the new layout.
            qt.QTimer.singleShot(_LAID_OUT_MS, lambda: self._fit(names))
            if len(volumes) > len(shown):
                slicer.util.showStatusMessage(
                    _("{ticked} maps are ticked; the first {shown} of them are shown.").format(
                        ticked=len(volumes), shown=len(shown)
                    ),
                    _STATUS_MS,
                )

    def _on_single_view(self) -> None:
        self.leave_side_by_side()
        self.show()

    def leave_side_by_side(self) -> None:
        """Back to the layout from which the maps were put side by side."""
        layout = self._layout()
        if side_by_side.is_side_by_side(layout):
            before = self._layout_before
            if before is None:
                before = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
            layout.SetViewArrangement(before)

    def _layout(self) -> Any:
        return slicer.app.layoutManager().layoutLogic().GetLayoutNode()

    def _fit(self, views: list[str]) -> None:
        """Show the whole slice in each view, and a head as large in each, however wide it is."""
        widgets = [slicer.app.layoutManager().sliceWidget(name) for name in views]
        widgets = [widget for widget in widgets if widget is not None]
        for widget in widgets:
            widget.sliceLogic().FitSliceToAll()
        nodes = [widget.mrmlSliceNode() for widget in widgets]
        laid_out = [node for node in nodes if all(node.GetDimensions()[:2])]
        most = max((n.GetFieldOfView()[0] / n.GetDimensions()[0] for n in laid_out), default=0.0)
        for node in laid_out:
            columns, rows, _slices = node.GetDimensions()
            node.SetFieldOfView(columns * most, rows * most, node.GetFieldOfView()[2])


def _is_usual(volume: Any) -> bool:
    return volume.GetAttribute(maps.QUANTITY) in _READ_TOGETHER
