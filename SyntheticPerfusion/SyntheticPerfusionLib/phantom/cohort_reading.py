"""A cohort read back from its folder: which files belong to whom, and whether all are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from .bids import TRUTH, scan_folder, truth_folder
from .cohort import members
from .cohort_folder import stored_cohort


@dataclass(frozen=True, eq=False)
class CohortEntry:
    """The files of one patient.

    identifier, kind, grade, split, protocol, seed   as in cohort.Member.
    series       4D NIfTI with its sidecar; `anatomy` the T1-weighted picture.
    targets      true map by name of the quantity, unit and definition in the .json beside it.
    mask         brain; `labels` tissue; `rois` mask by name of the region.
    aif          arterial curve, `vof` that of the sagittal sinus; `territories` label map.
    drawn        the JSON file of everything that was drawn.
    """

    identifier: str
    kind: str
    grade: str
    split: str
    protocol: str
    seed: int
    series: Path
    anatomy: Path
    targets: Mapping[str, Path]
    mask: Path
    labels: Path
    rois: Mapping[str, Path]
    aif: Path
    vof: Path
    territories: Path
    drawn: Path


def read_cohort(
    directory: Path, quantities: Sequence[str] = ("CBF", "CBV", "MTT", "Tmax", "TTP")
) -> list[CohortEntry]:
    """The patients that are whole in a cohort's folder, in order.

    quantities  targets that every one of them must have; the entries name all there are.
    Raises InputError where the folder holds no cohort, where nobody in it is whole yet, or where a
    patient lacks a file or a target; the sentence names it.
    """
    directory = Path(directory)
    entries = []
    for member in members(stored_cohort(directory)):
        drawn = truth_folder(directory, member.identifier) / f"{member.identifier}_patient.json"
        if drawn.is_file():
            entries.append(_entry(directory, member.identifier, drawn, quantities))
    if not entries:
        raise InputError(
            f"Nobody in the cohort {directory} is whole yet; run `synthetic-perfusion cohort` "
            "on it again."
        )
    return entries


def _entry(root: Path, name: str, drawn: Path, quantities: Sequence[str]) -> CohortEntry:
    try:
        content = json.loads(drawn.read_text(encoding="utf-8"))
        member, files, units = content["member"], content["files"], content["units"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{drawn} is no description of a patient ({error}); remove it and run "
            "`synthetic-perfusion cohort` again."
        ) from error
    gone = sorted(path for path in files if not (root / path).is_file())
    if gone:
        raise InputError(
            f"{name} lacks {', '.join(gone)}; run `synthetic-perfusion cohort` on {root} again."
        )
    missing = sorted(set(quantities) - set(units))
    if missing:
        raise InputError(
            f"{name} has no true {', '.join(missing)}, only {', '.join(units)}; "
            "ask for those or make the cohort anew."
        )
    return _found(root, name, drawn, member, [Path(path).name for path in files], list(units))


def _found(
    root: Path,
    name: str,
    drawn: Path,
    member: Mapping[str, Any],
    files: Sequence[str],
    units: Sequence[str],
) -> CohortEntry:
    truth = root / TRUTH / name / "perf"
    beginning, end = f"{name}_desc-", "_mask.nii.gz"
    masks = [
        file.removeprefix(beginning).removesuffix(end)
        for file in files
        if file.startswith(beginning) and file.endswith(end)
    ]
    return CohortEntry(
        identifier=name,
        kind=member["kind"],
        grade=member["grade"],
        split=member["split"],
        protocol=member["protocol"],
        seed=member["seed"],
        series=scan_folder(root, name) / "perf" / f"{name}_dsc.nii.gz",
        anatomy=scan_folder(root, name) / "anat" / f"{name}_T1w.nii.gz",
        targets={unit: truth / f"{name}_{unit}.nii.gz" for unit in units},
        mask=truth / f"{beginning}brain{end}",
        labels=truth / f"{beginning}tissue_dseg.nii.gz",
        rois={mask: truth / f"{beginning}{mask}{end}" for mask in masks if mask != "brain"},
        aif=truth / f"{beginning}aif_timeseries.tsv",
        vof=truth / f"{beginning}vof_timeseries.tsv",
        territories=truth / f"{beginning}territories_dseg.nii.gz",
        drawn=drawn,
    )
