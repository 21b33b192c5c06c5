"""Maps by a model of the Hess family: any matrix, any number of frames, the clock of TTP."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.hess import HessMethod
from SyntheticPerfusionLib.series.concentration import Flag
from SyntheticPerfusionLib.training.hess_task import HessTask

from unit.small_hess import STEP_S, TINY, hess_configuration, hess_model, hess_patient, hess_series


@pytest.mark.parametrize(
    "kind",
    [
        {"grid": (1, 17, 23), "frames": 30},
        {"grid": (4, 12, 9), "frames": 80, "step_s": 2.3},
        {"grid": (2, 16, 16), "frames": 131, "step_s": 0.9},
    ],
)
@pytest.mark.parametrize("code", ["patch", "attention"])
def test_any_matrix_and_number_of_frames(tmp_path, kind, code):
    series, mask = hess_series(**kind)
    maps = HessMethod(hess_model(tmp_path, code=code)).estimate(series, mask)
    assert maps.names == ("Tmax", "Tmax_uncertainty")
    for name in maps.names:
        assert maps[name].shape == mask.shape
        assert np.isfinite(maps[name]).all()
        assert not maps[name][~mask].any()
    assert maps["Tmax"][mask].std() > 0
    assert (maps["Tmax_uncertainty"][mask] > 0).all()


def test_maps_are_what_the_network_was_trained_to_say(tmp_path):
    """Method and training prepare and run the network alike, on a patient of one patch a slice."""
    series, mask = hess_series()
    patient = replace(hess_patient(0), signal=series.signal)
    task = HessTask(
        hess_configuration(architecture=TINY, task={"patch_rows": mask.shape[1]}), [patient]
    )
    method = HessMethod(hess_model(tmp_path))
    task.network.load_state_dict(method.network("cpu").state_dict())
    contents = task._all["train"][0].content(task._patches["train"][1])
    from SyntheticPerfusionLib.training.hess_task import _joined

    with torch.no_grad():
        predicted, log_b = task._predict(_joined([contents], 1.0))
    maps = method.estimate(series, mask)
    # bfloat16 where the processor has it
    np.testing.assert_allclose(
        maps["Tmax"][1][mask[1]], 3.0 + 2.0 * predicted.numpy(), atol=0.05, rtol=0.02
    )
    np.testing.assert_allclose(
        maps["Tmax_uncertainty"][1][mask[1]],
        2 * (2.0 * np.exp(log_b.numpy())) ** 2,
        rtol=0.1,
    )


def test_ttp_is_by_the_scanners_clock_and_tmax_is_not(tmp_path):
    series, mask = hess_series()
    later = replace(series, frame_times_s=series.frame_times_s + 12.0)
    for quantity, moved in (("TTP", 12.0), ("Tmax", 0.0)):
        method = HessMethod(hess_model(tmp_path / quantity, quantity))
        before, after = method.estimate(series, mask), method.estimate(later, mask)
        np.testing.assert_allclose(after[quantity][mask] - before[quantity][mask], moved, atol=1e-3)


def test_the_unit_of_the_signal_does_not_matter(tmp_path):
    series, mask = hess_series()
    method = HessMethod(hess_model(tmp_path))
    bright = series.with_signal(series.signal * 7.0)
    difference = method.estimate(series, mask)["Tmax"] - method.estimate(bright, mask)["Tmax"]
    assert np.abs(difference).max() < 0.05


def test_voxels_without_signal_hold_0_and_are_flagged(tmp_path):
    series, mask = hess_series()
    signal = series.signal.copy()
    signal[:, 1, 10, 8] = 0
    signal[7, 1, 10, 9] = np.nan
    maps = HessMethod(hess_model(tmp_path)).estimate(series.with_signal(signal), mask)
    assert maps.flags[1, 10, 8] == maps.flags[1, 10, 9] == Flag.NO_SIGNAL
    assert maps["Tmax"][1, 10, 8] == maps["Tmax_uncertainty"][1, 10, 9] == 0
    assert np.count_nonzero(maps.flags) == 2
    assert all(np.isfinite(maps[name]).all() for name in maps.names)


def test_frames_used_are_said(tmp_path):
    series, mask = hess_series(frames=120, grid=(1, 12, 12))
    maps = HessMethod(hess_model(tmp_path)).estimate(series, mask)
    first, last = maps.settings["frames_used"]
    assert last - first == 79
    assert first * STEP_S < 20 < last * STEP_S


def test_a_card_that_does_not_say_how_its_target_was_standardised_is_refused(tmp_path):
    folder = hess_model(tmp_path)
    card = {**folder.card, "preprocessing": {"standardisation": "voxel"}}
    series, mask = hess_series(grid=(1, 12, 12))
    with pytest.raises(InputError, match=r"preprocessing\.target is None; it must say"):
        HessMethod(replace(folder, card=card)).estimate(series, mask)
