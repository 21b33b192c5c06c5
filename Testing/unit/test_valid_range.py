"""What is said of a series that a model was not made for."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.methods.valid_range import range_warnings
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry


def series(step_s=1.5, frames=60, echo_time_s=0.03, spacing=(1.8, 1.8, 5.0)):
    """A series of nothing with this timing and grid of 20 slices."""
    geometry = Geometry((20, 4, 4), spacing)
    signal = np.zeros((frames, *geometry.shape), np.float32)
    return DscSeries(signal, np.arange(frames) * step_s, geometry, echo_time_s)


RANGES = {
    "repetition_time_s": [1.2, 2.5],
    "echo_time_s": [0.025, 0.04],
    "frames": [40, 80],
    "duration_s": [70, 130],
    "slices": [15, 30],
    "spacing_mm": [1.5, 2.5],
    "slice_spacing_mm": [4, 7],
}


def test_a_series_inside_every_range_is_not_spoken_of():
    assert range_warnings(series(), RANGES, "model") == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step_s": 2.6, "frames": 50}, "repetition time is 2.6 s; model was trained on 1.2 to"),
        ({"echo_time_s": 0.05}, "echo time is 0.05 s; model was trained on 0.025 to 0.04 s"),
        ({"step_s": 2.0, "frames": 39}, "number of frames is 39; model was trained on 40 to 80"),
        ({"step_s": 2.4, "frames": 60}, "duration is 144 s; model was trained on 70 to 130 s"),
        ({"spacing": (1.8, 3.0, 5.0)}, "in-plane voxel size is 3 mm"),
        ({"spacing": (1.8, 1.8, 3.9)}, "distance between slices is 3.9 mm"),
        ({"echo_time_s": None}, "echo time is not known; model is valid for 0.025 to 0.04 s only"),
    ],
)
def test_the_one_thing_that_lies_outside_is_named(changes, said):
    (sentence,) = range_warnings(series(**changes), RANGES, "model")
    assert said in sentence


def test_the_ends_belong_to_the_range():
    ends = {"repetition_time_s": [1.5, 1.5], "slices": [20, 20]}
    assert range_warnings(series(step_s=1.4999), ends, "model") == ()
    (sentence,) = range_warnings(series(step_s=1.52), ends, "model")
    assert "was trained on 1.5 s and" in sentence


def test_only_what_the_card_names_is_asked_for():
    assert range_warnings(series(step_s=9.0, echo_time_s=None), {"slices": [1, 40]}, "model") == ()
