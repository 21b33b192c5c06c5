"""The brain mask, automatic unless the person corrects it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..mrml import brain, sequence
from ..series.brain_mask import brain_mask
from ..series.dsc_series import DscSeries
from .errors_shown import errors_shown
from .segment_editor import edit_segments


class MaskSection:
    """Chooses a segmentation as the brain mask, or makes one of the automatic mask to edit.

    series()  the chosen series; raises InputError.
    """

    def __init__(self, ui: Any, series: Callable[[], DscSeries]) -> None:
        self._ui = ui
        self._series = series
        self._parameters: Any = None
        ui.editMaskButton.connect("clicked()", self._on_edit)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed."""
        self._parameters = parameters

    def update(self, has_series: bool) -> None:
        """Offer to edit once there is a series."""
        self._ui.editMaskButton.setEnabled(has_series)

    def mask(self) -> np.ndarray | None:
        """(K, J, I) bool mask drawn by the person; None for the automatic one."""
        node, series = self._parameters.maskSegmentation, self._parameters.series
        if node is None or series is None:
            return None
        return brain.brain_mask_of(node, sequence.proxy_volume(series) or series.GetNthDataNode(0))

    def _on_edit(self) -> None:
        with errors_shown(_("The mask cannot be edited."), wait_cursor=True):
            self.prepare()
            edit_segments(
                self._parameters.maskSegmentation, sequence.proxy_volume(self._parameters.series)
            )

    def prepare(self) -> None:
        """Have a segmentation to edit: the automatic mask, where none is chosen yet."""
        if self._parameters.maskSegmentation is None:
            series = self._series()
            self._parameters.maskSegmentation = brain.add_brain_mask(
                slicer.mrmlScene, brain_mask(series), series.geometry, self._parameters.series
            )
