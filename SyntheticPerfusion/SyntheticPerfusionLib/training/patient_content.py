"""One patient as training takes it: a series at steady state on a scale of its own, and what is
known about it.

Everything that depends on the patient alone is done here, once, before it is cached: the frames
before steady state, the mask, the automatic arterial curve, which voxels count. What a family of
networks does to a series (padding, smoothing, standardising) is its own and not done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..series.aif_search import find_aif
from ..series.dsc_series import DscSeries
from ..series.prepare import Prepared, prepare

RBF_CBF_RANGE = (0.0, 200.0)
"""CBF in ml/100g/min as it counts in the mean that RBF is relative to: blood in the folds of a
digital brain reaches several hundred, and a vendor's map has outliers, which would move the mean
of a whole brain."""

_HIGHEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class PatientContent:
    """What is known about a patient, apart from its name and its part of the data.

    signal         (T, K, J, I) float16 at steady state, over the brain's mean baseline.
    mask           (K, J, I) bool, the brain.
    counted        (K, J, I) bool, voxels of the brain whose targets count: large vessels of digital
                   patients and voxels without a value in a map are left out.
    targets        (K, J, I) float32 by name of the quantity; 0 where not finite.
    frame_times_s  (T,) float64, seconds since the first acquired frame.
    echo_time_s    TE in seconds; None where it is not known and not needed.
    spacing_mm     (i, j, k) voxel size; direction as in series.geometry.Geometry.
    aif            (T,) float32 arterial curve of the series in 1/s; None where none was found, and
                   about["aif"] says why.
    true_aif       (T,) float32, the curve that fed the tissue, on the scale of tissue; None where
                   nobody knows it.
    labels         (K, J, I) uint8 of phantom.truth.TissueLabel, or None.
    rois           (K, J, I) bool by name of the region.
    about          plain JSON values: mask, aif and what was dropped, in words; for a digital
                   patient what was drawn.
    """

    signal: np.ndarray
    mask: np.ndarray
    counted: np.ndarray
    targets: Mapping[str, np.ndarray]
    frame_times_s: np.ndarray
    echo_time_s: float | None
    spacing_mm: tuple[float, float, float]
    aif: np.ndarray | None = None
    true_aif: np.ndarray | None = None
    labels: np.ndarray | None = None
    rois: Mapping[str, np.ndarray] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1)


@dataclass(frozen=True, eq=False)
class PreparedPatient:
    """A series at steady state with its arterial curve, and about both in words."""

    prepared: Prepared
    aif: np.ndarray | None
    about: dict[str, Any]

    @property
    def steady(self) -> slice:
        """The frames of the series as acquired that are kept."""
        return slice(self.prepared.acquired.first_steady, None)

    def scaled_signal(self) -> np.ndarray:
        """(T, K, J, I) float16: the signal over the mean baseline of the brain."""
        scaled = self.prepared.series.signal * np.float32(1 / self.prepared.bolus.baseline)
        return np.clip(scaled, 0, _HIGHEST, out=scaled).astype(np.float16)


def prepare_patient(
    series: DscSeries,
    mask: np.ndarray | None,
    mask_source: str,
    search_artery: bool = True,
    echo_time: bool = True,
) -> PreparedPatient:
    """The series at steady state in the brain, and its arterial curve.

    mask           (K, J, I) bool; None to find the brain in the series.
    mask_source    where `mask` comes from, in words.
    search_artery  False where somebody has picked one.
    echo_time      whether it is needed; where it is neither needed nor known, no artery is found.
    Raises InputError where the series lacks an echo time that is needed, or shows no usable bolus.
    """
    if series.echo_time_s is None and echo_time:
        raise InputError(
            "The echo time is not stored with the series; write EchoTime, in seconds, into the "
            "JSON file beside it."
        )
    prepared = prepare(series, mask=mask)
    about: dict[str, Any] = {
        "mask": mask_source if mask is not None else "found in the series",
        "dropped_frames": prepared.acquired.first_steady,
        "warnings": list(prepared.warnings),
    }
    curve = None
    if search_artery:
        try:
            found = find_aif(prepared.series, prepared.mask, prepared.bolus)
        except InputError as error:
            about["aif"] = f"none found: {error}"
        else:
            curve = found.concentration.astype(np.float32)
            about["aif"] = found.source
    return PreparedPatient(prepared, curve, about)


def relative_flow(cbf: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """RBF (K, J, I) float32: CBF over its mean in `counted`, CBF clipped to RBF_CBF_RANGE there.

    Raises InputError where that mean is 0.
    """
    mean = float(np.clip(cbf[counted], *RBF_CBF_RANGE).mean()) if counted.any() else 0.0
    if mean <= 0:
        raise InputError("CBF is 0 in the whole brain, so there is no RBF; check the map.")
    return (cbf / mean).astype(np.float32)
