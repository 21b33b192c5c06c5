"""An acquisition: legal ranges, slice timing, and that it can be written down and made again."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import LEGAL, SLICE_ORDERS, Acquisition


@pytest.mark.parametrize("name", LEGAL)
def test_a_value_beyond_its_range_is_refused_in_one_sentence(name):
    lowest, highest = LEGAL[name]
    for value in (lowest - 1, highest + 1, float("nan")):
        if value == float("inf"):
            continue
        with pytest.raises(InputError, match=name) as caught:
            Acquisition(**{name: value})
        assert str(caught.value).endswith(".")
    # So long a series that spikes and a late bolus have room.
    room = {"frames": 2000} if name != "frames" else {"bolus_onset_s": 5.0}
    for value in (lowest, highest):
        assert getattr(Acquisition(**{**room, name: value}), name) == value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": (25, 128)}, "25 x 128"),
        ({"shape": (0, 128, 128)}, "matrix"),
        ({"shape": (5, 128.5, 128)}, "matrix"),
        ({"spacing_mm": (1.8, 1.8, 0.0)}, "voxels"),
        ({"residue": "triangle"}, "triangle"),
        ({"dispersion_kernel": "box"}, "box"),
        ({"slice_order": "random"}, "random"),
        ({"frames": 20.5}, "whole"),
        ({"frames": 12, "spikes": 13}, "spike"),
        ({"frames": 12, "bolus_onset_s": 30.0}, "after the last"),
    ],
)
def test_what_cannot_be_scanned_is_refused(changes, words):
    with pytest.raises(InputError, match=words):
        Acquisition(**changes)


def test_it_is_made_again_from_its_json():
    drawn = Acquisition(shape=(7, 96, 80), snr=33.0, slice_order="interleaved", spikes=2)
    assert Acquisition(**json.loads(json.dumps(asdict(drawn)))) == drawn
    silent = Acquisition(snr=math.inf)
    assert Acquisition(**json.loads(json.dumps(silent.as_json(), allow_nan=False))) == silent


def test_undisturbed_is_the_same_scan_without_what_hides_the_equation():
    scan = Acquisition.small(spikes=3, motion_mm=1.0, snr=20.0, echo_time_s=0.04, rim_gain=0.1)
    clean = scan.undisturbed()
    assert (clean.snr, clean.physiological_noise, clean.psf_voxels) == (math.inf, 0.0, 0.0)
    assert (clean.motion_mm, clean.spikes) == (0.0, 0)
    assert (clean.shape, clean.echo_time_s, clean.rim_gain) == (scan.shape, 0.04, 0.1)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("simultaneous", [0, 0, 0, 0, 0]),
        ("ascending", [0, 0.4, 0.8, 1.2, 1.6]),
        ("descending", [1.6, 1.2, 0.8, 0.4, 0]),
        ("interleaved", [0, 1.2, 0.4, 1.6, 0.8]),
    ],
)
def test_slices_share_the_repetition_time(order, expected):
    acquisition = Acquisition(shape=(5, 64, 64), repetition_time_s=2.0, slice_order=order)
    np.testing.assert_allclose(acquisition.slice_times_s, expected)


def test_every_slice_is_excited_once_within_a_frame():
    for order in SLICE_ORDERS[1:]:
        times = Acquisition(shape=(24, 64, 64), slice_order=order).slice_times_s
        np.testing.assert_allclose(np.sort(times), np.arange(24) * 1.5 / 24)
