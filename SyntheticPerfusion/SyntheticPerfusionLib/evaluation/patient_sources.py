"""Which patients an evaluation looks at: a cohort drawn in memory, or once for many evaluations,
or the test part of a folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..phantom.cohort import SMALL_GRID, CohortPlan, members
from ..phantom.cohort_reading import CohortEntry, read_cohort
from ..phantom.cohort_writing import write_cohort
from ..progress import Progress, silent
from .evaluated_patient import EvaluatedPatient, drawn_patient, stored_patient

MakePatient = Callable[[], EvaluatedPatient]

_TRIVIAL_PATIENTS = 12
_TRIVIAL_SEED = 104_729
"""Added to the seed of the patients for those that the trivial predictor is made of."""


@dataclass(frozen=True)
class PatientSource:
    """Patients to be made one after the other.

    patients    each makes one.
    identities  (kind, seed) of each.
    training    the others of which the trivial predictor takes the mean.
    """

    patients: list[MakePatient]
    identities: list[tuple[str, int]]
    training: list[MakePatient]


def drawn_source(plan: CohortPlan, device: str = "cpu") -> PatientSource:
    """Everybody in the plan; the trivial predictor from others of the same mix and protocols."""
    everybody = members(plan)
    return PatientSource(
        [partial(drawn_patient, member, device) for member in everybody],
        [(member.kind, member.seed) for member in everybody],
        [partial(drawn_patient, member, device) for member in members(_others(plan))],
    )


def kept_source(plan: CohortPlan, folder: Path, progress: Progress = silent) -> PatientSource:
    """The patients of `drawn_source`, drawn where `folder` does not hold them yet and kept there.

    Drawing takes longer than most methods: models that come one after the other are looked at in
    the time of their own. One process draws them, as others may be at work. Raises InputError
    where the folder holds something else.
    """
    parts = {"patients": plan, "others": _others(plan)}
    for name, part in parts.items():
        write_cohort(part, folder / name, workers=1, progress=progress)
    looked_at, training = (read_cohort(folder / name) for name in parts)
    return PatientSource(
        [partial(stored_patient, entry) for entry in looked_at],
        [(entry.kind, entry.seed) for entry in looked_at],
        [partial(stored_patient, entry) for entry in training],
    )


def _others(plan: CohortPlan) -> CohortPlan:
    """Those of which the trivial predictor takes the mean."""
    return replace(
        plan, patients=_TRIVIAL_PATIENTS, seed=plan.seed + _TRIVIAL_SEED, grid=SMALL_GRID
    )


def stored_source(
    directory: Path, patients: int | None = None, trivial: bool = True
) -> PatientSource:
    """The test part of a cohort's folder, or its first `patients`.

    trivial  whether the trivial predictor is wanted, which is made of the first of the training
             part.
    Raises InputError where the folder is no cohort or a part that is wanted is empty.
    """
    entries = read_cohort(directory)
    parts: dict[str, list[CohortEntry]] = {
        part: [entry for entry in entries if entry.split == part] for part in ("train", "test")
    }
    for part, why in (("test", "an evaluation looks at"), ("train", "the trivial predictor needs")):
        if not parts[part] and (trivial or part == "test"):
            without = ", or leave the trivial predictor out by --alone" if part == "train" else ""
            raise InputError(
                f"No patient of {directory} is in the part '{part}' (column split of "
                f"participants.tsv), which {why}; make the cohort with other shares of "
                f"--split{without}."
            )
    chosen = parts["test"][:patients]
    return PatientSource(
        [partial(stored_patient, entry) for entry in chosen],
        [(entry.kind, entry.seed) for entry in chosen],
        [partial(stored_patient, entry) for entry in parts["train"][:_TRIVIAL_PATIENTS]],
    )
