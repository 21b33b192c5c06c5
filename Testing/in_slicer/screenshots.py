"""The pictures of README, drawn by Slicer itself: the panel, the window, maps side by side.

    Slicer --disable-settings --additional-module-paths SyntheticPerfusion \
        --python-script Testing/in_slicer/screenshots.py Resources/Screenshots

Run from the root of the source tree; the window needs a screen of 1500 x 1300 pixels.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import qt
import slicer

READ_TOGETHER, OVER_ANATOMY = "phae-delay", "tmax-hess"
PANEL_WIDTH, WINDOW = 545, (1440, 1000)
TALL = 1250
LESION_FROM_S = 6.0


class Pictures:
    """Goes through the panel as a person does and takes a picture at each stop.

    folder  where the pictures go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.window = slicer.util.mainWindow()
        self.dock = self.window.findChild("QDockWidget", "PanelDockWidget")
        self.dock.setFixedWidth(PANEL_WIDTH)
        # Its sign of errors lights up at whatever the system said when Slicer started.
        self.window.statusBar().hide()
        four_up = slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
        slicer.app.layoutManager().setLayout(four_up)
        slicer.util.selectModule("SyntheticPerfusion")
        self.widget = slicer.modules.SyntheticPerfusionWidget
        self.ui, self.panel = self.widget.ui, self.widget.panel

    @property
    def parameters(self):
        """What the panel works on; another node after each scene."""
        return self.widget._parameterNode

    def take_all(self) -> None:
        """Make every picture."""
        from SyntheticPerfusionLib.gui.digital_patient import make_sample

        self.window.resize(WINDOW[0], TALL)
        series, anatomy, *_regions = make_sample("stroke", "DSC stroke")
        self.ui.seriesSelector.setCurrentNode(series)
        self.parameters.method = READ_TOGETHER
        self.ui.showAifButton.click()
        self.settle()
        self.save(self.ui.seriesSection.parentWidget(), "panel")
        self.window.resize(*WINDOW)
        self.apply()
        self.show_side_by_side()
        self.parameters.method = OVER_ANATOMY
        self.apply()
        self.show_lesion(anatomy)

    def apply(self) -> None:
        """Have the maps made."""
        self.ui.applyButton.click()
        self.wait(lambda: not self.panel.apply.running)
        self.settle()

    def show_side_by_side(self) -> None:
        """The four maps that are read together, over the series."""
        self.parameters.overlayOpacity = 1.0
        self.ui.sideBySideButton.click()
        self.settle()
        self.save(slicer.app.layoutManager().viewport(), "side_by_side")
        self.ui.singleViewButton.click()

    def show_lesion(self, anatomy) -> None:
        """What is late over the anatomical volume, in the whole window."""
        from SyntheticPerfusionLib.mrml import maps

        late = maps.find_map(slicer.mrmlScene, "Tmax", OVER_ANATOMY, self.parameters.series)
        self.parameters.background = anatomy
        self.parameters.overlayMap = late
        self.parameters.overlayOpacity = 0.7
        self.settle()
        maps.set_threshold(late, LESION_FROM_S, None)
        self.panel.update()
        self.ui.logSection.collapsed = True
        slicer.util.setSliceViewerLayers(fit=True)
        self.jump_to_lesion(late)
        self.settle()
        self.save(self.window, "slicer")

    def jump_to_lesion(self, volume) -> None:
        """Cut all views through the middle of what is late."""
        import numpy as np
        from SyntheticPerfusionLib.mrml import grid

        late = slicer.util.arrayFromVolume(volume) > LESION_FROM_S
        busiest = int(late.sum(axis=(1, 2)).argmax())
        rows, columns = np.nonzero(late[busiest])
        voxel = (np.median(columns), np.median(rows), busiest, 1)
        position = (grid.voxel_to_ras(grid.geometry_of(volume)) @ voxel)[:3]
        slicer.modules.markups.logic().JumpSlicesToLocation(*position, False)

    def save(self, widget, name: str) -> None:
        """Write what a widget shows."""
        slicer.util.forceRenderAllViews()
        self.settle()
        widget.grab().save(str(self.folder / f"{name}.png"))

    def settle(self) -> None:
        """Let what was asked for be drawn."""
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            slicer.app.processEvents()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Let the application run until then."""
        while not condition():
            slicer.app.processEvents()
            time.sleep(0.05)


def main() -> int:
    """Take the pictures; returns the exit code."""
    try:
        Pictures(Path(sys.argv[-1]).resolve()).take_all()
    except Exception:
        traceback.print_exc()
        return 1
    return 0


# Once the application has drawn itself for the first time.
qt.QTimer.singleShot(1500, lambda: slicer.util.exit(main()))
