"""What can be told about patients before anything is computed: from names, headers and counts.

A training of hours must not end at the one broken patient in a hundred. Here is what headers say;
what only the values show (no bolus, no value in a map) is found when a patient is prepared, which
for all of them is before training as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..phantom.cohort import SPLITS
from ..progress import CancelCheck, Progress, never, silent, stop_if
from ..series.images import grid_in_words
from ..series.itk_file import read_geometry
from ..series.nifti import stored_times
from ..series.nifti_file import check_length, read_header
from ..series.sidecar import read_sidecar, sidecar_echo_time, sidecar_path
from ..series.validate import check_frame_count
from .problem import Problem, noting, refuse

if TYPE_CHECKING:
    from .configuration import DataConfig

_SAME_GRID_MM = 0.1
"""Programs round positions on the way through DICOM."""


def check_patients(
    data: DataConfig,
    quantities: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    echo_time: bool = True,
) -> None:
    """Look through the patients of a training within seconds, without reading their images.

    quantities, seed, echo_time  as in patients.gather_patients, which looks further.
    Raises InputError that names every problem there is, Cancelled where asked to stop.
    """
    from .patients import find_sources

    if data.source == "curves":
        return
    sources, problems = find_sources(data, quantities, seed, echo_time)
    for done, source in enumerate(sources, start=1):
        stop_if(cancelled)
        problems += source.problems()
        progress(done / len(sources), source.identifier)
    problems += check_parts([source.split for source in sources])
    if problems:
        raise refuse(problems)


def check_series(identifier: str, path: Path, echo_time: bool = True) -> list[Problem]:
    """What the header of a 4D NIfTI series and its JSON file lack.

    echo_time  whether it is needed.
    """
    problems: list[Problem] = []
    sidecar: Mapping[str, Any] = {}
    with noting(problems, identifier, sidecar_path(path)):
        sidecar = read_sidecar(path)
        if sidecar_echo_time(sidecar) is None and echo_time:
            raise InputError(
                "The echo time is not stored; write EchoTime, in seconds, into this file."
            )
    with noting(problems, identifier, path):
        header = read_header(path)
        check_frame_count(header.size, path.name)
        check_length(path, header)
        if stored_times(header, sidecar) is None:
            raise InputError(
                "The time between frames is not stored; write RepetitionTime, in seconds, into "
                f"{sidecar_path(path).name} beside it."
            )
    return problems


def check_grids(identifier: str, series: Path, images: Iterable[Path]) -> list[Problem]:
    """Which of the images do not lie on the grid of the series, or cannot be read."""
    problems: list[Problem] = []
    try:
        grid = read_geometry(series)
    except InputError:
        return problems
    for path in images:
        with noting(problems, identifier, path):
            check_length(path, read_header(path))
            found = read_geometry(path)
            if not found.matches(grid, _SAME_GRID_MM):
                raise InputError(
                    f"It lies on another grid than the series ({grid_in_words(found)}, not "
                    f"{grid_in_words(grid)}); export or resample it onto that of the series."
                )
    return problems


def check_targets(
    identifier: str, targets: Mapping[str, Any], quantities: Iterable[str], why: str = ""
) -> list[Problem]:
    """Which quantities a prepared patient has no target for."""
    missing = [name for name in quantities if name not in targets]
    if not missing:
        return []
    having = f"only {', '.join(targets)}" if targets else "nor any other map"
    return [Problem(identifier, f"There is no {', '.join(missing)}, {having}. {why}".strip())]


def check_parts(parts: Sequence[str]) -> list[Problem]:
    """Whether there is somebody to train and to validate with."""
    count = {name: list(parts).count(name) for name in SPLITS}
    if count["train"] and count["validation"]:
        return []
    listed = ", ".join(f"{number} for {name}" for name, number in count.items())
    return [
        Problem(
            "",
            f"There are patients {listed}; give at least one to train and one to validate with "
            "(column split of participants.tsv, data.split, or split in data.cohort).",
        )
    ]
