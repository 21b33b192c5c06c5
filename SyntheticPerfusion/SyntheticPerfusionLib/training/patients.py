"""The patients of a training, whatever they come from: drawn, or read from a folder.

`open_patients` checks every one of them before anything is trained, keeps each in a cache that is
memory-mapped, and says everything that is wrong at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from ..maps.quantity import QUANTITIES
from ..phantom.cohort import SPLITS
from ..progress import CancelCheck, Progress, never, silent, stop_if
from .check_data import check_parts, check_targets
from .configuration import DataConfig
from .digital_source import digital_sources
from .folder_source import folder_sources
from .patient_cache import PatientCache
from .patient_content import PatientContent
from .patient_workers import helping
from .problem import Problem, UnusableData, noting, refuse

_POLL_S = 0.5
"""How often a patient that another process is making is asked for."""


class PatientSource(Protocol):
    """A patient that is not yet there: see digital_source and folder_source."""

    @property
    def identifier(self) -> str: ...  # noqa: D102

    @property
    def split(self) -> str: ...  # noqa: D102

    @property
    def kind(self) -> str: ...  # noqa: D102

    @property
    def file(self) -> Path | None: ...  # noqa: D102

    def made_of(self) -> Mapping[str, Any]: ...  # noqa: D102

    def problems(self) -> list[Problem]: ...  # noqa: D102

    def needed_bytes(self) -> int: ...  # noqa: D102

    def make(self, cancelled: CancelCheck) -> PatientContent: ...  # noqa: D102


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingPatient(PatientContent):
    """One patient of a training. Volumes are memory-mapped and read-only.

    identifier     "sub-001"; `kind` what ails it, empty where nobody says.
    split          "train", "validation" or "test".

    For the rest see PatientContent.
    """

    identifier: str
    split: str
    kind: str


@dataclass(frozen=True, eq=False)
class Gathered:
    """The patients that can be used, and what is wrong with those that were left out.

    keys  of each patient, by what it was made of and its part of the data: another file, another
          key.
    """

    patients: list[TrainingPatient]
    left_out: list[Problem]
    keys: list[str]


def open_patients(
    data: DataConfig,
    cache: Path,
    quantities: Sequence[str] = (),
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    seed: int = 0,
    workers: int = 1,
) -> list[TrainingPatient]:
    """Every patient of a training, from the cache or made now; in order. See `gather_patients`."""
    return gather_patients(data, cache, quantities, progress, cancelled, seed, workers).patients


def gather_patients(
    data: DataConfig,
    cache: Path,
    quantities: Sequence[str] = (),
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    seed: int = 0,
    workers: int = 1,
    echo_time: bool = True,
) -> Gathered:
    """Every patient of a training that can be used, and why others cannot.

    cache       folder of the cached patients; several trainings may share it, at the same time too.
    quantities  targets that every patient must have; none for training without targets.
    seed        of the split by patient, where the data hold none.
    workers     processes that make patients; more than one only from a program that may be
                imported again (as multiprocessing wants it).
    echo_time   whether every series must have one; without, there is no automatic arterial curve.
    Raises InputError with all that is wrong unless data.skip_broken; also where nobody is left to
    train or to validate with. Cancelled where asked to stop: what is cached stays.
    """
    if data.source == "curves":
        return Gathered([], [], [])
    sources, problems = find_sources(data, quantities, seed, echo_time)
    seen = [source.problems() for source in sources]
    usable = [source for source, wrong in zip(sources, seen, strict=True) if not wrong]
    problems += [problem for wrong in seen for problem in wrong]
    store = PatientCache(Path(cache))
    _check_room(usable, store)
    with helping(usable, store.folder, workers - 1):
        found, unusable = _all_of(usable, store, quantities, progress, cancelled)
    problems += unusable
    if problems and not data.skip_broken:
        raise refuse(problems)
    patients = [_patient(source, found[n]) for n, source in enumerate(usable) if n in found]
    if empty := check_parts([patient.split for patient in patients]):
        raise refuse([*problems, *empty])
    progress(1.0, _said(patients, problems))
    keys = [
        f"{store.name(source.identifier, source.made_of())} {source.split}"
        for n, source in enumerate(usable)
        if n in found
    ]
    return Gathered(patients, problems, keys)


def find_sources(
    data: DataConfig, quantities: Sequence[str], seed: int = 0, echo_time: bool = True
) -> tuple[list[PatientSource], list[Problem]]:
    """Who is to be trained with, before anything is drawn or read, and who is not there at all.

    Raises InputError where the cohort is no plan, the folder holds nobody, or there is no such
    quantity.
    """
    unknown = [name for name in quantities if name not in QUANTITIES]
    if unknown:
        raise InputError(
            f"There is no quantity called {', '.join(unknown)}; choose from "
            f"{', '.join(QUANTITIES)}."
        )
    if data.source == "digital":
        return [*digital_sources(data.cohort, data.automatic_mask)], []
    found, problems = folder_sources(
        Path(data.folder),
        quantities,
        data.split,
        seed,
        data.automatic_mask,
        data.derivatives,
        echo_time,
    )
    return [*found], problems


def fill(
    source: PatientSource, store: PatientCache, cancelled: CancelCheck = never
) -> PatientContent | None:
    """The patient, made if it is not there yet; None where another process is making it.

    Raises UnusableData where the patient cannot be used, InputError where the cache takes no
    patients, Cancelled where asked to stop.
    """
    name = store.name(source.identifier, source.made_of())
    content = store.read(name)
    if content is not None:
        return content
    with store.hold(name) as mine:
        if not mine:
            return None
        if store.read(name) is None:
            problems: list[Problem] = []
            with noting(problems, source.identifier, source.file):
                content = source.make(cancelled)
            if content is None:
                raise refuse(problems)
            store.write(name, content)
    content = store.read(name)
    if content is None:
        raise InputError(
            f"What was written to {store.folder / name} is not there any more; leave the cache to "
            "the trainings that use it, and start again."
        )
    return content


def _all_of(
    sources: Sequence[PatientSource],
    store: PatientCache,
    quantities: Sequence[str],
    progress: Progress,
    cancelled: CancelCheck,
) -> tuple[dict[int, PatientContent], list[Problem]]:
    """Contents by place in `sources`, and every problem, in the order of the patients."""
    found: dict[int, PatientContent] = {}
    problems: dict[int, list[Problem]] = {}
    todo = list(range(len(sources)))
    while todo:
        busy = []
        for n in todo:
            stop_if(cancelled)
            source, content = sources[n], None
            try:
                content = fill(source, store, cancelled)
            except UnusableData as error:
                wrong = error.problems
            else:
                if content is None:
                    busy.append(n)
                    continue
                why = content.about.get("drawn", {}).get("phases", {}).get("missing", "")
                wrong = check_targets(source.identifier, content.targets, quantities, why)
            if wrong:
                problems[n] = wrong
            elif content is not None:
                found[n] = content
            done = len(found) + len(problems)
            progress(
                done / len(sources),
                str(wrong[0]) if wrong else f"{source.identifier}, {done} of {len(sources)}",
            )
        if len(busy) == len(todo):
            time.sleep(_POLL_S)
        todo = busy
    return found, [problem for n in sorted(problems) for problem in problems[n]]


def _check_room(sources: Sequence[PatientSource], store: PatientCache) -> None:
    missing = [
        source
        for source in sources
        if store.read(store.name(source.identifier, source.made_of())) is None
    ]
    needed, free = sum(source.needed_bytes() for source in missing), store.free_bytes()
    if needed > free:
        raise InputError(
            f"{len(missing)} patients need about {needed / 1e9:.1f} GB in the cache and the disk "
            f"of {store.folder} has {free / 1e9:.1f} GB free; free some space or choose another "
            "cache folder."
        )


def _said(patients: Sequence[TrainingPatient], left_out: Sequence[Problem]) -> str:
    count = {part: sum(patient.split == part for patient in patients) for part in SPLITS}
    parts = ", ".join(f"{number} {part}" for part, number in count.items())
    broken = sorted({problem.identifier for problem in left_out})
    without = f"; left out as broken: {', '.join(broken)}" if broken else ""
    return f"{len(patients)} patients ({parts}){without}"


def _patient(source: PatientSource, content: PatientContent) -> TrainingPatient:
    known = {item.name: getattr(content, item.name) for item in fields(PatientContent)}
    return TrainingPatient(
        identifier=source.identifier, split=source.split, kind=source.kind, **known
    )
