"""Maps for scripts: the same run as the panel's, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import slicer

from ..errors import Cancelled, InputError
from ..mrml.job import MapsJob, write_inputs
from ..mrml.results import load_result
from ..mrml.sequence import series_from_sequence
from .child import ChildProcess, PopenChild
from .cli_command import cli_command, cli_environment
from .cli_job import CliJob, Listener

_POLL_S = 0.1


def compute_maps(
    node: Any,
    method: str,
    device: str = "auto",
    frame_interval_s: float | None = None,
    echo_time_s: float | None = None,
    make_child: Callable[[], ChildProcess] = PopenChild,
    **options: Any,
) -> list[Any]:
    """Volume nodes of the maps of a sequence node, made in a child process and waited for.

    options  as in MapsJob.
    Raises InputError with the command line's sentence where it ends early.
    """
    series = series_from_sequence(node, frame_interval_s, echo_time_s)
    results: list[dict[str, Any]] = []
    failures: list[str] = []
    listener = Listener(done=results.append, failed=failures.append)
    with TemporaryDirectory(prefix="SyntheticPerfusion-") as folder:
        arguments = write_inputs(MapsJob(series, method, device, **options), Path(folder))
        job = CliJob(make_child(), listener)
        job.start(cli_command(arguments), cli_environment())
        try:
            while not job.poll():
                time.sleep(_POLL_S)
        finally:
            job.child.kill()
        if failures:
            raise InputError(failures[0])
        if not results:
            raise Cancelled
        return load_result(slicer.mrmlScene, results[0], method, node).maps
