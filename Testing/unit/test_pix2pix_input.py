"""What the generators read of a series: fixed times, each voxel over its baseline, any matrix."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.pix2pix_input import Pix2PixInput
from SyntheticPerfusionLib.methods.pix2pix_settings import (
    Pix2PixArchitecture,
    Pix2PixPreprocessing,
    TargetRange,
)

from unit.small_pix2pix import TINY, pix2pix_series

ARCHITECTURE = Pix2PixArchitecture.from_json({**TINY, "matrix": 64})


def examination(preprocessing=None, turned=False, **kind):
    series, mask = pix2pix_series(**kind)
    signal, direction = series.signal, series.geometry.direction
    if turned:
        signal, mask = signal[:, :, ::-1], mask[:, ::-1]
        direction = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    return Pix2PixInput(
        signal,
        series.frame_times_s,
        mask,
        series.geometry.spacing,
        ARCHITECTURE,
        Pix2PixPreprocessing.from_json(preprocessing or {}),
        direction,
    )


def mean_curve(seen):
    return seen.source[:, seen.brain].mean(axis=1)


def test_one_point_means_the_same_time_for_every_repetition_time_and_matrix():
    curves = [
        mean_curve(examination(frames=frames, step_s=step, grid=grid).slice(1))
        for frames, step, grid in (
            (60, 1.5, (3, 32, 32)),
            (45, 2.0, (3, 64, 64)),
            (110, 0.8, (3, 48, 40)),
        )
    ]
    for other in curves[1:]:
        # Arrival is known to a frame.
        lags = [np.abs(np.roll(other, lag) - curves[0])[5:60].max() for lag in (-1, 0, 1)]
        assert min(lags) < 0.06


def test_the_source_is_each_voxel_over_its_own_baseline_and_still_outside():
    seen = examination(grid=(2, 64, 64)).slice(0)
    assert seen.source.dtype == np.float32
    assert (seen.source[:, ~seen.brain] == 1).all()
    # Fifteen seconds before the bolus, eight of which no voxel has left its baseline.
    np.testing.assert_allclose(seen.source[:6, seen.brain].mean(axis=0), 1, atol=0.05)
    assert seen.source[:, seen.brain].min() < 0.7


def test_the_papers_source_keeps_the_heights_of_the_signal():
    bright = examination({"source": "signal"}, grid=(2, 64, 64))
    bright._signal = bright._signal.copy()
    bright._signal[:, 0, 30, 30] *= 3
    seen = bright.slice(0)
    assert seen.source[:6, 30, 30].mean() == pytest.approx(3, rel=0.1)
    assert (seen.source[:, ~seen.brain] == 0).all()
    even = examination(grid=(2, 64, 64))
    even._signal = bright._signal
    assert even.slice(0).source[:6, 30, 30].mean() == pytest.approx(1, abs=0.05)


def test_the_whole_series_can_be_stretched_as_in_the_paper():
    stretched = examination({"time": "series"}, frames=50)
    times = stretched.times_s()
    assert (times[0], times[-1]) == (0, pytest.approx(49 * 1.5))
    assert stretched.slice(0, moved_s=2.0).start_s == 0


def test_points_can_be_moved_and_the_start_is_known():
    opened = examination(grid=(2, 64, 64))
    plain, moved = opened.slice(0), opened.slice(0, moved_s=2.5)
    assert moved.start_s - plain.start_s == pytest.approx(2.5)
    # Two points of 1.25 s: the content comes as much earlier.
    np.testing.assert_allclose(moved.source[:50], plain.source[2:52], atol=1e-5)


def test_one_permutation_takes_the_order_from_every_series():
    plain = examination(grid=(2, 64, 64)).slice(0)
    shuffled = [
        examination({"frame_order_seed": 7}, grid=(2, 64, 64), seed=seed).slice(0).source
        for seed in (0, 3)
    ]
    order = Pix2PixPreprocessing(frame_order_seed=7).order(80)
    assert sorted(order) == list(range(80))
    assert (order != np.arange(80)).sum() > 70
    np.testing.assert_allclose(shuffled[0], plain.source[order], atol=1e-6)
    peaks = [source[:, plain.brain].mean(axis=1).argmin() for source in shuffled]
    assert peaks[0] == peaks[1]
    assert order[peaks[0]] == mean_curve(plain).argmin()


def test_slices_are_seen_the_same_way_up():
    usual, turned = (examination(turned=turned).slice(1) for turned in (False, True))
    np.testing.assert_array_equal(turned.brain, usual.brain)
    np.testing.assert_allclose(turned.source, usual.source, atol=1e-5)


def test_scaled_values_beyond_the_range_are_clipped():
    scale = Pix2PixPreprocessing(source_range=(0.0, 1.25))
    np.testing.assert_allclose(
        scale.scaled(np.float32([-1, 0, 0.625, 1, 1.25, 9])), [-1, -1, 0, 0.6, 1, 1], atol=1e-6
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source_range": [1.0, 0.5]}, "lower and a higher"),
        ({"source_range": [1.0, 1.0]}, "lower and a higher"),
        ({"source": "concentration"}, "relative, signal"),
        ({"time": "frames"}, "bolus, series"),
        ({"frame_order_seed": -2}, "0 or more"),
        ({"sauce": "signal"}, "has the key sauce"),
    ],
)
def test_preprocessing_that_is_no_use_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        Pix2PixPreprocessing.from_json(changes)


@pytest.mark.parametrize(
    "content", [None, {}, {"quantity": "CBF", "low": 2, "high": 1}, {"quantity": "CBF", "low": 0}]
)
def test_a_target_without_a_range_is_refused(content):
    with pytest.raises(InputError, match=r"preprocessing\.target is"):
        TargetRange.from_json(content)
