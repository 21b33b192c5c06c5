"""Rigid motion correction against motion that was applied, under a passing bolus."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.series import motion
from SyntheticPerfusionLib.series.motion import Displacement, correct_motion

from unit.small_series import centre, points, rotation, small_geometry, small_series

FRAMES = 10
ARRIVAL_S = 4.5
GEOMETRY = small_geometry((13, 46, 44), (3.6, 3.8, 5.5))
HEAD = small_series(2, GEOMETRY, noise=0.0).signal[0] > 150


def steps() -> tuple[np.ndarray, np.ndarray]:
    """Two jumps during the bolus, and a drift: to 2 mm and 2 degrees."""
    translations, rotations = np.zeros((FRAMES, 3)), np.zeros((FRAMES, 3))
    translations[5:], rotations[5:] = [1.0, -2.0, 1.5], [1.0, 0.0, -2.0]
    translations[7:], rotations[7:] = [0.0, 0.5, -1.0], [-1.5, 1.0, 2.0]
    translations[8:, 0] += [0.6, 1.2]
    return translations, rotations


def positions(translation: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """(N, 3) where points of the head lie after moving about the middle of the grid."""
    head = points(GEOMETRY)[:, HEAD].T[::11]
    middle = centre(GEOMETRY)
    return (head - middle) @ rotation(degrees).T + middle + translation


def residual(found: Displacement, mask_centre: np.ndarray, moved: list[np.ndarray]) -> np.ndarray:
    """(T,) mean distance in mm between where the head is and where it was found to be."""
    result = []
    for t, place in enumerate(moved):
        transform = sitk.Euler3DTransform()
        transform.SetCenter(mask_centre.tolist())
        angles = np.deg2rad(found.rotations_deg[t])
        transform.SetParameters([*angles, *found.translations_mm[t]])
        there = np.array([transform.TransformPoint(p.tolist()) for p in moved[0]])
        result.append(np.linalg.norm(there - place, axis=1).mean())
    return np.array(result)


def mask_centre() -> np.ndarray:
    """About which the displacement is stated: the mean of the mask's voxels."""
    return points(GEOMETRY)[:, HEAD].mean(axis=1)


@pytest.fixture(scope="module")
def moved():
    translations, rotations = steps()
    series = small_series(
        FRAMES,
        GEOMETRY,
        translations_mm=translations,
        rotations_deg=rotations,
        arrival_s=ARRIVAL_S,
    )
    corrected, found = correct_motion(series, HEAD)
    places = [positions(*move) for move in zip(translations, rotations, strict=True)]
    return series, corrected, found, places


def test_applied_motion_is_found(moved):
    _, _, found, places = moved
    applied = np.array([np.linalg.norm(place - places[0], axis=1).mean() for place in places])
    assert applied.max() > 3.0
    left = residual(found, mask_centre(), places)
    assert left.mean() < 0.2
    assert left.max() < 0.3
    np.testing.assert_allclose(found.mean_mm, applied, atol=0.3)
    assert found.uncorrected == ()


def test_corrected_frames_look_like_frames_that_never_moved(moved):
    series, corrected, _, _ = moved
    still = small_series(FRAMES, GEOMETRY, noise=0.0, arrival_s=ARRIVAL_S)
    inner = HEAD.copy()
    inner[[0, 1, -2, -1]] = False
    before = np.abs(series.signal - still.signal)[5:, inner].mean()
    after = np.abs(corrected.signal - still.signal)[5:, inner].mean()
    noise = np.abs(series.signal - still.signal)[:5, inner].mean()
    assert before > 1.5 * noise
    assert after < 1.05 * noise


def test_rest_of_the_series_is_kept(moved):
    series, corrected, found, _ = moved
    assert corrected.signal.dtype == np.float32
    assert corrected.signal.min() >= 0
    assert corrected.geometry == series.geometry
    np.testing.assert_array_equal(corrected.frame_times_s, series.frame_times_s)
    at_rest = np.flatnonzero(found.mean_mm < motion.NEGLIGIBLE_MM)
    np.testing.assert_array_equal(corrected.signal[at_rest], series.signal[at_rest])


def test_head_that_never_moved_stays():
    series = small_series(FRAMES, GEOMETRY, arrival_s=ARRIVAL_S)
    corrected, found = correct_motion(series)
    assert found.mean_mm.max() < 0.15
    assert np.abs(corrected.signal - series.signal).mean() < 2


def test_implausible_result_leaves_the_frame_and_is_reported(monkeypatch):
    def register(moving, reference, starts, step_mm):
        return (0.0, 0.0, 0.0, 40.0, 0.0, 0.0) if moving.GetPixel(0, 0, 0) > 500 else (0.0,) * 6

    series = small_series(12, small_geometry((6, 12, 12), (10.0, 10.0, 12.0)))
    signal = series.signal.copy()
    signal[7] += 5000
    series = series.with_signal(signal)
    monkeypatch.setattr(motion, "_registered", register)
    corrected, found = correct_motion(series)
    assert found.uncorrected == (7,)
    assert np.isnan(found.mean_mm[7])
    np.testing.assert_array_equal(corrected.signal, series.signal)


def test_frame_that_cannot_be_registered_is_reported(monkeypatch):
    def fail(self, *images):
        raise RuntimeError("no overlap")

    series = small_series(10, small_geometry((6, 12, 12), (10.0, 10.0, 12.0)))
    monkeypatch.setattr(sitk.ImageRegistrationMethod, "Execute", fail)
    corrected, found = correct_motion(series)
    assert found.uncorrected == tuple(range(10))
    np.testing.assert_array_equal(corrected.signal, series.signal)


def test_progress_rises_to_one_and_the_person_can_stop():
    series = small_series(10, small_geometry((6, 12, 12), (10.0, 10.0, 12.0)))
    seen: list[float] = []
    correct_motion(series, progress=lambda fraction, message: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled):
        correct_motion(series, cancelled=lambda: True)


def test_no_head():
    series = small_series(10, small_geometry((6, 12, 12), (10.0, 10.0, 12.0)))
    empty = series.with_signal(np.zeros_like(series.signal))
    with pytest.raises(InputError, match="no head in the first frames"):
        correct_motion(empty)
    with pytest.raises(InputError, match="no head"):
        correct_motion(series, np.zeros(series.geometry.shape, bool))


def test_displacement_is_immutable(moved):
    with pytest.raises(dataclasses.FrozenInstanceError):
        moved[2].uncorrected = (1,)
