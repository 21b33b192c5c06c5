"""Everything that decides what a training does, as it stands in a YAML file.

A configuration is read once, checked key by key, frozen, and copied into the run's folder and the
model's card: whoever has the card can train the model again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..resources import resource
from .typed_values import one_of, read_section

SOURCES = ("digital", "folder", "curves")
SCHEDULES = ("constant", "halving", "cosine", "plateau")
OPTIMISERS = ("adam", "adamw")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
WEIGHTS_TYPES = ("float32", "float16")
_HIGHEST_SEED = 2**64 - 1
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


@dataclass(frozen=True)
class DataConfig:
    """Where the examples come from.

    source          "digital": patients of `cohort`, drawn in memory; "folder": those in `folder`;
                    "curves": none, the family simulates single curves.
    folder          cohort or BIDS-like folder, where the source is one.
    cohort          what `phantom.cohort.CohortPlan.from_json` takes.
    split           shares of training, validation and test, by patient, where `folder` names none.
    derivatives     folder below `folder`/derivatives whose maps are the targets; empty: any.
    automatic_mask  find each brain in its series, in place of the true mask or that of the folder.
    skip_broken     go on without patients that cannot be used, and say which.
    cache           folder for prepared patients; empty: in that of the run.
    """

    source: str = "digital"
    folder: str = ""
    cohort: Mapping[str, Any] = field(default_factory=dict)
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    derivatives: str = ""
    automatic_mask: bool = False
    skip_broken: bool = False
    cache: str = ""

    def __post_init__(self) -> None:
        one_of("data.source", self.source, SOURCES)
        if self.source == "folder" and not self.folder:
            raise InputError("data.source is folder, but data.folder names none; give its path.")
        if min(self.split) < 0 or abs(sum(self.split) - 1) > 1e-6:
            raise InputError(
                f"data.split is {list(self.split)}; give the shares of training, validation and "
                "test, three numbers of 0 or more that add up to 1."
            )


@dataclass(frozen=True)
class OptimisationConfig:
    """How weights move.

    epochs, batch_size  the batch is the global one: all devices together.
    learning_rate       at the start.
    schedule            "constant"; "halving": halved every `halve_every` epochs; "cosine": down to
                        a hundredth at the end; "plateau": halved whenever `patience` epochs went
                        by without a lower first validation figure. A family may have its own.
    warmup_steps        over which the rate rises from 0.
    optimiser           "adam" or "adamw"; `betas` of its moments.
    weight_decay        as torch defines it for the optimiser.
    gradient_clip       largest norm of the gradient; 0: none.
    companion_rate      learning rate of what learns beside the network, as the discriminator of a
                        generator, over that of the network.
    """

    epochs: int = 30
    batch_size: int = 4
    learning_rate: float = 1e-3
    schedule: str = "constant"
    halve_every: int = 4
    patience: int = 10
    warmup_steps: int = 0
    optimiser: str = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    companion_rate: float = 1.0

    def __post_init__(self) -> None:
        one_of("optimisation.schedule", self.schedule, SCHEDULES)
        one_of("optimisation.optimiser", self.optimiser, OPTIMISERS)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(
                f"optimisation.betas is {list(self.betas)}; give two numbers of 0 to below 1."
            )
        for name in ("epochs", "batch_size", "halve_every", "patience"):
            _at_least(f"optimisation.{name}", getattr(self, name), 1)
        for name in ("warmup_steps", "weight_decay", "gradient_clip"):
            _at_least(f"optimisation.{name}", getattr(self, name), 0)
        for name in ("learning_rate", "companion_rate"):
            if getattr(self, name) <= 0:
                raise InputError(
                    f"optimisation.{name} is {getattr(self, name):g}; give more than 0."
                )


@dataclass(frozen=True)
class TrainerConfig:
    """Where and how it computes. Of these, only `precision` decides what comes out.

    precision           of torch's autocast: "32-true", "bf16-mixed" (CPU too), "16-mixed".
    devices             how many on each node; 0: all there are (one process on the CPU).
    accelerator         "auto", "cpu", "cuda", "cuda:N" (that one alone) or "mps".
    strategy            "auto", or one of Lightning's that keep whole copies of the network.
                        Several processes on the CPU normalise a batch each by its own share, where
                        a network has batch normalisation; on GPUs they do so together.
    num_nodes           machines.
    threads             of the CPU for each process; 0: torch's own choice.
    prefetch            batches made ahead, in a thread of their own; 0: none.
    workers             processes that draw or read patients before the training.
    checkpoint_every_s  seconds between checkpoints; one is written after each epoch as well.
    log_every_steps     steps over which the logged training loss is averaged.
    """

    precision: str = "32-true"
    devices: int = 0
    accelerator: str = "auto"
    strategy: str = "auto"
    num_nodes: int = 1
    threads: int = 0
    prefetch: int = 2
    workers: int = 1
    checkpoint_every_s: float = 60.0
    log_every_steps: int = 50

    def __post_init__(self) -> None:
        one_of("trainer.precision", self.precision, PRECISIONS)
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps", self.accelerator):
            raise InputError(
                f"trainer.accelerator is '{self.accelerator}'; choose auto, cpu, cuda, cuda:N or "
                "mps."
            )
        one_of("trainer.strategy", self.strategy, STRATEGIES)
        for name in ("devices", "threads", "prefetch", "checkpoint_every_s"):
            _at_least(f"trainer.{name}", getattr(self, name), 0)
        for name in ("num_nodes", "log_every_steps", "workers"):
            _at_least(f"trainer.{name}", getattr(self, name), 1)


@dataclass(frozen=True)
class TrainingConfig:
    """One training.

    name           of the model folder that it makes: letters, digits, dots, dashes, underscores.
    family         of training.tasks.TASKS.
    title, description  of the card; empty: the family's own.
    version        of the model.
    seed           of weights, batches and dropout.
    architecture, preprocessing  the family's; they go into the card.
    start_from     name or path of a model folder whose weights are the start (fine-tuning).
    task           the family's further settings.
    weights_dtype  in which the weights are stored: "float32" or "float16".
    group          name of the method that the model is offered as together with others of the
                   group, each of which gives maps of its own; empty: by itself.
    """

    name: str
    family: str
    title: str = ""
    description: str = ""
    version: str = "1.0.0"
    seed: int = 0
    architecture: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    start_from: str | None = None
    task: Mapping[str, Any] = field(default_factory=dict)
    weights_dtype: str = "float32"
    group: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name):
            raise InputError(
                f"name is '{self.name}'; a model folder is called by letters, digits, dots, "
                "dashes and underscores."
            )
        if self.group and not re.fullmatch(_NAME, self.group):
            raise InputError(
                f"group is '{self.group}'; a group is called by letters, digits, dots, dashes and "
                "underscores."
            )
        if not re.fullmatch(r"[0-9]+(\.[0-9]+){1,2}", self.version):
            raise InputError(f"version is '{self.version}'; give numbers with dots, as in 1.0.0.")
        _at_least("seed", self.seed, 0)
        if self.seed > _HIGHEST_SEED:
            raise InputError(f"seed is {self.seed}; give {_HIGHEST_SEED} or less.")
        one_of("weights_dtype", self.weights_dtype, WEIGHTS_TYPES)

    @classmethod
    def from_json(cls, content: Any, where: str = "the configuration") -> TrainingConfig:
        """The configuration of plain values; InputError names the key that is wrong."""
        return read_section(cls, content, where)

    @classmethod
    def read(cls, path: Path) -> TrainingConfig:
        """The configuration of a YAML file; InputError says what is wrong with it.

        A relative folder of data, and a relative path to start from, are meant from the file's own
        place; a name without a slash is that of a model.
        """
        from .requirements import require

        yaml = require("yaml")
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read as a configuration ({error}).") from error
        except yaml.YAMLError as error:
            what = " ".join(str(error).split())
            raise InputError(f"{path} is no YAML: {what}.") from error
        read = cls.from_json(content, str(path))
        place = path.resolve().parent
        if read.data.folder:
            folder = place / Path(read.data.folder).expanduser()
            read = replace(read, data=replace(read.data, folder=str(folder)))
        if read.start_from and ("/" in read.start_from or os.sep in read.start_from):
            start = place / Path(read.start_from).expanduser()
            read = replace(read, start_from=str(start))
        return read

    def changed(self, settings: Sequence[str]) -> TrainingConfig:
        """The configuration with values of its own in place of others, as a command line has them.

        settings  "task.quantity=CBF": keys with dots between, and a value as YAML has it.
        Raises InputError where there is no such key, or the value is none for it.
        """
        from .requirements import require

        yaml = require("yaml")
        content = self.as_json()
        for setting in settings:
            key, equals, value = setting.partition("=")
            *sections, name = key.split(".")
            if not equals or not all((*sections, name)):
                raise InputError(
                    f"'{setting}' sets nothing; write KEY=VALUE, as in task.quantity=CBF."
                )
            section = content
            for one in sections:
                section = section.setdefault(one, {})
                if not isinstance(section, dict):
                    raise InputError(f"'{setting}' cannot be set, as {one} holds no keys.")
            try:
                section[name] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                what = " ".join(str(error).split())
                raise InputError(f"The value of '{setting}' is no YAML: {what}.") from error
        return self.from_json(content, "the command line") if settings else self

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_json` makes the configuration again."""
        content = asdict(self)
        content["data"]["split"] = list(self.data.split)
        content["optimisation"]["betas"] = list(self.optimisation.betas)
        return content

    def as_yaml(self) -> str:
        """The text of a file that `read` makes the configuration from again."""
        from .requirements import require

        text: str = require("yaml").safe_dump(self.as_json(), sort_keys=False, allow_unicode=True)
        return text

    def same_training(self, other: TrainingConfig) -> bool:
        """Whether both give the same weights: they may differ in where they compute."""
        return self.what_decides() == other.what_decides()

    def what_decides(self) -> dict[str, Any]:
        """Plain values of everything that the weights follow from."""
        content = self.as_json()
        content["trainer"] = {"precision": self.trainer.precision}
        content["data"].pop("cache")
        return content


def find_configuration(name: str) -> Path:
    """The file of a configuration given by path, or by the name of one that is shipped.

    Raises InputError where there is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    try:
        return resource(f"Training/{name}.yaml")
    except FileNotFoundError as error:
        shipped = sorted(one.stem for one in resource("Training").glob("*.yaml"))
        raise InputError(
            f"There is no configuration '{name}': neither a file nor one that is shipped; give the "
            f"path of a YAML file, or one of {', '.join(shipped)}."
        ) from error


def _at_least(key: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(f"{key} is {value:g}; give {least:g} or more.")
