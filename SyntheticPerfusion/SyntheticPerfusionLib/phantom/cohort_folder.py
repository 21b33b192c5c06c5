"""The folder of a cohort: the plan it was made by, who is in it, and reading it back.

The plan stands in dataset_description.json, so that a folder never mixes two cohorts: running the
same plan again goes on where it stopped, more patients of the same plan are added, and anything
else is refused. participants.tsv lists who is whole, in order.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError
from ..maps.write import unwritable
from ..series.atomic import replacing
from . import SAME_PATIENTS_SINCE
from .bids import TRUTH, scan_folder
from .cohort import SPLITS, CohortPlan, Member, identifier, scan_of
from .disease import KINDS
from .territories import Territory
from .truth import TissueLabel

DESCRIPTION = "dataset_description.json"
PARTICIPANTS = "participants.tsv"

_PLAN = "Cohort"
_SIGNAL_BYTES = 1.5
_TRUTH_BYTES = 14.0
"""Packed bytes per value of the series at SNR 10 (1.1 at SNR 50), and of everything else per voxel:
above what was measured."""

COLUMNS: dict[str, dict[str, Any]] = {
    "participant_id": {"Description": "name of the patient's folder"},
    "kind": {"Description": "what ails the patient", "Levels": {kind: kind for kind in KINDS}},
    "grade": {"Description": "grade of the glioma", "Levels": {"low": "low", "high": "high"}},
    "who_grade": {"Description": "grade of the glioma by the WHO, 2 to 4"},
    "rcbv": {
        "Description": "mean true CBV of the tumour region over that of the reference region",
        "Units": "ratio",
    },
    "side": {"Description": "side of the patient's disease"},
    "lesion_ml": {
        "Description": "volume of the ischaemic lesion (core and penumbra), of living tumour, or "
        "of tissue that blood reaches late",
        "Units": "ml",
    },
    "protocol": {"Description": "protocol the scan was drawn from"},
    "split": {"Description": "part of the cohort", "Levels": {name: name for name in SPLITS}},
    "seed": {"Description": "seed of the patient and of its scan"},
    "snr": {"Description": "baseline brain signal over the noise of either channel"},
    "repetition_time_s": {"Description": "time between frames", "Units": "s"},
    "echo_time_s": {"Description": "echo time", "Units": "s"},
    "frames": {"Description": "number of frames"},
}
"""Columns of participants.tsv, in order, as participants.json describes them."""

_README = """Digital patients of SyntheticPerfusion {version}. For research only.

Simulated DSC-MRI of people who do not exist, with the truth behind each series under
derivatives/truth: perfusion maps, labels, regions, arterial curve, and everything that was drawn
(sub-*_patient.json). participants.tsv lists the patients and their part (train, validation, test).
dataset_description.json holds the plan; the same plan gives the same files again.
"""


def check_free(root: Path, plan: CohortPlan) -> None:
    """InputError where `root` holds another cohort, more patients than `plan`, or other files."""
    try:
        for folder in (root, root / TRUTH):
            _remove_leftovers(folder)
        stored = _stored_plan(root)
        if stored is not None:
            _check_same(plan, stored, root)
        elif any(root.iterdir()):
            raise InputError(
                f"{root} is not empty and holds no cohort; choose a new or an empty folder."
            )
    except OSError as error:
        raise unwritable(root, error) from error


def open_cohort(root: Path, plan: CohortPlan) -> None:
    """Make `root` the folder of `plan`; InputError where it cannot be written to."""
    try:
        for name, content in _top_files(plan).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
    except OSError as error:
        raise unwritable(root, error) from error


def stored_cohort(root: Path) -> CohortPlan:
    """The plan of the cohort in a folder; InputError where it holds none."""
    plan = _stored_plan(root)
    if plan is None:
        raise InputError(f"{root} holds no cohort: it has no {DESCRIPTION}; check the folder.")
    return plan


def write_participants(rows: Sequence[Mapping[str, Any]], root: Path) -> None:
    """Write participants.tsv with the rows of bids.participant. Raises as `open_cohort`."""
    lines = ["\t".join(COLUMNS)]
    lines += ["\t".join(_cell(row.get(column)) for column in COLUMNS) for row in rows]
    try:
        _replace(root / PARTICIPANTS, "\n".join(lines) + "\n")
    except OSError as error:
        raise unwritable(root, error) from error


def check_room(todo: Sequence[Member], root: Path) -> None:
    """InputError where the disk of `root` has no room for those still to be written."""
    needed = sum(bytes_of(member) for member in todo)
    free = shutil.disk_usage(root).free
    if needed > free:
        raise InputError(
            f"{len(todo)} patients need about {needed / 1e9:.1f} GB and the disk of {root} has "
            f"{free / 1e9:.1f} GB free; free some space, ask for fewer patients or choose "
            "another disk."
        )


def bytes_of(member: Member) -> float:
    """About what a patient takes on disk, rather too much than too little."""
    scan = scan_of(member.protocol, member.seed, member.grid)
    voxels = scan.shape[0] * scan.shape[1] * scan.shape[2]
    return voxels * (scan.frames * _SIGNAL_BYTES + _TRUTH_BYTES)


@contextmanager
def only_run(root: Path) -> Iterator[None]:
    """Hold the folder against a second run, which would take away what this one is writing.

    Raises InputError where another run holds it. Systems without flock hold nothing.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise InputError(
                    f"Another run is writing to {root}; wait for it or choose another folder."
                ) from error
        yield
    finally:
        os.close(descriptor)


def _stored_plan(root: Path) -> CohortPlan | None:
    path = root / DESCRIPTION
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        plan, version = content[_PLAN], content["GeneratedBy"][0]["Version"]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{root} holds a data set that is no cohort of digital patients; choose another folder."
        ) from error
    if not _numbers(SAME_PATIENTS_SINCE) <= _numbers(version) <= _numbers(__version__):
        raise InputError(
            f"The cohort in {root} was made by version {version} and this is {__version__}, whose "
            "patients may differ; choose another folder."
        )
    return CohortPlan.from_json(plan)


def _numbers(version: str) -> tuple[int, ...]:
    """Of "0.3.0"; none, which comes before all others, where it is no such version."""
    parts = str(version).split(".")
    return tuple(map(int, parts)) if all(map(str.isdecimal, parts)) else ()


def _check_same(plan: CohortPlan, stored: CohortPlan, root: Path) -> None:
    if plan.like(stored):
        beyond = range(plan.patients + 1, stored.patients + 1)
        if any(scan_folder(root, identifier(n)).exists() for n in beyond):
            raise InputError(
                f"{root} holds a cohort of {stored.patients} patients, more than the "
                f"{plan.patients} asked for; ask for {stored.patients} or more, or choose another "
                "folder."
            )
    else:
        wanted, found = plan.as_json(), stored.as_json()
        other = [name for name in wanted if wanted[name] != found[name] and name != "patients"]
        said = "; ".join(f"{name} {found[name]}, not {wanted[name]}" for name in other)
        raise InputError(f"{root} holds a cohort of another plan ({said}); choose another folder.")


def _top_files(plan: CohortPlan) -> dict[Path, str]:
    made = {"GeneratedBy": [{"Name": "SyntheticPerfusion", "Version": __version__}]}
    description = {
        "Name": "Digital patients with known truth",
        "BIDSVersion": "1.9.0",
        "DatasetType": "raw",
        **made,
        _PLAN: plan.as_json(),
    }
    truth = {
        "Name": "Truth of the digital patients",
        "BIDSVersion": "1.9.0",
        "DatasetType": "derivative",
        **made,
        "SourceDatasets": [{"URL": "../.."}],
    }
    return {
        Path(DESCRIPTION): _json(description),
        Path("README"): _README.format(version=__version__),
        Path(".bidsignore"): "*_dsc.*\n",
        Path("participants.json"): _json(COLUMNS),
        TRUTH / DESCRIPTION: _json(truth),
        TRUTH / "desc-tissue_dseg.tsv": _names(TissueLabel),
        TRUTH / "desc-territories_dseg.tsv": _names(Territory),
    }


def _names(labels: type[IntEnum]) -> str:
    rows = [f"{int(label)}\t{label.name.lower()}" for label in labels]
    return "\n".join(["index\tname", *rows]) + "\n"


def _remove_leftovers(folder: Path) -> None:
    """Take away the temporary files of a run that was killed."""
    own = {path.name.lower() for path in _top_files(CohortPlan(1))} | {PARTICIPANTS, ".writable"}
    if folder.is_dir():
        for path in folder.iterdir():
            found = re.fullmatch(r"\.[0-9a-f]{8}-(.+)", path.name)
            if found and found[1] in own:
                path.unlink(missing_ok=True)


def _replace(path: Path, content: str) -> None:
    """Write a file; one that holds this already stays as it is."""
    encoded = content.encode("utf-8")
    if not path.is_file() or path.read_bytes() != encoded:
        with replacing(path) as temporary:
            temporary.write_bytes(encoded)


def _cell(value: object) -> str:
    return "n/a" if value is None else f"{value}"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
