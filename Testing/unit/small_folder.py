"""A folder of tiny patients with the maps of some program, for the tests of training data."""

from __future__ import annotations

import csv
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from SyntheticPerfusionLib.series.images import write_image
from SyntheticPerfusionLib.series.prepare import prepare
from SyntheticPerfusionLib.series.write import write_series

from unit.small_series import bolus_curve, small_geometry, small_series

GRID = small_geometry((4, 18, 16), (9.0, 10.0, 20.0))
FRAMES = 16
SERIES = "perf/{0}_dsc.nii.gz"


@lru_cache(maxsize=1)
def tiny_series():
    return small_series(FRAMES, GRID, noise=2.0)


@lru_cache(maxsize=1)
def tiny_mask():
    return prepare(tiny_series()).mask


def tiny_map(low, high):
    """(K, J, I) float32 in the brain, 0 outside."""
    values = np.random.default_rng(5).uniform(low, high, GRID.shape)
    return np.where(tiny_mask(), values, 0).astype(np.float32)


def write_map(root, name, quantity, values, program="vendor", units=None):
    """Write a map of the patient `name`; returns its path."""
    path = Path(root) / "derivatives" / program / name / "perf" / f"{name}_{quantity}.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(np.asarray(values), GRID, path)
    if units is not None:
        path.with_name(f"{name}_{quantity}.json").write_text(json.dumps({"Units": units}))
    return path


def write_patient(root, name, maps=("Tmax",)):
    """Write series and maps of the patient `name`; returns the path of the series."""
    path = Path(root) / name / SERIES.format(name)
    path.parent.mkdir(parents=True)
    write_series(tiny_series(), path)
    for quantity in maps:
        write_map(root, name, quantity, tiny_map(*{"CBF": (10, 90)}.get(quantity, (1, 9))))
    return path


def write_participants(root, **splits):
    """Write participants.tsv with the part of each patient."""
    with (Path(root) / "participants.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["participant_id", "split", "kind"])
        writer.writerows(
            [name.replace("_", "-"), split, "stroke"] for name, split in splits.items()
        )


def write_artery(root, name):
    """Write an arterial curve that somebody picked for the patient `name`; returns it, (T,)."""
    times = tiny_series().frame_times_s
    curve = 60 * bolus_curve(times)
    path = Path(root) / f"derivatives/vendor/{name}/perf/{name}_desc-aif_timeseries.tsv"
    rows = [f"{time}\t{value}" for time, value in zip(times, curve, strict=True)]
    path.write_text("\n".join(["time_s\tconcentration_1_per_s", *rows]) + "\n")
    return curve
