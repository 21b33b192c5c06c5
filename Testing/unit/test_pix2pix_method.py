"""Maps by a model of the pix2pix family: any matrix, any number of frames, the clock of TTP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.methods.pix2pix import Pix2PixMethod
from SyntheticPerfusionLib.methods.time_points import resampling_weights
from SyntheticPerfusionLib.series.concentration import Flag
from SyntheticPerfusionLib.training.pix2pix_slices import Drawn
from SyntheticPerfusionLib.training.pix2pix_task import Pix2PixTask

from unit.small_pix2pix import (
    pix2pix_configuration,
    pix2pix_model,
    pix2pix_patient,
    pix2pix_series,
)


@pytest.mark.parametrize(
    "kind",
    [
        {"grid": (1, 37, 23), "frames": 30},
        {"grid": (2, 64, 64), "frames": 80, "step_s": 2.3},
        {"grid": (2, 90, 128), "frames": 131, "step_s": 0.9},
    ],
)
@pytest.mark.parametrize("generator", ["pix2pix", "temp-pix2pix"])
def test_any_matrix_and_number_of_frames(tmp_path, kind, generator):
    series, mask = pix2pix_series(**kind)
    maps = Pix2PixMethod(pix2pix_model(tmp_path, generator=generator)).estimate(series, mask)
    assert maps.names == ("Tmax",)
    assert maps["Tmax"].shape == mask.shape
    assert np.isfinite(maps["Tmax"]).all()
    assert not maps["Tmax"][~mask].any()
    inside = maps["Tmax"][mask]
    assert 0 <= inside.min() < inside.max() <= 12
    assert inside.std() > 0


def test_maps_are_what_the_network_was_trained_to_say(tmp_path):
    """Method and training prepare and run the network alike, slice by slice."""
    series, mask = pix2pix_series(grid=(2, 64, 64))
    patient = replace(pix2pix_patient(0, grid=(2, 64, 64)), signal=series.signal)
    method = Pix2PixMethod(pix2pix_model(tmp_path))
    given = {"preprocessing": {"source_range": [0, 1.2], "target": method.preprocessing["target"]}}
    task = Pix2PixTask(pix2pix_configuration(**given), [patient])
    task.network.load_state_dict(method.network("cpu").state_dict())
    batch = task._joined("train", [Drawn(0, 0), Drawn(0, 1)])
    task.network.eval()
    with torch.no_grad():
        made = task.range.in_unit(task.network(batch["source"], batch["brain"]))[:, 0].numpy()
    maps = method.estimate(series, mask)
    np.testing.assert_allclose(maps["Tmax"][mask], made[mask], atol=1e-3)


def test_ttp_is_by_the_scanners_clock_and_tmax_is_not(tmp_path):
    series, mask = pix2pix_series()
    later = replace(series, frame_times_s=series.frame_times_s + 12.0)
    for quantity, moved in (("TTP", 12.0), ("Tmax", 0.0)):
        method = Pix2PixMethod(pix2pix_model(tmp_path / quantity, quantity))
        before, after = method.estimate(series, mask), method.estimate(later, mask)
        np.testing.assert_allclose(after[quantity][mask] - before[quantity][mask], moved, atol=1e-3)


def test_ttp_counts_from_the_first_time_point(tmp_path):
    series, mask = pix2pix_series()
    maps = Pix2PixMethod(pix2pix_model(tmp_path, "TTP")).estimate(series, mask)
    first, last = maps.settings["time_points_s"]
    assert last - first == pytest.approx(79 * 1.25)
    assert first <= maps["TTP"][mask].min() < maps["TTP"][mask].max() <= first + 12


def test_the_unit_of_the_signal_does_not_matter(tmp_path):
    series, mask = pix2pix_series()
    method = Pix2PixMethod(pix2pix_model(tmp_path))
    bright = series.with_signal(series.signal * 7.0)
    difference = method.estimate(series, mask)["Tmax"] - method.estimate(bright, mask)["Tmax"]
    assert np.abs(difference).max() < 0.01


@pytest.mark.parametrize("grid", [(2, 64, 64), (2, 40, 40)])
def test_voxels_without_signal_hold_0_and_are_flagged(tmp_path, grid):
    series, mask = pix2pix_series(grid=grid)
    signal = series.signal.copy()
    signal[:, 1, 20, 18] = 0
    signal[7, 1, 20, 19] = np.nan
    maps = Pix2PixMethod(pix2pix_model(tmp_path)).estimate(series.with_signal(signal), mask)
    assert maps.flags[1, 20, 18] == maps.flags[1, 20, 19] == Flag.NO_SIGNAL
    assert maps["Tmax"][1, 20, 18] == maps["Tmax"][1, 20, 19] == 0
    assert np.count_nonzero(maps.flags) == 2
    assert np.isfinite(maps["Tmax"]).all()


def test_a_finer_matrix_gives_about_the_same_map(tmp_path):
    """A slice of twice the matrix, each voxel four times, is the same slice."""
    series, mask = pix2pix_series(grid=(1, 64, 64))
    fine = replace(
        series,
        signal=series.signal.repeat(2, axis=2).repeat(2, axis=3),
        geometry=replace(series.geometry, shape=(1, 128, 128), spacing=(1.0, 1.0, 5.0)),
    )
    method = Pix2PixMethod(pix2pix_model(tmp_path))
    coarse = method.estimate(series, mask)["Tmax"][0]
    found = method.estimate(fine, mask.repeat(2, axis=1).repeat(2, axis=2))["Tmax"][0]
    back = found.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.corrcoef(back[mask[0]], coarse[mask[0]])[0, 1] > 0.8


@pytest.mark.parametrize("matrix", [64, 192])
def test_a_slice_with_a_single_voxel_of_brain_has_a_map(tmp_path, matrix):
    series, mask = pix2pix_series(grid=(2, matrix, matrix))
    lone = (1, matrix // 2, matrix // 2)
    mask[1], mask[lone] = False, True
    method = Pix2PixMethod(pix2pix_model(tmp_path))
    examined = method.examine(series, mask).input
    source, brain = examined.slice(1).source, examined.slice(1).brain
    assert brain.any()
    # All that is seen is this voxel.
    own, bolus = series.signal[(slice(None), *lone)], examined.bolus
    curve = resampling_weights(series.frame_times_s, examined.times_s()) @ own
    curve /= own[bolus.baseline_start : bolus.baseline_stop].mean()
    np.testing.assert_allclose(source[:, brain], curve[:, None].repeat(brain.sum(), 1), rtol=1e-3)
    assert 0 < method.estimate(series, mask)["Tmax"][lone] < 12


def test_it_stops_when_asked(tmp_path):
    series, mask = pix2pix_series()
    with pytest.raises(Cancelled):
        Pix2PixMethod(pix2pix_model(tmp_path)).estimate(series, mask, cancelled=lambda: True)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [("target", r"preprocessing\.target is None; it must"), ("source_range", "is missing; it")],
)
def test_a_card_that_does_not_say_its_ranges_is_refused(tmp_path, lacking, said):
    folder = pix2pix_model(tmp_path)
    kept = {key: one for key, one in folder.card["preprocessing"].items() if key != lacking}
    card = {**folder.card, "preprocessing": kept}
    series, mask = pix2pix_series()
    with pytest.raises(InputError, match=said):
        Pix2PixMethod(replace(folder, card=card)).estimate(series, mask)
