"""Step 6 of the panel: a model of one's own, trained in the background.

The run belongs to its folder and not to the scene: scenes come and go while it lasts, and after a
cancel or the end of Slicer it goes on where it was once it is started under the same name again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..methods.model_folder import ModelFolder
from ..methods.model_registry import model_folders
from .child import ChildProcess, PopenChild
from .cli_job import Listener
from .errors_shown import errors_shown
from .path_edit import chosen_path, show_no_dot
from .requirements import ensure_packages, ensure_torch
from .run_button import RunButton, Words
from .training_job import (
    FINISHED,
    STOPPED,
    LogTail,
    TrainingJob,
    shipped_configurations,
    usual_runs_folder,
    write_job,
)

CONFIGURATION, MODEL, FILE = "configuration:", "model:", "file:"
"""How what to start from is stored: kind and name."""
FOLDER = "Folder"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_MOST_LINES = 12


class TrainingSection:
    """Chooses what to learn from, and runs `synthetic-perfusion train`.

    is_taken(name)  whether a method is called so.
    trained()       called when there is a new model.
    grown()         called when more is shown than before.
    """

    def __init__(
        self,
        ui: Any,
        is_taken: Callable[[str], bool],
        trained: Callable[[], None],
        grown: Callable[[], None],
        make_child: Callable[[], ChildProcess] = PopenChild,
    ) -> None:
        self._ui = ui
        self._is_taken, self._trained, self._grown = is_taken, trained, grown
        self._parameters: Any = None
        self._models: dict[str, ModelFolder] = {}
        self._shown_run: Path | None = None
        self._ended: tuple[str, str] = ("", "")
        self._words = Words(
            _("Train"), _("Cancel"), _("Stop the training; it can go on from here later.")
        )
        self.button = RunButton(
            ui.trainButton, ui.trainingProgressBar, self._words, self._on_train, make_child
        )
        ui.trainingStartComboBox.connect("currentIndexChanged(int)", self._on_start)
        ui.trainingPlotButton.connect("clicked()", lambda: self._open("loss.png"))
        ui.trainingFolderButton.connect("clicked()", lambda: self._open(""))
        self.scan()

    def scan(self) -> None:
        """List what a training can start from now."""
        self._models = model_folders()
        box = self._ui.trainingStartComboBox
        was_blocked = box.blockSignals(True)
        box.clear()
        for name in shipped_configurations():
            box.addItem(_("Anew, as {name}").format(name=name), CONFIGURATION + name)
        for name in self._models:
            box.addItem(_("Further from {name}").format(name=name), MODEL + name)
        box.addItem(_("A configuration file"), FILE)
        box.blockSignals(was_blocked)

    def set_parameters(self, parameters: Any) -> None:
        """Work on this parameter node; None while the scene is being closed. A run goes on."""
        self._parameters = parameters

    def update(self) -> None:
        """Show the stored choice, what is missing, and what is known of a run of this name."""
        parameters = self._parameters
        if parameters is None:
            return
        ui = self._ui
        for edit in (ui.trainingConfigurationEdit, ui.trainingFolderEdit, ui.trainingRunsEdit):
            show_no_dot(edit)
        box = ui.trainingStartComboBox
        index = box.findData(parameters.trainingStart) if parameters.trainingStart else 0
        if index != box.currentIndex:
            was_blocked = box.blockSignals(True)
            box.setCurrentIndex(index)
            box.blockSignals(was_blocked)
        from_file = self._start() == FILE
        for widget in (ui.trainingConfigurationLabel, ui.trainingConfigurationEdit):
            widget.setVisible(from_file)
        from_folder = parameters.trainingData.name == FOLDER
        for widget in (ui.trainingFolderLabel, ui.trainingFolderEdit):
            widget.setVisible(from_folder)
        missing = self.missing()
        stopped = not missing and self._job().state() == STOPPED
        self.button.words = replace(
            self._words, start=_("Go on training") if stopped else self._words.start
        )
        self.button.update(missing, _("Train this model in the background."))
        if not self.button.running:
            self._shown_run = self._job().folder if parameters.trainingName else None
            ui.trainingStateLabel.setText(self._in_words(stopped))
        self._show_files()

    def missing(self) -> str:
        """What the person still has to give; empty where nothing is missing."""
        parameters, start = self._parameters, self._start()
        if not start:
            return _("Choose what to start from.")
        if start == FILE and not Path(parameters.trainingConfiguration).is_file():
            return _("Choose the configuration file.")
        folder = chosen_path(parameters.trainingFolder)
        if parameters.trainingData.name == FOLDER and not (folder and folder.is_dir()):
            return _("Choose the folder of your patients.")
        name = parameters.trainingName
        if not name:
            return _("Give the new model a name.")
        if not re.fullmatch(_NAME, name):
            return _("The name may hold letters, digits, dots, dashes and underscores.")
        if self._is_taken(name):
            return _("There is already a method called {name}; choose another name.").format(
                name=name
            )
        if self._job().state() == FINISHED:
            return _("There is a finished run called {name}; choose another name.").format(
                name=name
            )
        return ""

    def stop(self) -> None:
        """End the run without a word: the panel is going away."""
        self.button.stop()

    def _start(self) -> str:
        return self._ui.trainingStartComboBox.currentData or ""

    def _job(self) -> TrainingJob:
        parameters, start = self._parameters, self._start()
        configuration = start.removeprefix(CONFIGURATION) if CONFIGURATION in start else ""
        if start == FILE:
            configuration = str(parameters.trainingConfiguration)
        own = parameters.trainingData.name == FOLDER
        return TrainingJob(
            name=parameters.trainingName,
            runs=chosen_path(parameters.trainingRuns) or usual_runs_folder(),
            configuration=configuration,
            model=self._models.get(start.removeprefix(MODEL)) if MODEL in start else None,
            patients=chosen_path(parameters.trainingFolder) if own else None,
            epochs=parameters.trainingEpochs,
            device=parameters.trainingDevice.value,
        )

    def _in_words(self, stopped: bool) -> str:
        name = self._parameters.trainingName
        if name and self._ended[0] == name:
            return self._ended[1]
        if stopped:
            return _(
                "A run called {name} was stopped. It goes on where it was; give another name to "
                "begin anew."
            ).format(name=name)
        return ""

    def _on_start(self, index: int) -> None:
        if self._parameters is not None and index >= 0:
            self._parameters.trainingStart = self._ui.trainingStartComboBox.itemData(index)

    def _on_train(self) -> None:
        with errors_shown(_("The training cannot begin."), wait_cursor=True):
            ensure_torch()
            ensure_packages(file="training-requirements.txt")
            job = self._job()
            self._run(job, write_job(job))

    def _run(self, job: TrainingJob, arguments: list[str]) -> None:
        tail = LogTail(job.folder)
        self._ended = ("", "")
        self._shown_run = job.folder
        self._ui.trainingLogText.clear()
        self._ui.trainingStateLabel.setText(
            _("{name} is being trained; the panel can be used meanwhile.").format(name=job.name)
        )

        def follow(*_ignored: object) -> None:
            for line in tail.lines():
                self._say(line)
            self._show_files()

        def end(text: str) -> None:
            follow()
            self._ended = (job.name, text)
            self._say(text)

        def failed(text: str) -> None:
            end(text)
            lines = text.splitlines()
            shown = lines[:_MOST_LINES]
            if len(lines) > _MOST_LINES:
                shown.append(_("The log below step 6 has all of it."))
            slicer.util.errorDisplay("\n".join(shown), windowTitle=_("The training has ended."))

        def done(result: dict[str, Any]) -> None:
            self._trained()
            end(
                _("{name} is trained, and listed among the methods of step 3.").format(
                    name=result.get("name", job.name)
                )
            )

        listener = Listener(
            progress=follow,
            warning=self._say,
            done=done,
            failed=failed,
            cancelled=lambda: end(_("Stopped. Train goes on where it was.")),
        )
        self.button.run(arguments, listener, self._on_finished)
        self._grown()

    def _on_finished(self) -> None:
        self.update()
        self._grown()

    def _say(self, text: str) -> None:
        self._ui.trainingLogText.appendPlainText(text)

    def _show_files(self) -> None:
        run = self._shown_run
        self._ui.trainingPlotButton.setEnabled(run is not None and (run / "loss.png").is_file())
        self._ui.trainingFolderButton.setEnabled(run is not None and run.is_dir())

    def _open(self, name: str) -> None:
        if self._shown_run is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._shown_run / name)))
