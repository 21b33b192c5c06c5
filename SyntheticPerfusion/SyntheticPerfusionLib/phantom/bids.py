"""One patient of a cohort as files, laid out as BIDS has it: the scan, and the truth beside it.

```
DIR/sub-001/perf/sub-001_dsc.nii.gz + .json       the series; whole numbers, as a scanner's export
DIR/sub-001/anat/sub-001_T1w.nii.gz               T1-weighted picture on the same grid
DIR/derivatives/truth/sub-001/perf/
    sub-001_<Quantity>.nii.gz + .json             true maps, float32, with unit and definition
    sub-001_desc-brain_mask.nii.gz                brain; desc-lesion, desc-tumor ... for each region
    sub-001_desc-tissue_dseg.nii.gz               labels of desc-tissue_dseg.tsv at the top;
                                                  desc-territories alike
    sub-001_desc-aif_timeseries.tsv               the arterial curve that fed the tissue; desc-vof
DIR/derivatives/truth/sub-001/sub-001_patient.json
```

The last file holds everything that was drawn and is written last: where it stands, with the member
that is asked for and the files it lists, the patient is whole. BIDS has no suffix for DSC-MRI yet;
the rest of the names are its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..maps.write import map_sidecar, unwritable
from ..progress import CancelCheck, never, stop_if
from ..series.aif_file import write_aif_csv
from ..series.atomic import replacing
from ..series.images import write_image
from ..series.write import write_series
from .cohort import Member
from .patient import DigitalPatient
from .write import describe_patient, scan_fields

TRUTH = Path("derivatives", "truth")

_LESIONS = ("lesion", "tumor", "affected")
"""The region whose volume tells how large the disease is."""


def scan_folder(root: Path, identifier: str) -> Path:
    """Where the scan of a patient lies."""
    return root / identifier


def truth_folder(root: Path, identifier: str) -> Path:
    """Where the truth of a patient lies."""
    return root / TRUTH / identifier


def write_member(
    patient: DigitalPatient, member: Member, root: Path, cancelled: CancelCheck = never
) -> dict[str, Any]:
    """Write a patient into the cohort's folder; returns its row of participants.tsv.

    What an interrupted run left of the patient is taken away first. Raises InputError where the
    folder cannot be written to or is full, Cancelled where asked to stop.
    """
    try:
        for folder in (truth_folder(root, member.identifier), scan_folder(root, member.identifier)):
            if folder.exists():
                shutil.rmtree(folder)
        return _write(patient, member, root, cancelled)
    except OSError as error:
        raise unwritable(root, error) from error


def read_written(member: Member, root: Path) -> dict[str, Any] | None:
    """The row of a member that is whole in the folder; None where it is to be (re)written."""
    try:
        content = json.loads(_described(root, member.identifier).read_text(encoding="utf-8"))
        if content["member"] != _plain(member):
            return None
        for name, size in content["files"].items():
            if (root / name).stat().st_size != size:
                return None
        return dict(content["participant"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(
    patient: DigitalPatient, member: Member, root: Path, cancelled: CancelCheck
) -> dict[str, Any]:
    name = member.identifier
    perf, anat = scan_folder(root, name) / "perf", scan_folder(root, name) / "anat"
    truth = truth_folder(root, name) / "perf"
    for folder in (perf, anat, truth):
        folder.mkdir(parents=True)
    geometry = patient.series.geometry
    for path, volume in _volumes(patient, anat / f"{name}_T1w", truth / name).items():
        write_image(volume, geometry, path)
    stop_if(cancelled)
    for quantity in patient.truth.arrays:
        described = truth / f"{name}_{quantity.name}.json"
        described.write_text(_json(map_sidecar(quantity, patient.truth)), encoding="utf-8")
    for curve_name in ("aif", "vof"):
        curve = getattr(patient, curve_name)
        write_aif_csv(curve, truth / f"{name}_desc-{curve_name}_timeseries.tsv")
    stop_if(cancelled)
    write_series(patient.series, perf / f"{name}_dsc.nii.gz", scan_fields(patient.acquisition))
    row = participant(patient, member)
    written = sorted(path for top in (perf, anat, truth) for path in top.iterdir())
    content = {
        **describe_patient(patient),
        "member": _plain(member),
        "participant": row,
        "files": {path.relative_to(root).as_posix(): path.stat().st_size for path in written},
    }
    with replacing(_described(root, name)) as temporary:
        temporary.write_text(_json(content), encoding="utf-8")
    return row


def _volumes(patient: DigitalPatient, anat: Path, truth: Path) -> dict[Path, np.ndarray]:
    """Every (K, J, I) volume by its file; `anat` and `truth` are the beginnings of their names."""
    volumes = {
        "desc-brain_mask": patient.mask,
        "desc-tissue_dseg": patient.labels,
        "desc-territories_dseg": patient.territories,
        **{f"desc-{name}_mask": roi for name, roi in patient.rois.items()},
        **{name: patient.truth[name] for name in patient.truth.names},
    }
    return {
        anat.with_name(f"{anat.name}.nii.gz"): patient.anatomy.astype(np.float32),
        **{
            truth.with_name(f"{truth.name}_{name}.nii.gz"): volume
            for name, volume in volumes.items()
        },
    }


def participant(patient: DigitalPatient, member: Member) -> dict[str, Any]:
    """The row of participants.tsv; None for what does not apply to the patient."""
    drawn = patient.settings.get("disease", {})
    lesion = next((patient.rois[name] for name in _LESIONS if name in patient.rois), None)
    acquisition = patient.acquisition
    return {
        "participant_id": member.identifier,
        "kind": member.kind,
        "grade": member.grade or None,
        "who_grade": drawn.get("who_grade"),
        "rcbv": _true_rcbv(patient),
        "side": drawn.get("side"),
        "lesion_ml": None if lesion is None else _volume_ml(lesion, patient),
        "protocol": member.protocol,
        "split": member.split,
        "seed": member.seed,
        "snr": round(acquisition.snr, 2) if np.isfinite(acquisition.snr) else None,
        "repetition_time_s": round(acquisition.repetition_time_s, 4),
        "echo_time_s": round(acquisition.echo_time_s, 5),
        "frames": acquisition.frames,
    }


def _true_rcbv(patient: DigitalPatient) -> float | None:
    """Mean true CBV of the tumour over that of the reference region."""
    regions = [patient.rois.get(name) for name in ("tumor", "reference")]
    if any(region is None or not region.any() for region in regions):
        return None
    tumour, reference = (float(patient.truth["CBV"][region].mean()) for region in regions)
    return round(tumour / reference, 4)


def _volume_ml(region: np.ndarray, patient: DigitalPatient) -> float:
    voxel_mm3 = float(np.prod(patient.series.geometry.spacing))
    return round(float(region.sum()) * voxel_mm3 / 1000, 3)


def _described(root: Path, identifier: str) -> Path:
    return truth_folder(root, identifier) / f"{identifier}_patient.json"


def _plain(member: Member) -> dict[str, Any]:
    grid = None if member.grid is None else list(member.grid)
    return {**asdict(member), "grid": grid}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, default=float) + "\n"
