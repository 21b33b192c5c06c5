"""Step 3 of the panel: the method, what it needs and is valid for."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..methods.registry import describe_methods
from ..series.dsc_series import DscSeries


class MethodSection:
    """Offers the methods of the registry; the choice is stored by name."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._parameters: Any = None
        self._methods = {method["name"]: method for method in describe_methods()}
        for name, method in self._methods.items():
            ui.methodComboBox.addItem(f"{method['title']} ({name})", name)
        ui.methodComboBox.connect("currentIndexChanged(int)", self._on_method)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters

    def update(self) -> None:
        """Show the stored choice and describe it."""
        if self._parameters is None:
            return
        name = self._parameters.method
        index = self._ui.methodComboBox.findData(name)
        if index != self._ui.methodComboBox.currentIndex:
            was_blocked = self._ui.methodComboBox.blockSignals(True)
            self._ui.methodComboBox.setCurrentIndex(index)
            self._ui.methodComboBox.blockSignals(was_blocked)
        self._ui.methodLabel.setText(self._in_words(name))

    def missing(self, series: DscSeries) -> str:
        """What the chosen method lacks with this series; empty where nothing is missing."""
        method = self._methods.get(self._parameters.method)
        if method is None:
            return _("Choose a method.")
        needs = method["needs"]
        if needs["echo_time"] and series.echo_time_s is None:
            return _("The echo time is not stored with the series; type it in step 1.")
        if series.frame_count < needs["minimum_frames"]:
            return _("{method} needs {needed} frames or more; the series has {found}.").format(
                method=method["title"], needed=needs["minimum_frames"], found=series.frame_count
            )
        return ""

    def needs_aif(self) -> bool:
        """Whether the chosen method needs an arterial input function."""
        method = self._methods.get(self._parameters.method)
        return method is not None and method["needs"]["aif"]

    def _in_words(self, name: str) -> str:
        method = self._methods.get(name)
        if method is None:
            return _("{name} is not installed here; choose another method.").format(name=name)
        needs = [_("{frames} frames or more").format(frames=method["needs"]["minimum_frames"])]
        if method["needs"]["aif"]:
            needs.append(_("an arterial input function"))
        if method["needs"]["echo_time"]:
            needs.append(_("the echo time"))
        return _("{description} Needs {needs}. Gives {quantities}.").format(
            description=method["description"],
            needs=", ".join(needs),
            quantities=", ".join(item["name"] for item in method["quantities"]),
        )

    def _on_method(self, index: int) -> None:
        if self._parameters is not None and index >= 0:
            self._parameters.method = self._ui.methodComboBox.itemData(index)
