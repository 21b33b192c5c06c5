"""`synthetic-perfusion train`: a network from a configuration to a model folder."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Cancelled
from ..progress import at_most_every
from .reporting import Reporter, StepReporter, choose_reporter
from .slicer_progress import slicer_reporter

if TYPE_CHECKING:
    from ..methods.model_folder import ModelFolder
    from ..training.configuration import TrainingConfig

_DONE = 0
_LOG_EVERY_S = 30.0


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train a network, on digital patients or on one's own",
        description="Train a network as a configuration says and write it as a model folder. "
        "Stopped in any way, it goes on where it was when the command is given again.",
    )
    parser.add_argument(
        "config", metavar="CONFIG", help="YAML file, or the name of a configuration that is shipped"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the run (default: <name>-training)"
    )
    parser.add_argument(
        "--data", metavar="DIR", help="folder of patients to train on, in place of the config's"
    )
    parser.add_argument(
        "--start-from", metavar="MODEL", help="name or folder of a model to begin with: fine-tuning"
    )
    parser.add_argument("--name", help="of the model, in place of the configuration's")
    parser.add_argument(
        "--epochs", type=int, metavar="N", help="how often all is seen, in place of the config's"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the configuration's, as in --set task.quantity=CBF; may be given "
        "several times",
    )
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of the CPU, for each process (0: torch's choice)"
    )
    parser.add_argument(
        "--install", action="store_true", help="also copy the model to where models are looked for"
    )
    programs = parser.add_mutually_exclusive_group()
    programs.add_argument(
        "--json-progress", action="store_true", help="one JSON object a line, for programs"
    )
    programs.add_argument(
        "--slicer-progress", action="store_true", help="as Slicer reads it from its modules"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train. Raises InputError where configuration or data are no use, Cancelled where stopped."""
    from ..training.requirements import require_training_packages

    require_training_packages()
    from ..training.ranks import process_rank
    from ..training.run import train

    config = configuration_of(arguments)
    output = arguments.output or Path(f"{config.name}-training")
    if process_rank() > 0:
        return _follow(config, output)
    with _reporter(arguments) as reporter:
        seconds = _LOG_EVERY_S if isinstance(reporter, StepReporter) else 0.0
        progress = at_most_every(seconds, reporter.progress)
        model = train(config, output, progress, install=arguments.install)
        _tell(reporter, model, output)
    return _DONE


def configuration_of(arguments: argparse.Namespace) -> TrainingConfig:
    """The configuration with what the arguments change in it; InputError where that is no use."""
    from ..training.configuration import TrainingConfig, find_configuration

    config = TrainingConfig.read(find_configuration(arguments.config)).changed(arguments.set)
    if arguments.name:
        config = replace(config, name=arguments.name)
    if arguments.start_from:
        config = replace(config, start_from=arguments.start_from)
    if arguments.data:
        folder = str(Path(arguments.data).expanduser().resolve())
        config = replace(config, data=replace(config.data, source="folder", folder=folder))
    if arguments.epochs is not None:
        optimisation = replace(config.optimisation, epochs=arguments.epochs)
        config = replace(config, optimisation=optimisation)
    if arguments.device:
        config = replace(config, trainer=replace(config.trainer, accelerator=arguments.device))
    if arguments.threads is not None:
        config = replace(config, trainer=replace(config.trainer, threads=arguments.threads))
    return config


def _reporter(arguments: argparse.Namespace) -> AbstractContextManager[Reporter]:
    if arguments.slicer_progress:
        return slicer_reporter("Perfusion Training")
    return choose_reporter(arguments.json_progress, every_step=True)


def _follow(config: TrainingConfig, output: Path) -> int:
    """Train as one of several processes, of which the leading one does the talking."""
    from ..training.run import train

    try:
        train(config, output)
    except Cancelled:
        # Lightning kills the leading process where another one ends with an error.
        return _DONE
    return _DONE


def _tell(reporter: Reporter, model: ModelFolder, output: Path) -> None:
    training = model.card["training"]
    figures = model.card["metrics"]["validation"]
    listed = ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in figures.items()
        if name != "epoch"
    )
    reporter.result(
        {"output": str(output), "model": str(model.path), "name": model.name, "metrics": figures},
        [
            f"{model.name}: {training['epochs']} epochs in {training['seconds']:.0f} s on "
            f"{training['device']}, the best one {training['best_epoch']}",
            f"Validation: {listed or 'none'}",
            f"Model in {model.path}; loss.png and epochs.csv in {output}",
            "For research only; not for clinical decisions.",
        ],
    )
