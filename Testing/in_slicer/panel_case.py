"""What the panel's cases share: the panel itself, and stand-ins for the child process."""

from __future__ import annotations

import json
import time
import unittest
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import slicer
from in_slicer.scene_case import BALL, FRAMES, STEP_S, bolus_series
from SyntheticPerfusionLib.gui.child import ERRORS, OUTPUT
from SyntheticPerfusionLib.mrml import sequence
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.images import write_image
from SyntheticPerfusionLib.series.write import write_series

RAMPS = {"CBF": 1.0, "Tmax": 0.2}
"""The maps that the stand-in writes, each a ramp from 0 to 60 times this."""


class StandInChild:
    """Writes maps as the command line would, one step a poll; or stops with a sentence."""

    def __init__(
        self, ends: str = "well", steps: int = 3, ramps: Mapping[str, float] = RAMPS
    ) -> None:
        self.ends, self.left, self.killed, self.ramps = ends, steps, False, ramps
        self.command: list[str] = []

    def start(self, command, environment) -> None:
        self.command = list(command)
        self.lines: list[tuple[str, str]] = []

    def _say(self, **value) -> None:
        self.lines.append((OUTPUT, json.dumps(value)))

    def read_lines(self):
        if self.left > 0:
            self.left -= 1
            self._say(progress=0.5, message="Deconvolution")
            if self.left == 0:
                self._finish()
        lines, self.lines = self.lines, []
        return lines

    def _finish(self) -> None:
        if self.ends != "well":
            self.lines.append((ERRORS, self.ends))
            return
        output = Path(self.command[self.command.index("--output") + 1])
        output.mkdir()
        series = output.parent / "series.nii"
        assert series.is_file()
        ramp = np.broadcast_to(np.linspace(0, 60, 32, dtype=np.float32), BALL.shape)
        files = {}
        for name, scale in self.ramps.items():
            files[name] = str(output / f"{name}.nii.gz")
            write_image(np.ascontiguousarray(ramp * scale), BALL, Path(files[name]))
        write_image(np.ones(BALL.shape, np.uint8), BALL, output / "mask.nii.gz")
        voxels = np.zeros(BALL.shape, np.uint8)
        voxels[2, 12, 11:14] = 1
        write_image(voxels, BALL, output / "aif_voxels.nii.gz")
        curve = output / "aif.csv"
        rows = [f"{n * STEP_S},{50 * np.exp(-(((n - 12) / 3) ** 2)):.6f}" for n in range(FRAMES)]
        curve.write_text("\n".join(["time_s,concentration_1_per_s", *rows]), encoding="utf-8")
        report = output / "report.json"
        aif = {"source": "automatic", "voxels": 3, "peak_time_s": 18.0, "peak": 50.0}
        aif |= {"fwhm_s": None, "saturated": True, "tail_fraction": 0.0}
        said = {"device": "cpu", "seconds": {"method": 1.0}, "aif": aif}
        report.write_text(json.dumps(said), "utf-8")
        self._say(warning="The first frame was dropped.")
        self._say(
            result={
                "output": str(output),
                "maps": files,
                "mask": str(output / "mask.nii.gz"),
                "aif": str(curve),
                "aif_voxels": str(output / "aif_voxels.nii.gz"),
                "report": str(report),
            }
        )

    def exit_code(self):
        if self.killed:
            return -9
        return (0 if self.ends == "well" else 2) if self.left == 0 else None

    def kill(self) -> None:
        self.killed = True


class StandInPatient(StandInChild):
    """Writes a digital patient as the command line would."""

    def _finish(self) -> None:
        folder = Path(self.command[self.command.index("phantom") + 1])
        series = bolus_series()
        write_series(series, folder / "dsc.nii.gz")
        write_image(series.signal[0], BALL, folder / "anatomy.nii.gz")
        for name, columns in (("tumor", slice(18, 22)), ("reference", slice(8, 12))):
            region = np.zeros(BALL.shape, np.uint8)
            region[2:4, 12:16, columns] = 1
            write_image(region, BALL, folder / f"{name}.nii.gz")


class PanelCase(unittest.TestCase):
    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        slicer.util.selectModule("SyntheticPerfusion")
        self.widget = slicer.modules.SyntheticPerfusionWidget
        self.ui, self.panel = self.widget.ui, self.widget.panel
        self.children: list[StandInChild] = []
        self.make_child_before = self.panel.apply.make_child
        self.stand_in()

    def tearDown(self) -> None:
        self.panel.apply.stop()
        self.panel.apply.make_child = self.make_child_before
        slicer.mrmlScene.Clear()

    def stand_in(self, **options) -> None:
        def make() -> StandInChild:
            self.children.append(StandInChild(**options))
            return self.children[-1]

        self.panel.apply.make_child = make

    def written(self, name: str) -> Path:
        path = Path(mkdtemp(dir=slicer.app.temporaryPath)) / name
        write_series(bolus_series(), path)
        return path

    def load(self, path: Path) -> None:
        """What the button does once the person has chosen a file."""
        self.panel.series._load_path(str(path))
        self.settle()

    @property
    def parameters(self):
        return self.widget._parameterNode

    def choose(self, series: DscSeries | None = None):
        node, _ = sequence.sequence_from_series(series or bolus_series(), slicer.mrmlScene)
        self.ui.seriesSelector.setCurrentNode(node)
        self.settle()
        return node

    def settle(self) -> None:
        for _ in range(5):
            slicer.app.processEvents()

    def wait(self, condition, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not happen in time")
            slicer.app.processEvents()
            time.sleep(0.01)

    def apply(self) -> None:
        self.ui.applyButton.click()
        self.wait(lambda: not self.panel.apply.running)
        self.settle()

    def composite(self):
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if composite.GetLayoutName() == "Red":
                return composite
        return None
