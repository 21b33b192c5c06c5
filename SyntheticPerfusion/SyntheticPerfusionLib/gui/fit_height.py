"""Keeps the panel as high as its wrapped texts need."""

from __future__ import annotations

from typing import Any

import qt


class FitHeight:
    """Gives the panel its height for its width as the least height, once things have settled.

    From the second time a module is opened, Slicer's module panel no longer asks for the height
    that goes with a width, but for the least height, which knows nothing of wrapped texts: they
    would be drawn over each other.

    panel  the widget that holds the sections.
    """

    def __init__(self, panel: Any, sections: list[Any]) -> None:
        self._panel = panel
        # The panel's child: it goes with the panel, and lets go of this object then.
        self._timer = qt.QTimer(panel)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._fit)
        for section in sections:
            section.connect("contentsCollapsed(bool)", self.later)

    def later(self, *_: object) -> None:
        """Something came, went or changed its text."""
        self._timer.start()

    def _fit(self) -> None:
        # Below 0 where no text is wrapped: the least height is right then.
        height = self._panel.layout().heightForWidth(self._panel.width)
        self._panel.setMinimumHeight(max(0, height))
