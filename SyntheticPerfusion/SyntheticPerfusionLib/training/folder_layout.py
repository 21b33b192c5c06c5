"""What lies where in a folder of patients, laid out as BIDS has it.

```
DIR/participants.tsv                                   optional: participant_id, split, kind
DIR/sub-01/perf/sub-01_dsc.nii.gz + .json              the series, EchoTime and RepetitionTime in s
DIR/derivatives/<any>/sub-01/perf/sub-01_Tmax.nii.gz   a map by the name of its quantity
                                  sub-01_desc-brain_mask.nii.gz        optional
                                  sub-01_desc-aif_timeseries.tsv       optional, a picked artery
                                  sub-01_desc-tumor_mask.nii.gz        optional, any other region
```

Maps may lie beside the series as well. Sessions (sub-01/ses-2/perf) and several series of a session
(sub-01_run-2_dsc.nii.gz) are told apart by the beginning of their names. The folders that
`synthetic-perfusion cohort` writes are laid out so too; their derivatives are called truth.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..phantom.bids import TRUTH
from ..phantom.cohort_folder import DESCRIPTION, PARTICIPANTS
from .problem import Problem

_SERIES = "_dsc"
_SUFFIXES = (".nii.gz", ".nii")
_MASK_BEGINNING, _MASK_END = "desc-", "_mask"
BRAIN = "brain"


@dataclass(frozen=True)
class SeriesFiles:
    """A series and the files that belong to it. Each list holds all that could be meant.

    person      "sub-01".
    identifier  the person's, or the beginning of the file's name where a person has several series.
    maps        by the name of a quantity in lower case; `masks` by the name of the region.
    tissue      label maps; `curves` arterial curves.
    """

    person: str
    identifier: str
    series: Path
    maps: Mapping[str, Sequence[Path]]
    masks: Mapping[str, Sequence[Path]]
    tissue: Sequence[Path]
    curves: Sequence[Path]


@dataclass(frozen=True)
class FolderLayout:
    """A folder of patients: whose series there are, what participants.tsv says, what is wrong.

    rows      columns of participants.tsv by person; empty where there is none.
    digital   whether `synthetic-perfusion cohort` wrote it.
    """

    root: Path
    files: Sequence[SeriesFiles]
    rows: Mapping[str, Mapping[str, str]]
    digital: bool
    problems: Sequence[Problem]


def read_layout(root: Path, derivatives: str = "") -> FolderLayout:
    """What a folder holds, without opening an image.

    derivatives  take maps from this folder below derivatives/ alone; empty: from all there are, in
                 the folder of a cohort from truth.
    Raises InputError where there is no such folder, or nobody in it.
    """
    root = Path(root)
    people = sorted(path.name for path in root.glob("sub-*") if path.is_dir())
    if not people:
        raise InputError(
            f"{root} holds no patients; expected folders sub-<name>, each with "
            "perf/sub-<name>_dsc.nii.gz."
        )
    digital = _is_cohort(root)
    places = _places(root, derivatives or (TRUTH.name if digital else ""))
    rows = _participants(root / PARTICIPANTS)
    problems = [
        Problem(person, "There is no folder for this patient.", root / PARTICIPANTS)
        for person in rows
        if person not in people
    ]
    files: list[SeriesFiles] = []
    for person in people:
        found = sorted(
            path
            for pattern in ("perf/*", "ses-*/perf/*")
            for path in (root / person).glob(pattern)
            if _stem(path).endswith(_SERIES) and path.name != _stem(path)
        )
        if not found:
            problems.append(
                Problem(
                    person,
                    "There is no series; expected a 4D image whose name ends in _dsc.nii.gz.",
                    root / person / "perf",
                )
            )
        if digital:
            problems += _lacking(root, person)
        files += [_files(person, path, len(found) == 1, root, places) for path in found]
    return FolderLayout(root, files, rows, digital, problems)


def _is_cohort(root: Path) -> bool:
    try:
        content = json.loads((root / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "Cohort" in content


def _lacking(root: Path, person: str) -> list[Problem]:
    """What a patient of `synthetic-perfusion cohort` is short of, by its own list of files."""
    described = root / TRUTH / person / f"{person}_patient.json"
    again = "run `synthetic-perfusion cohort` on the folder again."
    try:
        files = json.loads(described.read_text(encoding="utf-8"))["files"]
        gone = [name for name in files if not (root / name).is_file()]
    except (OSError, ValueError, KeyError, TypeError):
        return [Problem(person, f"The patient is not whole; {again}", described)]
    return [Problem(person, f"The file is missing; {again}", root / name) for name in gone]


def _places(root: Path, derivatives: str) -> list[Path]:
    """Folders below which the maps of a patient may lie."""
    top = root / "derivatives"
    if derivatives:
        if not (top / derivatives).is_dir():
            raise InputError(f"There is no folder {top / derivatives}; check data.derivatives.")
        return [top / derivatives]
    return [root, *sorted(path for path in top.glob("*") if path.is_dir())]


def _participants(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table: {error}.") from error
    if rows and "participant_id" not in rows[0]:
        raise InputError(
            f"{path} has the columns {', '.join(map(str, rows[0]))}; expected participant_id among "
            "them, with tabs between columns."
        )
    named = {}
    for row in rows:
        cells = {str(key): (value or "").strip() for key, value in row.items() if key is not None}
        name = cells["participant_id"]
        if name:
            named[name if name.startswith("sub-") else f"sub-{name}"] = cells
    return named


def _files(
    person: str, series: Path, alone: bool, root: Path, places: Sequence[Path]
) -> SeriesFiles:
    prefix = _stem(series).removesuffix(_SERIES)
    maps: dict[str, list[Path]] = {}
    masks: dict[str, list[Path]] = {}
    tissue: list[Path] = []
    curves: list[Path] = []
    within = series.parent.relative_to(root)
    for place in places:
        for path in sorted((place / within).glob(f"{prefix}_*")):
            rest = _stem(path).removeprefix(f"{prefix}_")
            if path.name.endswith("desc-aif_timeseries.tsv"):
                curves.append(path)
            elif path.name == _stem(path) or path == series:
                continue
            elif rest.startswith(_MASK_BEGINNING) and rest.endswith(_MASK_END):
                name = rest.removeprefix(_MASK_BEGINNING).removesuffix(_MASK_END)
                masks.setdefault(name, []).append(path)
            elif rest == "desc-tissue_dseg":
                tissue.append(path)
            else:
                maps.setdefault(rest.lower(), []).append(path)
    identifier = person if alone else prefix
    return SeriesFiles(person, identifier, series, maps, masks, tissue, curves)


def _stem(path: Path) -> str:
    """The name without the ending of a NIfTI file; the whole name of any other."""
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.name
