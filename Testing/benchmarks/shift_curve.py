"""Figure 3 of Hess et al. 2018: the error of Tmax after the series is moved in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from line_pictures import Panel, line_panels
from markdown import print_table, shown
from SyntheticPerfusionLib.analysis.agreement import clipped_mean_absolute
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.evaluation.brain_regions import BRAIN, brain_regions
from SyntheticPerfusionLib.evaluation.evaluated_patient import EvaluatedPatient
from SyntheticPerfusionLib.evaluation.evaluation import prepare_as_usual
from SyntheticPerfusionLib.methods.method import Method
from SyntheticPerfusionLib.series.bolus import BolusTiming
from SyntheticPerfusionLib.series.dsc_series import DscSeries

SHIFTS = (-5, 0, 5, 10, 15, 20, 25, 30)
WAYS = ("reflection", "baseline")

Curves = dict[str, dict[int, float]]
"""MAEC in s by method and shift."""

_AFTER_PEAK = 12
"""Frames after the peak of the brain that a shift must leave in the series."""


def shifted(
    series: DscSeries, frames: int, bolus: BolusTiming, by_reflection: bool = True
) -> DscSeries:
    """The series with its content `frames` later, its length and frame times kept.

    Below 0 frames are taken away at the start and the end is padded, above 0 the other way round;
    what is padded are the frames reflected at that end. Not `by_reflection`, frames at the start
    come from the baseline alone, as in a scan that was begun earlier: reflection of more frames
    than the baseline has puts a mirrored bolus in front of the true one.
    """
    count = series.frame_count
    index = np.arange(count) - frames
    last = count - 1
    index = np.where(index > last, 2 * last - index, index)
    before = index < 0
    if by_reflection:
        index = np.where(before, np.minimum(-index, last), index)
    else:
        steady = np.arange(bolus.baseline_start, bolus.baseline_stop)
        lap = np.concatenate([steady, steady[::-1]])
        index = np.where(before, lap[(-index) % lap.size], index)
    return series.with_signal(series.signal[index])


def keeps_bolus(bolus: BolusTiming, count: int, frames: int) -> bool:
    """Whether the bolus still lies whole in a series of `count` frames after the shift."""
    return bolus.arrival + frames >= 2 and bolus.peak + frames + _AFTER_PEAK < count


def shift_curves(
    patients: Sequence[EvaluatedPatient], models: Sequence[Method], device: str, slice_step: int
) -> dict[str, Curves]:
    """MAEC by way of padding, mean over the patients that keep their bolus; prints a table."""
    found = {way: _curves(patients, models, way, device, slice_step) for way in WAYS}
    found = {way: curves for way, curves in found.items() if curves}
    for way, curves in found.items():
        print_table(
            f"MAEC [s] after a shift by so many frames, padded by {way}",
            ["method", *map(str, SHIFTS)],
            [
                [name, *(shown(by_shift.get(frames), ".3f") for frames in SHIFTS)]
                for name, by_shift in curves.items()
            ],
        )
    return found


def _curves(
    patients: Sequence[EvaluatedPatient],
    models: Sequence[Method],
    way: str,
    device: str,
    slice_step: int,
) -> Curves:
    errors: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for patient in patients:
        prepared, _ = prepare_as_usual(patient.series)
        mask = np.zeros_like(prepared.mask)
        mask[slice_step // 2 :: slice_step] = prepared.mask[slice_step // 2 :: slice_step]
        region = brain_regions(patient.labels, mask & patient.brain)[BRAIN]
        for frames in SHIFTS:
            if not keeps_bolus(prepared.bolus, prepared.series.frame_count, frames):
                continue
            series = shifted(prepared.series, frames, prepared.bolus, way == "reflection")
            for model in models:
                try:
                    maps = model.estimate(series, mask, None, device)
                except InputError as error:
                    print(f"Shift by {frames}, {model.name}: {error}")
                    continue
                error_s = clipped_mean_absolute(maps["Tmax"], patient.truth["Tmax"], region)
                errors[model.name][frames].append(error_s)
    return {
        name: {frames: float(np.mean(values)) for frames, values in sorted(by_shift.items())}
        for name, by_shift in errors.items()
    }


def shift_picture(shifts: dict[str, Curves], path: Path) -> None:
    """Figure 3, once for each way of padding."""
    worst = max(
        max(by_shift.values()) for curves in shifts.values() for by_shift in curves.values()
    )
    line_panels(
        path,
        [
            Panel(
                f"Shifted series, padded by {way}",
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
