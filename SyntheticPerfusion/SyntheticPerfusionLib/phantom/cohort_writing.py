"""Writing a cohort by several processes at once, so that it can stop and go on at any moment.

Each process makes whole patients with one thread, which serves the cores better than many threads
on one patient. Stopping the command stops them, and so does its sudden end: a process whose parent
is gone would otherwise write on beside the next run.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..child_processes import deferred_stop, follow_parent
from ..errors import Cancelled, InputError
from ..maps.write import usable_folder
from ..progress import CancelCheck, Progress, never, silent
from .bids import read_written, write_member
from .cohort import CohortPlan, Member, draw_member, members
from .cohort_folder import check_free, check_room, only_run, open_cohort, write_participants

_THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Failure:
    """Why a patient could not be made; `unusable` where the plan is to blame, not the program."""

    member: Member
    reason: str
    unusable: bool


@dataclass
class Written:
    """What a run left: rows of participants.tsv by identifier, how many are new, and failures."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    new: int = 0
    failures: list[Failure] = field(default_factory=list)


def write_cohort(
    plan: CohortPlan, root: Path, workers: int | None = None, progress: Progress = silent
) -> Written:
    """Write what is missing of a cohort into `root`, with one process for each core by default.

    One patient that fails does not keep the others from being made. Raises InputError where the
    folder holds something else or has no room; BrokenProcessPool where a process was ended from
    outside; KeyboardInterrupt is passed on once every process has stopped.
    """
    everybody = members(plan)
    usable_folder(root)
    with only_run(root):
        check_free(root, plan)
        done = Written()
        todo = []
        for member in everybody:
            row = read_written(member, root)
            if row is None:
                todo.append(member)
            else:
                done.rows[member.identifier] = row
        check_room(todo, root)
        open_cohort(root, plan)
        _list(everybody, done, root)
        progress(len(done.rows) / len(everybody), f"Patients to make: {len(todo)}")

        def finished(member: Member, outcome: dict[str, Any] | Failure) -> None:
            if isinstance(outcome, Failure):
                done.failures.append(outcome)
            else:
                done.rows[member.identifier] = outcome
                done.new += 1
                _list(everybody, done, root)
            count = len(done.rows) + len(done.failures)
            progress(
                count / len(everybody),
                f"{member.identifier} ({member.kind}), {count} of {len(everybody)}",
            )

        count = min(workers or _cores(), len(todo))
        if count > 1:
            _in_processes(todo, root, count, finished)
        else:
            for member in todo:
                finished(member, _make(member, root, never))
        return done


def _list(everybody: Sequence[Member], done: Written, root: Path) -> None:
    names = [member.identifier for member in everybody]
    write_participants([done.rows[name] for name in names if name in done.rows], root)


def _make(member: Member, root: Path, cancelled: CancelCheck) -> dict[str, Any] | Failure:
    """Make and write a patient. Raises what ends the whole run: a folder that takes no files."""
    try:
        try:
            patient = draw_member(member, cancelled=cancelled)
        except InputError as error:
            return Failure(member, str(error), unusable=True)
        return write_member(patient, member, root, cancelled)
    except (Cancelled, InputError):
        raise
    except Exception as error:
        return Failure(member, f"{type(error).__name__}: {error}", unusable=False)


def _in_processes(
    todo: Sequence[Member],
    root: Path,
    workers: int,
    finished: Callable[[Member, dict[str, Any] | Failure], None],
) -> None:
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(stop,))
    try:
        with _children_undisturbed():
            running = {pool.submit(_make_here, member, root): member for member in todo}
        for future in as_completed(running):
            finished(running[future], future.result())
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _children_undisturbed() -> Iterator[None]:
    """Processes started here use one thread, and leave Ctrl-C to their parent."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        with deferred_stop():
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_stop: Any = None
"""In a process of the pool: set once the run is to stop."""


def _begin(stop: Any) -> None:
    """First thing in each process of the pool."""
    follow_parent()
    import torch

    global _stop
    _stop = stop
    torch.set_num_threads(1)


def _make_here(member: Member, root: Path) -> dict[str, Any] | Failure:
    return _make(member, root, _stop.is_set)


def _cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
