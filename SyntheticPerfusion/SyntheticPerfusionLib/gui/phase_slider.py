"""A slider through the five phases of collateral maps, in step with Slicer's own controls."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from ..mrml import phases, sequence


class PhaseSlider:
    """Seen where the chosen map is one of a sequence of phases; moving it chooses another.

    The chosen map and the sequence stay together: where a person scrolls or plays the sequence
    with Slicer's toolbar, the map of that phase is chosen here.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._parameters: Any = None
        self._browser: Any = None
        self._observation = 0
        ui.phaseSlider.connect("valueChanged(int)", self._on_slider)
        self._show(False)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters
        if parameters is None:
            self._observe(None)
            self._show(False)

    def update(self) -> None:
        """Show the phase of the chosen map."""
        volume = self._parameters.overlayMap
        node = phases.phases_of(volume)
        self._show(node is not None)
        self._observe(sequence.browser_of(node) if node is not None else None)
        if node is None:
            return
        number = phases.step_of(volume)
        was_blocked = self._ui.phaseSlider.blockSignals(True)
        self._ui.phaseSlider.setValue(number)
        self._ui.phaseSlider.blockSignals(was_blocked)
        self._ui.phaseLabel.setText(_in_words(number, phases.time_of_step(node, number)))

    def _show(self, visible: bool) -> None:
        for widget in (self._ui.phaseTitleLabel, self._ui.phaseSlider, self._ui.phaseLabel):
            widget.setVisible(visible)

    def _observe(self, browser: Any) -> None:
        """Listen to this browser, None for no more."""
        if browser is self._browser:
            return
        if self._browser is not None:
            self._browser.RemoveObserver(self._observation)
        self._browser = browser
        if browser is not None:
            self._observation = browser.AddObserver("ModifiedEvent", self._on_browser)

    def _on_slider(self, number: int) -> None:
        if self._parameters is not None:
            self._choose(number)

    def _on_browser(self, caller: Any = None, event: Any = None) -> None:
        """Slicer's controls moved the sequence."""
        if self._parameters is None or self._browser is None:
            return
        volume, number = self._parameters.overlayMap, self._browser.GetSelectedItemNumber()
        if volume is not None and number >= 0 and number != phases.step_of(volume):
            self._choose(number)

    def _choose(self, number: int) -> None:
        """Choose the map of this phase; nothing where it was removed from the scene."""
        node = phases.phases_of(self._parameters.overlayMap)
        volume = phases.map_of_step(node, number) if node is not None else None
        if volume is not None:
            self._parameters.overlayMap = volume


def _in_words(number: int, time_s: tuple[float, float] | None) -> str:
    """A phase and, where it is known, its time: ``early venous, 18.0 to 21.5 s``."""
    phase = (
        _("arterial"),
        _("capillary"),
        _("early venous"),
        _("late venous"),
        _("delay"),
    )[number]
    if time_s is None:
        return phase
    return _("{phase}, {start:.1f} to {end:.1f} s").format(
        phase=phase, start=time_s[0], end=time_s[1]
    )
