"""What the collateral networks see: the paper's mask, sources, time points, canvases."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.collateral_input import (
    Canvas,
    canvas_around,
    centred_canvas,
    collateral_input,
)
from SyntheticPerfusionLib.methods.collateral_mask import THRESHOLD, paper_mask
from SyntheticPerfusionLib.methods.collateral_settings import CollateralPreprocessing

from unit.small_hess import BOLUS_S, STEP_S, head


def seen_by(points=60, series=None, brain=None, **chosen):
    """The input of the head, or of another series or brain, by a chosen preprocessing."""
    signal, mask, _ = head(grid=(2, 20, 16))
    signal = signal if series is None else series
    times = STEP_S * np.arange(len(signal))
    mask = mask if brain is None else brain
    return collateral_input(signal, times, mask, points, CollateralPreprocessing(**chosen))


def blob(radius, shape=(3, 40, 40)):
    _, j, i = np.indices(shape)
    return (j - 20) ** 2 + (i - 20) ** 2 <= radius**2


def test_the_papers_mask_is_what_is_brighter_than_a_tenth_of_the_sum():
    inside = blob(14)
    signal = np.where(inside, 1.0, 0.0)[None] * np.linspace(1, 0.5, 4)[:, None, None, None]
    signal = signal + np.where(blob(18) & ~inside, 0.05, 0)[None]
    found = paper_mask(signal)
    # The cross rounds off corners of the disc, never more than its rim.
    assert (found ^ inside).sum() < 0.03 * inside.sum()
    assert not found[blob(14) ^ blob(18)].any()
    assert THRESHOLD == 0.1


def test_closing_fills_small_holes_and_erosion_takes_specks_and_bridges():
    signal = blob(12).astype(float)[None].repeat(3, axis=0)
    signal[:, 1, 20, 20] = 0
    signal[:, 1, 2, 2] = 1
    signal[:, 1, 20, 32:40] = 1
    found = paper_mask(signal)
    assert found[1, 20, 20]
    assert not found[1, 2, 2]
    assert not found[1, 20, 36]
    assert found[1, 20, 30]


def test_the_border_of_the_image_does_not_eat_into_the_papers_mask_and_nothing_is_no_brain():
    signal = np.zeros((3, 2, 20, 20))
    signal[:, :, :12] = 1
    assert paper_mask(signal)[:, 4:8, 4:16].all()
    with pytest.raises(InputError, match="no contrast"):
        paper_mask(np.ones((3, 2, 4, 4)))


def test_the_raw_signal_goes_from_0_to_1_inside_the_brain():
    signal, mask, _ = head(grid=(2, 20, 16))
    signal = np.where(mask, signal, 99)
    values = seen_by(series=signal, source="signal", time="series").values
    assert values.min() == 0
    assert values.max() == 1
    # 50 frames stretched to 60 points: first and last are frames.
    inside = signal[:, mask]
    shares = (inside[[0, -1]] - inside.min()) / (inside.max() - inside.min())
    np.testing.assert_allclose(values[[0, -1]], shares, atol=0.02)


@pytest.mark.parametrize("source", ["relative", "tracer"])
def test_shading_of_the_coil_does_not_matter_to_other_sources(source):
    signal, _, _ = head(grid=(2, 20, 16))
    shade = np.linspace(0.5, 2, 16)
    plain, shaded = seen_by(source=source), seen_by(source=source, series=signal * shade)
    np.testing.assert_allclose(shaded.values, plain.values, atol=0.02)
    raw = seen_by(source="signal", series=signal * shade).values
    assert np.abs(raw - seen_by(source="signal").values).max() > 0.2


def test_the_tracer_is_minus_the_logarithm_over_the_brains_level():
    signal, mask, _ = head(grid=(2, 20, 16))
    clean = np.where(mask, 1.0, 0.0) * np.ones_like(signal)
    since = STEP_S * np.arange(len(signal)) - BOLUS_S
    clean *= np.exp(-0.5 * np.exp(-0.5 * ((since - 5) / 3) ** 2))[:, None, None, None]
    one = seen_by(series=clean)
    double = seen_by(series=np.where(mask, clean**2, 0))
    # Twice the dose is the same map, but for what the darkest value cuts off.
    np.testing.assert_allclose(double.values, one.values, rtol=2e-3, atol=1e-3)
    arrival = 10
    assert np.abs(one.values[: arrival - 3]).max() < 0.05
    passage = one.values[arrival:].mean(axis=0)
    assert np.median(passage) == pytest.approx(1, abs=0.05)


def test_time_points_follow_the_bolus_and_not_the_clock():
    signal, _, _ = head(grid=(2, 20, 16))
    later = np.concatenate([signal[:8].mean(axis=0, keepdims=True).repeat(6, axis=0), signal])
    np.testing.assert_allclose(seen_by(series=later).values, seen_by().values, atol=0.15)
    stretched = seen_by(series=later, time="series").values
    assert np.abs(stretched - seen_by(time="series").values).max() > 1


def test_with_the_papers_mask_the_network_sees_what_that_holds():
    signal, _, _ = head(grid=(2, 20, 16))
    bright = signal.copy()
    bright[:, :, 0:4, 0:6] = 2.0

    def voxels(**chosen):
        return set(map(tuple, seen_by(series=bright, **chosen).voxels.T))

    assert (0, 1, 2) in voxels(mask="paper")
    assert (0, 1, 2) not in voxels()


def test_a_mask_apart_from_the_papers_is_refused():
    _, mask, _ = head(grid=(2, 20, 16))
    apart = np.zeros_like(mask)
    apart[:, 0, 0] = True
    with pytest.raises(InputError, match="shares no voxel"):
        seen_by(brain=apart, mask="paper")


def test_a_canvas_holds_the_brain_in_multiples_and_may_reach_beyond_the_volume():
    voxels = np.array([[2, 2, 4], [0, 18, 3], [5, 9, 5]])
    canvas = canvas_around(voxels, 16)
    assert canvas.shape == (3, 32, 16)
    held, places = canvas.places(voxels)
    assert held.all()
    k, j, i = np.unravel_index(places, canvas.shape)
    np.testing.assert_array_equal(np.stack([k, j, i]) + np.array(canvas.origin)[:, None], voxels)
    assert canvas.origin[1] < 0


def test_a_canvas_of_given_shape_is_in_the_middle_and_leaves_out_what_lies_beyond():
    voxels = np.array([[0, 0, 0], [10, 50, 30], [4, 24, 14]])
    canvas = centred_canvas(voxels, (1, 16, 16))
    assert canvas.origin == (0, 22, 6)
    held, places = canvas.places(voxels)
    assert held.tolist() == [False, False, True]
    assert places.tolist() == [8 * 16 + 8]


def test_a_volume_is_0_between_the_voxels():
    found = seen_by(points=40)
    canvas = canvas_around(found.voxels, 16)
    volume = found.volume(canvas)
    assert volume.shape == (40, *canvas.shape)
    _, places = canvas.places(found.voxels)
    flat = volume.reshape(40, -1)
    np.testing.assert_array_equal(flat[:, places], found.values)
    flat[:, places] = 0
    assert not flat.any()
    assert Canvas((0, 0, 0), (1, 16, 16)).places(found.voxels)[0].sum() < found.voxels.shape[1]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"source": "raw"}, "preprocessing.source is 'raw'; choose one of signal"),
        ({"mask": "mine"}, "preprocessing.mask is 'mine'"),
        ({"time": "clock"}, "mode of the time points is 'clock'"),
        ({"step_s": 0.0}, "a step_s above 0"),
    ],
)
def test_a_preprocessing_that_cannot_be_is_refused(chosen, said):
    with pytest.raises(InputError, match=said):
        CollateralPreprocessing.from_json(chosen)
