"""A digital patient as files: the series as a scanner's export would be, the truth beside it.

```
DIR/dsc.nii.gz + dsc.json     the series with a BIDS sidecar (EchoTime, RepetitionTime)
DIR/anatomy.nii.gz            T1-weighted picture
DIR/brain_mask.nii.gz  DIR/labels.nii.gz  DIR/territories.nii.gz
DIR/tumor.nii.gz  DIR/reference.nii.gz       (glioma)
DIR/lesion.nii.gz  DIR/core.nii.gz           (stroke)
DIR/affected.nii.gz                          (steno-occlusive disease, moyamoya)
DIR/mca.nii.gz  DIR/sss.nii.gz               regions that divide time into collateral phases
DIR/truth/CBF.nii.gz ...      the true maps
DIR/aif_truth.csv             the arterial curve that fed the tissue; vof_truth.csv the venous
DIR/patient.json              kind, seed and everything that was drawn
```
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..maps.quantity import QUANTITIES
from ..maps.write import unwritable
from ..series.aif_file import write_aif_csv
from ..series.atomic import replacing
from ..series.images import write_image
from ..series.write import write_series
from .acquisition import Acquisition
from .patient import DigitalPatient
from .territories import Territory
from .truth import TissueLabel

REGIONS = ("tumor", "reference", "lesion", "core", "affected", "mca", "sss")
"""Every region that a patient may have."""


def write_patient(patient: DigitalPatient, directory: Path) -> list[Path]:
    """Write a patient into `directory`, made where it is missing; returns the files written.

    Raises InputError where the folder cannot be made or written to.
    """
    directory = Path(directory)
    truth = directory / "truth"
    try:
        truth.mkdir(parents=True, exist_ok=True)
        series_file = directory / "dsc.nii.gz"
        write_series(patient.series, series_file, scan_fields(patient.acquisition))
        geometry = patient.series.geometry
        # Of a patient who was here before.
        for stale in (
            *(directory / f"{name}.nii.gz" for name in REGIONS),
            *(truth / f"{known}.nii.gz" for known in QUANTITIES),
        ):
            stale.unlink(missing_ok=True)
        volumes: dict[Path, np.ndarray] = {
            directory / "anatomy.nii.gz": patient.anatomy.astype(np.float32),
            directory / "brain_mask.nii.gz": patient.mask,
            directory / "labels.nii.gz": patient.labels,
            directory / "territories.nii.gz": patient.territories,
            **{directory / f"{name}.nii.gz": roi for name, roi in patient.rois.items()},
            **{truth / f"{name}.nii.gz": patient.truth[name] for name in patient.truth.names},
        }
        for path, volume in volumes.items():
            write_image(volume, geometry, path)
        curves = {"aif": patient.aif, "vof": patient.vof}
        curve_files = [directory / f"{name}_truth.csv" for name in curves]
        for path, curve in zip(curve_files, curves.values(), strict=True):
            write_aif_csv(curve, path)
        described = directory / "patient.json"
        with replacing(described) as temporary:
            content = json.dumps(describe_patient(patient), indent=2, allow_nan=False)
            temporary.write_text(content + "\n", "utf-8")
    except OSError as error:
        raise unwritable(directory, error) from error
    sidecar = directory / "dsc.json"
    return [series_file, sidecar, *volumes, *curve_files, described]


def scan_fields(acquisition: Acquisition) -> dict[str, Any]:
    """Fields of the sidecar beyond those of `write_series`, by their BIDS names."""
    fields: dict[str, Any] = {
        "FlipAngle": acquisition.flip_angle_deg,
        "MagneticFieldStrength": 3,
        "PulseSequenceType": "Gradient Echo EPI",
        "MRAcquisitionType": "2D",
        "Manufacturer": "SyntheticPerfusion",
        "ContrastBolusIngredient": "GADOLINIUM",
        "BodyPart": "BRAIN",
    }
    times = acquisition.slice_times_s
    if np.any(times > 0):
        fields["SliceTiming"] = [round(float(time), 6) for time in times]
    return fields


def describe_patient(patient: DigitalPatient) -> dict[str, object]:
    """Who the patient is and everything that was drawn, in plain JSON values."""
    return {
        "kind": patient.kind,
        "seed": patient.seed,
        "acquisition": patient.acquisition.as_json(),
        "settings": dict(patient.settings),
        "labels": {label.name: int(label) for label in TissueLabel},
        "territories": {territory.name: int(territory) for territory in Territory},
        "units": {known.name: known.unit for known in patient.truth.arrays},
    }
