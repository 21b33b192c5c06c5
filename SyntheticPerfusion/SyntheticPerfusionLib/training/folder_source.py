"""Patients for training from a folder: series with the maps of any program, or without.

The maps are taken as they are, on the grid of the series. In a folder of digital patients the true
mask is used unless asked otherwise, and large vessels do not count, as in digital_source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..maps.quantity import QUANTITIES
from ..phantom.cohort import SPLITS
from ..phantom.cohort_folder import PARTICIPANTS
from ..progress import CancelCheck, stop_if
from ..series.aif_file import read_aif_csv
from ..series.images import read_image
from ..series.nifti_file import read_header
from ..series.read import read_series
from ..series.sidecar import sidecar_path
from .check_data import check_grids, check_series
from .digital_source import VESSELS
from .folder_layout import BRAIN, FolderLayout, SeriesFiles, read_layout
from .patient_cache import cached_bytes
from .patient_content import PatientContent, PreparedPatient, prepare_patient, relative_flow
from .patient_split import split_by_seed
from .problem import Problem, noting, refuse
from .target_map import check_values, read_target, with_value


@dataclass(frozen=True)
class FolderSource:
    """A patient in a folder.

    maps      file by name of the quantity, of those that are wanted and there.
    given     problems that were seen without opening a file.
    digital   whether the patient is one of `synthetic-perfusion cohort`.
    echo_time whether the series must have one.
    """

    root: Path
    files: SeriesFiles
    split: str
    kind: str
    maps: Mapping[str, Path]
    given: Sequence[Problem]
    wanted: tuple[str, ...]
    digital: bool
    automatic_mask: bool
    echo_time: bool = True

    @property
    def identifier(self) -> str:
        """What the patient is called."""
        return self.files.identifier

    @property
    def file(self) -> Path:
        """The series."""
        return self.files.series

    @property
    def _mask_file(self) -> Path | None:
        found = self.files.masks.get(BRAIN, ())
        return found[0] if found and not self.automatic_mask else None

    @property
    def _regions(self) -> dict[str, Path]:
        return {name: found[0] for name, found in self.files.masks.items() if name != BRAIN}

    def made_of(self) -> Mapping[str, Any]:
        """What decides how it looks, in plain JSON values: its files by size and time of change."""
        labels = self.files.tissue if self.digital else ()
        images = [self.file, *self.maps.values(), *self._regions.values(), *labels]
        if self._mask_file is not None:
            images.append(self._mask_file)
        candidates = [*images, *map(sidecar_path, images), *self.files.curves]
        return {
            "files": {
                path.relative_to(self.root).as_posix(): [
                    path.stat().st_size,
                    path.stat().st_mtime_ns,
                ]
                for path in candidates
                if path.is_file()
            },
            "wanted": [] if self.digital else sorted(self.wanted),
            "automatic_mask": self.automatic_mask,
            "digital": self.digital,
        }

    def problems(self) -> list[Problem]:
        """What is wrong by names and headers, without reading an image."""
        images = [*self.maps.values(), *self._regions.values()]
        if self._mask_file is not None:
            images.append(self._mask_file)
        found = [*self.given, *check_series(self.identifier, self.file, self.echo_time)]
        return found + check_grids(self.identifier, self.file, images)

    def needed_bytes(self) -> int:
        """About what it takes in the cache."""
        i, j, k, t = read_header(self.file).size
        return cached_bytes((t, k, j, i), len(self.maps) + len(self._regions) + 3)

    def make(self, cancelled: CancelCheck) -> PatientContent:
        """Read the patient.

        Raises UnusableData with all that is wrong with it, Cancelled where asked to stop.
        """
        problems: list[Problem] = []
        maps: dict[str, np.ndarray] = {}
        for name, path in self.maps.items():
            with noting(problems, self.identifier, path):
                maps[name] = read_target(path, QUANTITIES[name])
        stop_if(cancelled)
        ready = None
        with noting(problems, self.identifier, self.file):
            ready = self._prepared()
        if ready is None or problems:
            raise refuse(problems)
        counted, labels = self._counted(ready.prepared.mask, maps)
        if not counted.any():
            reason = f"No voxel of the brain holds a value in {', '.join(maps)}; check the maps."
            raise refuse([Problem(self.identifier, reason, self.file)])
        for name, values in maps.items():
            with noting(problems, self.identifier, self.maps[name]):
                if not self.digital:
                    check_values(values, counted, QUANTITIES[name])
        targets = {
            name: np.where(np.isfinite(values), values, 0).astype(np.float32)
            for name, values in maps.items()
        }
        with noting(problems, self.identifier, self.maps.get("CBF")):
            if "CBF" in maps and "RBF" not in targets:
                targets["RBF"] = relative_flow(targets["CBF"], counted)
        aif, true_aif, about = ready.aif, None, dict(ready.about)
        curves = self.files.curves
        with noting(problems, self.identifier, curves[0] if curves else None):
            if curves and self.digital:
                true_aif = self._curve(ready)[0]
            elif curves:
                aif, about["aif"] = self._curve(ready)
        if problems:
            raise refuse(problems)
        series = ready.prepared.series
        about["counted_share"] = round(float(counted.sum() / ready.prepared.mask.sum()), 4)
        return PatientContent(
            signal=ready.scaled_signal(),
            mask=ready.prepared.mask,
            counted=counted,
            targets=targets,
            frame_times_s=series.frame_times_s,
            echo_time_s=series.echo_time_s,
            spacing_mm=series.geometry.spacing,
            aif=aif,
            true_aif=true_aif,
            labels=labels,
            rois={name: read_image(path)[0] != 0 for name, path in self._regions.items()},
            about=about,
            direction=series.geometry.direction,
        )

    def _prepared(self) -> PreparedPatient:
        series = read_series(self.file)
        given = None
        if self._mask_file is not None:
            given = _mask(self._mask_file)
        source = "truth of the digital patient" if self.digital else "file of the folder"
        # A curve in the folder of a digital patient is the truth, not one that was picked.
        search = self.digital or not self.files.curves
        return prepare_patient(series, given, source, search, self.echo_time)

    def _counted(
        self, mask: np.ndarray, maps: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Voxels (K, J, I) whose targets count, and the labels of a digital patient."""
        if not self.digital:
            return with_value(maps, mask), None
        labels = read_image(self.files.tissue[0])[0].astype(np.uint8)
        true_mask = _mask(self.files.masks[BRAIN][0])
        return mask & true_mask & ~np.isin(labels, VESSELS), labels

    def _curve(self, ready: PreparedPatient) -> tuple[np.ndarray, str]:
        """(T,) float32 curve of the patient's own file on the frames that are kept."""
        read = read_aif_csv(self.files.curves[0], ready.prepared.series.frame_times_s)
        return read.concentration.astype(np.float32), read.source


def folder_sources(
    root: Path,
    quantities: Sequence[str],
    shares: tuple[float, float, float],
    seed: int,
    automatic_mask: bool = False,
    derivatives: str = "",
    echo_time: bool = True,
) -> tuple[list[FolderSource], list[Problem]]:
    """Everybody in a folder, and what is wrong with those who have no series there.

    quantities  maps that each must have; of digital patients all there are are taken.
    shares      of the parts, by person, where participants.tsv has no column split.
    derivatives as in folder_layout.read_layout.
    echo_time   whether every series must have one.
    Raises InputError where there is no such folder, or nobody in it.
    """
    layout = read_layout(root, derivatives)
    splits = _splits(layout, shares, seed)
    everybody = []
    for files in layout.files:
        problems = [item for item in layout.problems if item.identifier == files.person]
        part = splits.get(files.person, "")
        if part not in SPLITS:
            problems.append(
                Problem(
                    files.identifier,
                    f"The column split says '{part}'; expected one of {', '.join(SPLITS)}.",
                    layout.root / PARTICIPANTS,
                )
            )
        problems += _doubtful(files, layout.root)
        maps = _chosen_maps(files, quantities, layout, problems)
        everybody.append(
            FolderSource(
                root=layout.root,
                files=files,
                split=part,
                kind=layout.rows.get(files.person, {}).get("kind", ""),
                maps=maps,
                given=tuple(problems),
                wanted=tuple(quantities),
                digital=layout.digital,
                automatic_mask=automatic_mask,
                echo_time=echo_time,
            )
        )
    having = {files.person for files in layout.files}
    return everybody, [item for item in layout.problems if item.identifier not in having]


def _splits(
    layout: FolderLayout, shares: tuple[float, float, float], seed: int
) -> Mapping[str, str]:
    if any("split" in row for row in layout.rows.values()):
        return {person: row["split"].lower() for person, row in layout.rows.items()}
    return split_by_seed([files.person for files in layout.files], shares, seed)


def _doubtful(files: SeriesFiles, root: Path) -> list[Problem]:
    """Masks and curves of which there are several, so that none can be told to be meant."""
    groups = {f"masks of {name}": found for name, found in files.masks.items()}
    groups["arterial curves"] = files.curves
    return [
        Problem(files.identifier, _several(name, found, root), files.series)
        for name, found in groups.items()
        if len(found) > 1
    ]


def _several(name: str, found: Sequence[Path], root: Path) -> str:
    listed = ", ".join(path.relative_to(root).as_posix() for path in found)
    return (
        f"There are {len(found)} {name} ({listed}); keep one, or name the folder of one program "
        "in data.derivatives."
    )


def _chosen_maps(
    files: SeriesFiles, quantities: Sequence[str], layout: FolderLayout, problems: list[Problem]
) -> dict[str, Path]:
    """File of each map that is wanted; what is missing or doubtful goes to `problems`."""
    chosen: dict[str, Path] = {}
    wanted = [name for name in QUANTITIES if name.lower() in files.maps] if layout.digital else []
    for name in dict.fromkeys([*quantities, *wanted]):
        source = "CBF" if name == "RBF" and "rbf" not in files.maps else name
        found = files.maps.get(source.lower(), ())
        if len(found) == 1:
            chosen[source] = found[0]
        elif not found:
            place = f"derivatives/<any>/{files.series.parent.relative_to(layout.root).as_posix()}"
            file = files.series.name.replace("_dsc", f"_{source}")
            problems.append(
                Problem(
                    files.identifier,
                    f"There is no map of {name}; expected {place}/{file}.",
                    files.series,
                )
            )
        else:
            reason = _several(f"maps of {source}", found, layout.root)
            problems.append(Problem(files.identifier, reason, files.series))
    return chosen


def _mask(path: Path) -> np.ndarray:
    """(K, J, I) bool of a mask whose grid was checked by its header."""
    mask = read_image(path)[0] != 0
    if not mask.any():
        raise InputError(f"The mask {path.name} is empty: none of its voxels is set.")
    return mask
