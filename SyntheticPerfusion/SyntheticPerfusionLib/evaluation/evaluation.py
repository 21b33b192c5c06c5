"""Several methods on the same patients: every map of each against the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..maps.perfusion_maps import PerfusionMaps
from ..methods.method import Method
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from ..series.aif import Aif
from ..series.aif_search import find_aif
from ..series.dsc_series import DscSeries
from ..series.prepare import Prepared, prepare
from .evaluated_patient import EvaluatedPatient
from .patient_figures import MapFigures, map_figures

Look = Callable[[EvaluatedPatient, PerfusionMaps], None]
MethodOf = Callable[[EvaluatedPatient], Method]


@dataclass(frozen=True, eq=False)
class MethodOnPatient:
    """What a method made of a patient; `seconds` its own, without preparation."""

    method: str
    identifier: str
    figures: MapFigures
    seconds: float


@dataclass
class Evaluation:
    """All that was found.

    patients   what is said of each patient that was used, in plain JSON values.
    found      one entry for each method and patient.
    left_out   sentences on patients and methods that gave nothing.
    warnings   sentences the person should read, each once.
    """

    patients: list[dict[str, Any]] = field(default_factory=list)
    found: list[MethodOnPatient] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, sentences: Iterable[str]) -> None:
        """Add those that are not there yet."""
        self.warnings += [one for one in dict.fromkeys(sentences) if one not in self.warnings]


def evaluate(
    patients: Sequence[Callable[[], EvaluatedPatient]],
    methods: Sequence[Method],
    device: str = "cpu",
    slice_step: int = 1,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    look: Look | None = None,
    own_methods: Sequence[MethodOf] = (),
) -> Evaluation:
    """Run the methods on patients that are made or read one after the other.

    slice_step  maps are made of every so many slices alone, from the middle of the first step on:
                a look at many patients in the time of a few. Volumes are of the whole all the same.
    look        is given every patient with every set of maps, for pictures.
    own_methods methods of which each patient has its own, as those by regions that are drawn in it;
                InputError says why one has none.

    Mask and arterial curve are found as for a patient of the clinic; of the truth nothing is used
    but by own methods.
    A patient that cannot be made, read or used is left out for every method and said; a method
    that cannot use a patient is left out there. Raises InputError where a model cannot be loaded,
    and Cancelled where asked to stop.
    """
    result = Evaluation()
    for method in methods:
        method.load(device)
    for index, make in enumerate(patients):
        stop_if(cancelled)
        own = part(progress, index / len(patients), (index + 1) / len(patients))
        own(0.0, f"Patient {index + 1} of {len(patients)}")
        try:
            patient = make()
        except InputError as error:
            result.left_out.append(f"Patient {index + 1}: {error}")
            continue
        looked_at = np.zeros(patient.brain.shape, bool)
        looked_at[slice_step // 2 :: slice_step] = True
        try:
            prepared, aif = prepare_as_usual(patient.series)
        except InputError as error:
            result.left_out.append(f"{patient.identifier}: {error}")
            continue
        result.patients.append(
            {"identifier": patient.identifier, **patient.about, **_described(patient, prepared)}
        )
        used = [*methods]
        for make_method in own_methods:
            try:
                used.append(make_method(patient))
            except InputError as error:
                result.left_out.append(f"{patient.identifier}: {error}")
        for number, method in enumerate(used):
            own((number + 1) / (len(used) + 1), f"{patient.identifier}: {method.name}")
            result.warn(method.range_warnings(patient.series))
            mask = prepared.mask & looked_at
            try:
                maps, seconds = _timed(method, prepared, mask, aif, device)
                figures = map_figures(maps, patient, method.needs.aif, slice_step)
            except (InputError, ValueError) as error:
                result.left_out.append(f"{patient.identifier}, {method.name}: {error}")
                continue
            found = MethodOnPatient(method.name, patient.identifier, figures, seconds)
            result.found.append(found)
            if look is not None:
                look(patient, maps)
    progress(1.0, "Done")
    return result


def prepare_as_usual(series: DscSeries) -> tuple[Prepared, Aif]:
    """A series ready for a method, with mask and arterial curve found automatically.

    Raises InputError where it shows no usable bolus or artery.
    """
    prepared = prepare(series)
    return prepared, find_aif(prepared.series, prepared.mask, prepared.bolus)


def _timed(
    method: Method, prepared: Prepared, mask: np.ndarray, aif: Aif, device: str
) -> tuple[PerfusionMaps, float]:
    """Maps of a method and the seconds that it took."""
    start = time.perf_counter()
    given = aif if method.needs.aif else None
    maps = method.estimate(prepared.series, mask, given, device)
    return maps, time.perf_counter() - start


def _described(patient: EvaluatedPatient, prepared: Prepared) -> dict[str, Any]:
    inside, brain = prepared.mask, patient.brain
    return {
        "frames": patient.series.frame_count,
        "repetition_time_s": patient.series.repetition_time_s,
        "shape": list(patient.series.geometry.shape),
        "mask_dice": 2 * float((inside & brain).sum()) / float(inside.sum() + brain.sum()),
    }
