"""Figure 3 of Hess et al. 2018: the error of Tmax after the series is moved in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
from line_pictures import Panel, line_panels
from markdown import print_table, shown
from SyntheticPerfusionLib.analysis.agreement import clipped_mean_absolute
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN, brain_regions
from SyntheticPerfusionLib.evaluation.evaluated_patient import EvaluatedPatient
from SyntheticPerfusionLib.methods.hess_input import HessInput
from SyntheticPerfusionLib.methods.method import Method
from SyntheticPerfusionLib.series.bolus import BolusTiming
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.prepare import Prepared, prepare

SHIFTS = (-5, 0, 5, 10, 15, 20, 25, 30)
WAYS = ("reflection", "earlier scan")

Curves = dict[str, dict[int, float]]
"""MAEC in s by method and shift."""

_AFTER_PEAK = 12
"""Frames after the peak of the brain that a shift must leave in the series."""


@contextmanager
def reflected(frames: int) -> Iterator[None]:
    """Within it, networks of the Hess family see their sequence `frames` later.

    As in training and in the paper: frames come by reflection where the series has none, so that a
    shift beyond its baseline puts a mirrored bolus in front of the true one.
    """
    own = HessInput.window
    with mock.patch.object(HessInput, "window", lambda self, shift=0: own(self, shift + frames)):
        yield


def begun_earlier(series: DscSeries, frames: int, bolus: BolusTiming) -> DscSeries:
    """The series as of a scan begun `frames` earlier (later, below 0), of the same length.

    Frames before the first come from the baseline, there and back again; those after the last by
    reflection. Frame times stay.
    """
    last = series.frame_count - 1
    index = np.arange(series.frame_count) - frames
    index = np.where(index > last, 2 * last - index, index)
    steady = np.arange(bolus.baseline_start, bolus.baseline_stop)
    lap = np.concatenate([steady, steady[::-1]])
    return series.with_signal(series.signal[np.where(index < 0, lap[-index % lap.size], index)])


def keeps_bolus(bolus: BolusTiming, count: int, frames: int) -> bool:
    """Whether the bolus still lies whole in a series of `count` frames after the shift."""
    return bolus.arrival + frames >= 2 and bolus.peak + frames + _AFTER_PEAK < count


def shift_curves(
    patients: Iterable[Callable[[], EvaluatedPatient]],
    count: int,
    models: Sequence[Method],
    device: str,
    slice_step: int,
) -> dict[str, Curves]:
    """MAEC by way, mean over the first `count` patients whose bolus no shift pushes out of the
    series: the same patients at every shift. Prints a table."""
    errors: dict[tuple[str, str, int], list[float]] = defaultdict(list)
    used = 0
    for make in patients if models else ():
        if used == count:
            break
        patient = make()
        try:
            prepared = prepare(patient.series)
        except InputError:
            continue
        if not all(
            keeps_bolus(prepared.bolus, prepared.series.frame_count, frames) for frames in SHIFTS
        ):
            continue
        used += 1
        for way, frames in product(WAYS, SHIFTS):
            found = _errors(patient, prepared, models, way, frames, device, slice_step)
            for name, error_s in found.items():
                errors[way, name, frames].append(error_s)
    curves: dict[str, Curves] = {}
    for (way, name, frames), values in errors.items():
        curves.setdefault(way, {}).setdefault(name, {})[frames] = float(np.mean(values))
    for way, by_model in curves.items():
        print_table(
            f"MAEC [s] after a shift by so many frames, by {way}; {used} patients",
            ["method", *map(str, SHIFTS)],
            [
                [name, *(shown(by_shift.get(frames), ".3f") for frames in SHIFTS)]
                for name, by_shift in by_model.items()
            ],
        )
    return curves


def _errors(
    patient: EvaluatedPatient,
    prepared: Prepared,
    models: Sequence[Method],
    way: str,
    frames: int,
    device: str,
    slice_step: int,
) -> dict[str, float]:
    """MAEC in s by model."""
    mask = np.zeros_like(prepared.mask)
    mask[slice_step // 2 :: slice_step] = prepared.mask[slice_step // 2 :: slice_step]
    region = brain_regions(patient.labels, mask & patient.brain)[BRAIN]
    series, moved = prepared.series, reflected(frames)
    if way == "earlier scan":
        series, moved = begun_earlier(series, frames, prepared.bolus), nullcontext()
    found = {}
    with moved:
        for model in models:
            try:
                maps = model.estimate(series, mask, None, device)
            except InputError as error:
                print(f"Shift by {frames}, {model.name}: {error}")
                continue
            found[model.name] = clipped_mean_absolute(maps["Tmax"], patient.truth["Tmax"], region)
    return found


def shift_picture(shifts: dict[str, Curves], path: Path) -> None:
    """Figure 3, once for each way of padding."""
    worst = max(
        max(by_shift.values()) for curves in shifts.values() for by_shift in curves.values()
    )
    line_panels(
        path,
        [
            Panel(
                f"Shifted series, by {way}",
                "shift [frames]",
                "MAEC of Tmax [s]",
                {
                    name: (list(by_shift), list(by_shift.values()))
                    for name, by_shift in curves.items()
                },
                limits=(0.0, 1.1 * worst),
            )
            for way, curves in shifts.items()
        ],
    )
