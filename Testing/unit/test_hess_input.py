"""Padding, reflection, shift, smoothing and standardisation of the sequences of Hess 2018."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.hess_bolus import early_strong_voxels, patch_weights
from SyntheticPerfusionLib.methods.hess_input import HessInput
from SyntheticPerfusionLib.methods.hess_neighbours import neighbours_in_slice
from SyntheticPerfusionLib.methods.hess_settings import HessArchitecture, HessPreprocessing
from SyntheticPerfusionLib.methods.hess_window import (
    allowed_shifts,
    extended_times,
    first_frame,
    make_window,
    reflected,
)
from SyntheticPerfusionLib.series.bolus import timing_of_curve

from unit.small_hess import SPACING, STEP_S, TINY, head


def frames_of(count, shift=0, length=80, smoothing=0.0):
    """Numbers of the frames in the sequence of a series of `count`."""
    window = make_window(np.arange(count) * STEP_S, 20, length, smoothing, shift)
    return window.weights @ np.arange(count, dtype=np.float32)


def test_short_series_are_padded_at_the_end_as_numpy_reflects():
    expected = np.pad(np.arange(50), (0, 30), mode="reflect")
    np.testing.assert_array_equal(frames_of(50), expected)
    very_short = np.pad(np.arange(12), (0, 68), mode="reflect")
    np.testing.assert_array_equal(frames_of(12), very_short)


@pytest.mark.parametrize("shift", [-5, 30])
def test_shift_reflects_at_the_end_that_it_uncovers(shift):
    moved = np.pad(np.arange(50), (30, 60), mode="reflect")[30 - shift : 110 - shift]
    np.testing.assert_array_equal(frames_of(50, shift), moved)


def test_longer_series_keep_the_frames_around_the_bolus():
    assert first_frame(120, 60, 80) == 60 - 27
    assert first_frame(120, 5, 80) == 0
    assert first_frame(120, 118, 80) == 40
    window = make_window(np.arange(120) * STEP_S, 60, 80, 0.0)
    np.testing.assert_array_equal(np.flatnonzero(window.counts), np.arange(33, 113))


def test_smoothing_is_scipys_gaussian_of_the_reflected_sequence():
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng(0)
    curve = rng.normal(size=50).astype(np.float32)
    window = make_window(np.arange(50) * STEP_S, 20, 80, 1.0)
    expected = gaussian_filter1d(np.pad(curve, (0, 30), mode="reflect"), 1.0, mode="mirror")
    np.testing.assert_allclose(window.weights @ curve, expected, atol=1e-6)


def test_times_run_on_beyond_both_ends_with_the_steps_of_the_reflected_frames():
    times = np.array([2.0, 3.0, 5.0, 9.0])
    positions = np.arange(-4, 9)
    expected = [-9.0, -5.0, -1.0, 1.0, 2.0, 3.0, 5.0, 9.0, 13.0, 15.0, 16.0, 17.0, 19.0]
    np.testing.assert_allclose(extended_times(times, positions), expected)
    np.testing.assert_array_equal(reflected(positions, 4), [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2])


def test_to_the_network_the_scanners_clock_does_not_matter_and_the_step_does():
    early = make_window(np.arange(60) * 1.5, 20, 80, 1.0)
    late = make_window(np.arange(60) * 1.5 + 30.0, 20, 80, 1.0)
    np.testing.assert_allclose(early.times_for_network(40.0), late.times_for_network(40.0))
    assert late.middle_s - early.middle_s == pytest.approx(30.0)
    slower = make_window(np.arange(60) * 3.0, 20, 80, 1.0)
    np.testing.assert_allclose(
        slower.times_for_network(40.0), 2 * early.times_for_network(40.0), rtol=1e-6
    )


def test_a_shift_moves_a_time_of_day_by_its_frames_to_the_network():
    plain = make_window(np.arange(60) * 1.5, 20, 80, 1.0)
    shifted = make_window(np.arange(60) * 1.5, 20, 80, 1.0, shift=7)
    peak_s = 31.0
    moved = (peak_s - shifted.middle_s) - (peak_s - plain.middle_s)
    assert moved == pytest.approx(7 * 1.5)


def test_shifts_leave_the_bolus_in_the_sequence():
    curve = np.ones(60) + np.random.default_rng(0).normal(0, 1e-3, 60)
    curve[25:40] -= 0.4 * np.sin(np.linspace(0, np.pi, 15))
    bolus = timing_of_curve(curve, np.arange(60) * STEP_S)
    assert allowed_shifts(bolus, 60, 80, -5, 30) == (-5, 30)
    lowest, highest = allowed_shifts(bolus, 60, 80, -40, 60)
    assert bolus.arrival + lowest == 2
    assert bolus.peak + highest == 80 - 12
    assert allowed_shifts(bolus, 60, 80, 0, 0) == (0, 0)


def examination(standardisation, code="none", shift=0, scale=1.0, **kind):
    signal, mask, _ = head(**kind)
    given = HessInput(
        scale * signal,
        np.arange(len(signal)) * STEP_S,
        mask,
        SPACING,
        HessArchitecture.from_json({**TINY, "code": code}),
        HessPreprocessing(
            standardisation=standardisation,
            smoothing_frames=0.0,
            patch_centre_mm=(0, 0, 0),
            candidates=20,
        ),
    )
    return given, given.window(shift), np.flatnonzero(mask)


def test_each_voxel_by_itself_has_mean_0_and_variance_1():
    given, window, voxels = examination("voxel", shift=9)
    sequences = given.sequences(window, voxels)
    assert sequences.shape == (voxels.size, 80)
    np.testing.assert_allclose(sequences.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(sequences.std(axis=1), 1, atol=1e-3)


@pytest.mark.parametrize("standardisation", ["series", "baseline"])
def test_all_of_the_brain_together_has_mean_0_and_variance_1(standardisation):
    given, window, voxels = examination(standardisation, shift=-4)
    sequences = given.sequences(window, voxels)
    assert sequences.mean() == pytest.approx(0, abs=1e-3)
    assert sequences.std() == pytest.approx(1, abs=1e-2)
    assert sequences.std(axis=1).std() > 1e-3


@pytest.mark.parametrize("standardisation", ["voxel", "series", "baseline"])
def test_the_unit_of_the_signal_does_not_matter(standardisation):
    given, window, voxels = examination(standardisation)
    bright, same, _ = examination(standardisation, scale=1234.0)
    np.testing.assert_allclose(
        given.sequences(window, voxels), bright.sequences(same, voxels), atol=2e-3
    )


def test_a_series_without_a_bolus_is_refused():
    flat = np.ones((40, 2, 8, 8), np.float32)
    flat += np.random.default_rng(0).normal(0, 0.01, flat.shape)
    with pytest.raises(
        InputError, match=r"No bolus was found|still at its peak|without a baseline"
    ):
        HessInput(
            flat,
            np.arange(40) * STEP_S,
            np.ones((2, 8, 8), bool),
            SPACING,
            HessArchitecture(code="none"),
            HessPreprocessing(),
        )


def test_patch_samples_lie_where_they_are_said_to():
    shape, spacing = (9, 30, 40), (2.0, 2.5, 5.0)
    k, j, i = np.indices(shape)
    x = (i - 19.5) * 2.0
    y = (j - 14.5) * 2.5
    z = (k - 4.0) * 5.0
    identity = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
    args = ((3.0, -4.0, 6.0), (2, 3, 5), (4.0, 2.0, 1.0))
    voxels, weights = patch_weights(shape, spacing, identity, *args)

    def sampled(values):
        return (values.ravel()[voxels] @ weights).reshape(2, 3, 5)

    np.testing.assert_allclose(sampled(z)[:, 0, 0], [4.0, 8.0], atol=1e-4)
    np.testing.assert_allclose(sampled(y)[0, :, 0], [-6.0, -4.0, -2.0], atol=1e-4)
    np.testing.assert_allclose(sampled(x)[0, 0], [1.0, 2.0, 3.0, 4.0, 5.0], atol=1e-4)

    # The same head stored feet up and mirrored: the patch stays at its place in the patient.
    turned = (-1.0, 0, 0, 0, 1.0, 0, 0, 0, -1.0)
    voxels, weights = patch_weights(shape, spacing, turned, *args)
    np.testing.assert_allclose(sampled(-z)[:, 0, 0], [4.0, 8.0], atol=1e-4)
    np.testing.assert_allclose(sampled(-x)[0, 0], [1.0, 2.0, 3.0, 4.0, 5.0], atol=1e-4)


def test_patch_of_a_volume_smaller_than_it_takes_the_border():
    voxels, weights = patch_weights(
        (1, 4, 4), (2.0, 2.0, 5.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0), (0, 0, -26), (3, 12, 12),
        (5.0, 2.0, 2.0),
    )  # fmt: skip
    assert voxels.max() < 16
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)


def test_candidates_are_the_early_and_strong_and_are_described_from_the_brains_own_bolus():
    signal, mask, _ = head(frames=60)
    arteries = np.zeros_like(mask)
    arteries[1, 8:12, 6:10] = True
    times = np.arange(60) * STEP_S
    early = 0.8 * np.exp(-0.5 * ((times - 17.0) / 2.0) ** 2)
    signal[:, arteries] = (1 - early)[:, None]
    frames, inside = signal.reshape(60, -1), np.flatnonzero(mask)
    bolus = timing_of_curve(frames[:, inside].mean(axis=1), times)
    chosen = early_strong_voxels(frames, inside, times, bolus, 16)
    assert set(chosen.voxels) == set(np.flatnonzero(arteries))
    later = times + 20.0
    moved = timing_of_curve(frames[:, inside].mean(axis=1), later)
    again = early_strong_voxels(frames, inside, later, moved, 16)
    np.testing.assert_allclose(again.features, chosen.features, atol=1e-5)
    assert np.all(chosen.features[:, 1] < 0)
    assert np.all(chosen.features[:, 0] > np.log(1.5))


def test_neighbours_are_those_of_the_slice_in_the_order_of_the_taps():
    mask = np.zeros((2, 3, 4), bool)
    mask[0, 1, 1] = mask[0, 1, 2] = mask[0, 2, 2] = mask[1, 1, 1] = True
    table = neighbours_in_slice(mask, 3)
    none = 4
    assert table[0].tolist() == [none, none, none, none, 0, 1, none, none, 2]
    assert table[2].tolist() == [0, 1, none, none, 2, none, none, none, none]
    assert table[3].tolist() == [none] * 4 + [3] + [none] * 4
    assert neighbours_in_slice(mask, 1).tolist() == [[0], [1], [2], [3]]
