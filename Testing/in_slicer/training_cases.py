"""A model trained from the panel: what is asked for, the run behind it, and the model in the list.

A stand-in takes the place of the command line, which the library's own tests run.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import slicer
import slicer.packaging
from in_slicer.panel_case import PanelCase
from SyntheticPerfusionLib.gui.child import ERRORS, OUTPUT
from SyntheticPerfusionLib.methods.model_registry import USER_FOLDER_VARIABLE
from unit.small_models import small_model

NEW, START = "tmax-site", "mean-of-voxel"


class StandInTraining:
    """Trains as the command line would, an epoch a poll; or stops with what it says."""

    def __init__(self, ends: str = "well", steps: int = 3) -> None:
        self.ends, self.left, self.killed = ends, steps, False
        self.command: list[str] = []

    def argument(self, name: str) -> str:
        return self.command[self.command.index(name) + 1]

    def start(self, command, environment) -> None:
        self.command = list(command)
        self.lines: list[tuple[str, str]] = []
        self.run = Path(self.argument("--output"))
        self.run.mkdir(parents=True, exist_ok=True)
        (self.run / "configuration.yaml").write_text("{}", "utf-8")

    def _say(self, **value) -> None:
        self.lines.append((OUTPUT, json.dumps(value)))

    def read_lines(self):
        if self.left > 0:
            self.left -= 1
            with (self.run / "training.log").open("a", encoding="utf-8") as log:
                log.write(f"epoch, {self.left} to go\n")
            self._say(progress=0.5, message="Epoch")
            if self.left == 0:
                self._finish()
        lines, self.lines = self.lines, []
        return lines

    def _finish(self) -> None:
        if self.ends != "well":
            self.lines += [(ERRORS, line) for line in self.ends.splitlines()]
            return
        name = self.argument("--name")
        small_model(self.run, name)
        small_model(Path(os.environ[USER_FOLDER_VARIABLE]), name)
        (self.run / "loss.png").write_bytes(b"")
        self._say(result={"output": str(self.run), "name": name, "metrics": {}})

    def exit_code(self):
        if self.killed:
            return -9
        return (0 if self.ends == "well" else 2) if self.left == 0 else None

    def kill(self) -> None:
        self.killed = True


class TrainingCase(PanelCase):
    """The person has one model, from which they train further."""

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        models = self.folder / "Models"
        os.environ[USER_FOLDER_VARIABLE] = str(models)
        self.addCleanup(os.environ.pop, USER_FOLDER_VARIABLE)
        self.addCleanup(shutil.rmtree, self.folder)
        small_model(models, START, {"training": _training()})
        super().setUp()
        # What is in a folded section counts as hidden.
        self.ui.trainingSection.collapsed = False
        self.panel.rescan()
        self.trainings: list[StandInTraining] = []
        self.training_child_before = self.panel.training.button.make_child
        self.installed: list[str] = []
        self.addCleanup(setattr, slicer.packaging, "pip_ensure", slicer.packaging.pip_ensure)
        slicer.packaging.pip_ensure = self.note_packages
        self.train_with()

    def tearDown(self) -> None:
        self.panel.training.stop()
        self.panel.training.button.make_child = self.training_child_before
        self.panel.training._ended = ("", "")
        self.ui.trainingSection.collapsed = True
        super().tearDown()

    def note_packages(self, requirements, requester) -> None:
        self.installed.extend(item.name for item in requirements)

    def train_with(self, **options) -> None:
        def make() -> StandInTraining:
            self.trainings.append(StandInTraining(**options))
            return self.trainings[-1]

        self.panel.training.button.make_child = make

    def start_from(self, what: str) -> None:
        box = self.ui.trainingStartComboBox
        self.assertGreaterEqual(box.findData(what), 0)
        box.setCurrentIndex(box.findData(what))
        self.settle()

    def fill_in(self) -> None:
        self.start_from(f"model:{START}")
        self.ui.trainingNameEdit.setText(NEW)
        self.settle()

    def train(self) -> StandInTraining:
        self.ui.trainButton.click()
        self.wait(lambda: not self.panel.training.button.running)
        self.settle()
        return self.trainings[-1]

    def test_the_button_says_what_is_missing(self) -> None:
        self.start_from("file:")
        self.assertFalse(self.ui.trainButton.enabled)
        self.assertIn("Choose the configuration file.", self.ui.trainButton.toolTip)
        self.assertFalse(self.ui.trainingConfigurationEdit.isHidden())
        self.start_from(f"model:{START}")
        self.assertTrue(self.ui.trainingConfigurationEdit.isHidden())
        self.assertIn("Give the new model a name.", self.ui.trainButton.toolTip)
        for name, complaint in (("a b", "letters, digits"), ("OSVD", "already a method")):
            self.ui.trainingNameEdit.setText(name)
            self.settle()
            self.assertFalse(self.ui.trainButton.enabled)
            self.assertIn(complaint, self.ui.trainButton.toolTip)
        self.ui.trainingNameEdit.setText(NEW)
        self.ui.trainingDataComboBox.setCurrentIndex(1)
        self.settle()
        self.assertIn("Choose the folder of your patients.", self.ui.trainButton.toolTip)
        self.assertEqual(self.ui.trainingFolderEdit.currentPath, "")
        self.ui.trainingFolderEdit.currentPath = str(self.folder)
        self.settle()
        self.assertTrue(self.ui.trainButton.enabled, self.ui.trainButton.toolTip)

    def test_a_trained_model_is_in_the_list_at_once(self) -> None:
        self.fill_in()
        self.assertNotIn(NEW, self.panel.method.list.names())
        self.train()
        self.assertIn(NEW, self.panel.method.list.names())
        self.assertIn("listed among the methods", self.ui.trainingStateLabel.text)
        self.assertIn("epoch, 2 to go", self.ui.trainingLogText.toPlainText())
        self.assertGreaterEqual(self.ui.trainingStartComboBox.findData(f"model:{NEW}"), 0)
        self.assertEqual(self.parameters.trainingStart, f"model:{START}")
        self.assertTrue(self.ui.trainingPlotButton.enabled)
        self.assertFalse(self.ui.trainButton.enabled)
        self.assertLessEqual({"lightning", "PyYAML", "safetensors"}, set(self.installed))
        self.assertNotIn("torch", self.installed)

    def test_the_command_gets_what_was_chosen(self) -> None:
        self.fill_in()
        self.ui.trainingDataComboBox.setCurrentIndex(1)
        self.ui.trainingFolderEdit.currentPath = str(self.folder)
        self.ui.trainingEpochsSpinBox.setValue(3)
        self.ui.trainingDeviceComboBox.setCurrentIndex(3)
        self.ui.trainingRunsEdit.currentPath = str(self.folder / "runs")
        self.settle()
        child = self.train()
        self.assertEqual(child.argument("--start-from"), START)
        self.assertEqual(child.argument("--data"), str(self.folder))
        self.assertEqual(child.argument("--epochs"), "3")
        self.assertEqual(child.argument("--device"), "cpu")
        self.assertEqual(child.run, self.folder / "runs" / NEW)
        self.assertIn("--install", child.command)
        written = json.loads(Path(child.argument("train")).read_text("utf-8"))
        self.assertEqual(written["family"], "hess")
        self.assertEqual(written["trainer"], {"precision": "bf16-mixed"})
        self.assertEqual(written["data"]["cache"], "")

    def test_cancel_kills_the_training_which_can_go_on(self) -> None:
        self.fill_in()
        self.assertEqual(self.ui.trainButton.text, "Train")
        self.train_with(steps=1_000_000)
        self.ui.trainButton.click()
        self.wait(lambda: "to go" in self.ui.trainingLogText.toPlainText())
        self.assertEqual(self.ui.trainButton.text, "Cancel")
        self.ui.trainButton.click()
        self.settle()
        self.assertTrue(self.trainings[-1].killed)
        self.assertEqual(self.ui.trainButton.text, "Go on training")
        self.ui.trainingNameEdit.setText("another")
        self.settle()
        self.assertEqual(self.ui.trainButton.text, "Train")
        self.ui.trainingNameEdit.setText(NEW)
        self.settle()
        self.train_with()
        self.train()
        self.assertIn(NEW, self.panel.method.list.names())

    def test_all_that_is_wrong_with_the_patients_is_said(self) -> None:
        self.fill_in()
        said = "synthetic-perfusion: Patients that cannot be used: 2; mend them:\n  a: no\n  b: no"
        self.train_with(ends=said)
        self.train()
        for part in ("Patients that cannot be used: 2", "a: no", "b: no"):
            self.assertIn(part, self.ui.trainingStateLabel.text)
        self.assertTrue(self.ui.trainButton.enabled)

    def test_a_training_outlives_the_scene(self) -> None:
        self.fill_in()
        self.train_with(steps=30)
        self.ui.trainButton.click()
        self.settle()
        slicer.mrmlScene.Clear()
        self.settle()
        self.assertFalse(self.trainings[-1].killed)
        self.assertTrue(self.panel.training.button.running)
        self.assertEqual(self.ui.trainButton.text, "Cancel")
        self.wait(lambda: not self.panel.training.button.running)
        self.assertIn(NEW, self.panel.method.list.names())


def _training() -> dict[str, object]:
    """The training block of a card, with a configuration to begin with."""
    configuration = {
        "name": START,
        "family": "hess",
        "data": {"source": "digital", "cache": "/where/it/was/trained"},
        "trainer": {"precision": "bf16-mixed", "devices": 8},
    }
    return {
        "data": "none",
        "patients": 0,
        "configuration": configuration,
        "epochs": 0,
        "seed": 1,
        "software": {},
        "started_from": None,
    }
