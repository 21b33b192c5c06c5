"""A training that the panel asks for, as files and arguments for the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..methods.model_folder import ModelFolder
from ..methods.model_registry import user_model_folder
from ..resources import resource
from ..series.atomic import replacing
from ..training.run_folder import RunFolder

NEW, STOPPED, FINISHED = "new", "stopped", "finished"


@dataclass(frozen=True)
class TrainingJob:
    """What is to be trained.

    name           of the new model.
    runs           folder in which the run has a folder by the model's name.
    configuration  name of a shipped configuration or path of a file; empty: that of `model`.
    model          to train further; None to begin anew.
    patients       folder of patients; None for the data that the configuration names.
    epochs         0 for as many as the configuration says.
    device         auto, cpu, cuda or mps.
    """

    name: str
    runs: Path
    configuration: str = ""
    model: ModelFolder | None = None
    patients: Path | None = None
    epochs: int = 0
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self.runs / self.name

    def state(self) -> str:
        """Whether the run is NEW, was STOPPED or is FINISHED."""
        run = RunFolder(self.folder)
        if run.model(self.name).is_dir():
            return FINISHED
        return STOPPED if run.configuration.is_file() else NEW


def usual_runs_folder() -> Path:
    """Where runs lie unless the person says otherwise: beside their own models."""
    return user_model_folder().parent / "Training"


def shipped_configurations() -> list[str]:
    """Names of the configurations that come with this installation."""
    try:
        folder = resource("Training")
    except FileNotFoundError:
        return []
    return sorted(path.stem for path in folder.glob("*.yaml"))


def write_job(job: TrainingJob) -> list[str]:
    """The arguments of the command line; a file for it is written where the job needs one.

    Raises OSError where the folder of the run cannot be written to.
    """
    configuration = job.configuration
    if not configuration and job.model is not None:
        job.folder.mkdir(parents=True, exist_ok=True)
        file = job.folder / "start.yaml"
        content = json.dumps(_again(job.model.card["training"]["configuration"]), indent=2)
        with replacing(file) as temporary:
            # JSON is YAML, and needs no package to be written.
            temporary.write_text(content, encoding="utf-8")
        configuration = str(file)
    arguments = ["train", configuration, "--output", str(job.folder), "--name", job.name]
    arguments += ["--device", job.device, "--install", "--json-progress"]
    if job.model is not None:
        arguments += ["--start-from", job.model.name]
    if job.patients is not None:
        arguments += ["--data", str(job.patients)]
    if job.epochs > 0:
        arguments += ["--epochs", str(job.epochs)]
    return arguments


def _again(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """A model's configuration without what belonged to the machine that it was trained on."""
    content = dict(configuration)
    content["data"] = {**content.get("data", {}), "cache": ""}
    precision = content.get("trainer", {}).get("precision")
    content["trainer"] = {"precision": precision} if precision else {}
    return content


class LogTail:
    """The lines that a training adds to its log, as they come."""

    def __init__(self, folder: Path) -> None:
        self._path = RunFolder(folder).log
        self._read = self._path.stat().st_size if self._path.is_file() else 0

    def lines(self) -> list[str]:
        """Whole lines since the last call."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.decode("utf-8", "replace").splitlines()
