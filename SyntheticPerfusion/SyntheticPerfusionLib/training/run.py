"""A training from its configuration to a model folder; started again, it goes on where it was.

The same function serves the command line, the headless module and scripts, with one process or
with several that were all started alike.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from .configuration import TrainingConfig
from .requirements import require_training_packages
from .run_folder import RunFolder, check_same_training, claim_folder, held
from .stopping import Stop

if TYPE_CHECKING:
    from ..methods.model_folder import ModelFolder
    from .checkpoints import Checkpoint
    from .patients import Gathered
    from .task import Task

_PATIENTS_TO, _TRAINED_AT = 0.05, 0.99


def train(
    config: TrainingConfig,
    output: Path,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    install: bool = False,
) -> ModelFolder:
    """Train a model and write it as the folder `output/<name>`; returns it as read back.

    output   folder of the run: frozen configuration, checkpoints, logs, plot, model. A run that
             was stopped there goes on at the step after its last checkpoint.
    install  copy the model into the person's own folder of models, too.
    Raises InputError where configuration, data or folder are no use, before anything is trained,
    and where the loss is no longer finite; Cancelled where asked to stop, by `cancelled`, SIGTERM
    or Ctrl-C, with a checkpoint written.
    """
    require_training_packages()
    stop = Stop(cancelled)
    with stop.listening():
        return _train(config, Path(output), progress, stop, install)


def _train(
    config: TrainingConfig, output: Path, progress: Progress, stop: Stop, install: bool
) -> ModelFolder:
    import torch

    from . import ranks
    from .beginning import check_beginning
    from .checkpoints import read_checkpoint
    from .logs import training_logs
    from .quiet import messages_to
    from .start_from import load_start, with_start
    from .tasks import task_class
    from .training_state import TrainingState

    kind = task_class(config.family)
    config, start = with_start(config, kind)
    leading = ranks.process_rank() == 0
    if install:
        from .finish import check_installable

        check_installable(config)
    folder = RunFolder(output)
    with held(folder) if leading else nullcontext(), messages_to(folder.log if leading else None):
        _claim(config, folder, leading)
        gathered = _gather(config, kind, folder, part(progress, 0.0, _PATIENTS_TO), stop)
        check_beginning(folder, gathered.keys, start, leading)
        if config.trainer.threads:
            torch.set_num_threads(config.trainer.threads)
        torch.manual_seed(config.seed)
        task = kind(config, gathered.patients)
        checkpoint = read_checkpoint(folder.checkpoint)
        if checkpoint:
            task.network.load_state_dict(checkpoint.network)
            if task.companion:
                task.companion.load_state_dict(checkpoint.companion)
        elif start:
            load_start(task, start)
        stop_if(stop)
        state = checkpoint.state if checkpoint else TrainingState()
        ended = state.epoch >= config.optimisation.epochs
        with training_logs(folder.path, folder.log, state, leading, ended) as logs:
            done = part(progress, _PATIENTS_TO, _TRAINED_AT)
            _fit(config, task, folder, logs, stop, done, checkpoint)
    from ..methods.model_folder import read_model_folder
    from .finish import install_model

    model = read_model_folder(folder.model(config.name))
    if install and leading:
        model = install_model(model)
    progress(1.0, f"Trained {config.name}")
    return model


def _claim(config: TrainingConfig, folder: RunFolder, leading: bool) -> None:
    """Done by the leading process, which may be a moment behind the others."""
    if leading:
        claim_folder(folder.path, config)
    elif folder.checkpoint.exists():
        check_same_training(folder, config)


def _gather(
    config: TrainingConfig, kind: type[Task], folder: RunFolder, progress: Progress, stop: Stop
) -> Gathered:
    from .patients import gather_patients

    cache = Path(config.data.cache).expanduser() if config.data.cache else folder.patients
    return gather_patients(
        config.data,
        cache,
        kind.targets(config),
        progress,
        stop,
        config.seed,
        config.trainer.workers,
        kind.needs_echo_time(config),
    )


def _fit(
    config: TrainingConfig,
    task: Task,
    folder: RunFolder,
    logs: Any,
    stop: Stop,
    progress: Progress,
    checkpoint: Checkpoint | None,
) -> None:
    """Do the epochs that are left and write the model folder."""
    from . import ranks
    from .finish import write_model
    from .lightning_module import TrainingModule

    module = TrainingModule(config, task, folder, logs, stop, progress, checkpoint)
    if module.epochs_left > 0:
        trainer = make_trainer(config, module.epochs_left)
        task.check_ranks(trainer.world_size)
        logs.line(
            f"{config.name} starts at step {module.state.step} of "
            f"{config.optimisation.epochs * task.steps_per_epoch}, {trainer.world_size} "
            f"processes, {config.trainer.precision}"
        )
        if _normalises_apart(config, task, trainer.world_size):
            logs.line(
                "The processes do not share the statistics of batch normalisation on this device: "
                "each normalises its own part of a batch, and the weights differ from those of one "
                "process."
            )
        trainer.fit(module, train_dataloaders=module.stream())
    if ranks.process_rank() == 0:
        state = module.state
        if module.epochs_left == 0 and not state.best:
            raise InputError(f"{folder.path} holds a training without a finished epoch.")
        logs.tables(state)
        logs.plot(state)
        write_model(config, task, state, folder)
        logs.line(f"{config.name} is written to {folder.model(config.name)}")
    ranks.wait_for_all()


def make_trainer(config: TrainingConfig, epochs: int) -> Any:
    """Lightning's trainer as the configuration has it, without logs and checkpoints of its own.

    Raises InputError where the devices that are asked for are not there.
    """
    import lightning.pytorch as lightning
    from lightning.pytorch.plugins.environments import SLURMEnvironment

    from ..methods.device import resolve_device

    chosen = config.trainer
    name, _, number = chosen.accelerator.partition(":")
    if name != "auto":
        resolve_device(chosen.accelerator)
    devices: Any = [int(number)] if number else chosen.devices or "auto"
    # Lightning would requeue the job with a checkpoint of its own; ours is written on SIGTERM.
    plugins: Any = [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else None
    try:
        return lightning.Trainer(
            accelerator=name,
            devices=devices,
            num_nodes=chosen.num_nodes,
            strategy=chosen.strategy,
            precision=chosen.precision,  # type: ignore[arg-type]
            plugins=plugins,
            max_epochs=epochs,
            gradient_clip_val=config.optimisation.gradient_clip or None,
            sync_batchnorm=_shares_statistics(config),
            use_distributed_sampler=False,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
    except (ValueError, RuntimeError, TypeError) as error:
        raise InputError(
            f"Lightning cannot train as the configuration's trainer section says: "
            f"{' '.join(str(error).split())}"
        ) from error


def _shares_statistics(config: TrainingConfig) -> bool:
    """Whether batch normalisation can be that of all processes together, as on GPUs alone."""
    import torch

    name = config.trainer.accelerator.partition(":")[0]
    return torch.cuda.is_available() and name in ("auto", "cuda")


def _normalises_apart(config: TrainingConfig, task: Task, processes: int) -> bool:
    from torch.nn.modules.batchnorm import _BatchNorm

    learning = [task.network, *([task.companion] if task.companion else [])]
    normalises = any(isinstance(one, _BatchNorm) for net in learning for one in net.modules())
    return processes > 1 and normalises and not _shares_statistics(config)
