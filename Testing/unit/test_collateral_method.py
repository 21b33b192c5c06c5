"""Collateral maps by a model: any matrix, any number of slices and frames, the model's own unit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.methods.collateral import CollateralMethod
from SyntheticPerfusionLib.methods.collateral_settings import QUANTITIES
from SyntheticPerfusionLib.methods.families import network_method
from SyntheticPerfusionLib.series.concentration import Flag
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.training.collateral_task import CollateralTask

from unit.small_collateral import (
    HIGHEST,
    TINY,
    collateral_configuration,
    collateral_model,
    collateral_patient,
)
from unit.small_hess import SPACING, hess_series


def series_of(patient):
    signal = 300 * np.asarray(patient.signal, np.float32)
    return DscSeries(signal, patient.frame_times_s, Geometry(patient.mask.shape, SPACING))


@pytest.mark.parametrize(
    "kind",
    [
        {"grid": (1, 17, 23), "frames": 30},
        {"grid": (4, 12, 9), "frames": 80, "step_s": 2.3},
        {"grid": (2, 16, 16), "frames": 131, "step_s": 0.9},
    ],
)
@pytest.mark.parametrize("ordinal", [True, False], ids=["mdrnn", "drnn"])
def test_any_matrix_slices_and_frames(tmp_path, kind, ordinal):
    series, mask = hess_series(**kind)
    method = network_method(collateral_model(tmp_path, ordinal=ordinal))
    assert isinstance(method, CollateralMethod)
    maps = method.estimate(series, mask)
    assert maps.names == QUANTITIES
    for name, highest in zip(maps.names, HIGHEST, strict=True):
        assert maps[name].shape == mask.shape
        assert maps[name][mask].std() > 0
        assert maps[name].min() >= 0
        assert maps[name].max() <= highest
        assert not maps[name][~mask].any()


def test_maps_are_what_the_network_was_trained_to_say(tmp_path):
    """Method and training prepare and run the network alike."""
    patient = collateral_patient(0)
    folder = collateral_model(tmp_path)
    method = CollateralMethod(folder)
    config = collateral_configuration(
        architecture=TINY, preprocessing={"highest": folder.card["preprocessing"]["highest"]}
    )
    task = CollateralTask(config, [patient, collateral_patient(9, "validation")])
    task.network.load_state_dict(method.network("cpu").state_dict())
    one = task._all["train"][0]
    batch = task._joined([one.example(one.whole(16))])
    with torch.no_grad():
        answers = task.network.maps(task._features(batch)).numpy()
    maps = method.estimate(series_of(patient), patient.mask)
    found = np.stack([maps[name][patient.counted] for name in maps.names], axis=1)
    # bfloat16 where the processor has it
    np.testing.assert_allclose(found, task.scale.maps(answers), atol=0.05, rtol=0.02)


def test_the_unit_of_the_signal_and_the_place_in_the_matrix_do_not_matter(tmp_path):
    series, mask = hess_series()
    method = CollateralMethod(collateral_model(tmp_path))
    plain = method.estimate(series, mask)
    bright = method.estimate(series.with_signal(series.signal * 7), mask)
    shift = (0, 1, -1)
    moved = np.roll(series.signal, (0, *shift), axis=(0, 1, 2, 3))
    elsewhere = method.estimate(series.with_signal(moved), np.roll(mask, shift, axis=(0, 1, 2)))
    for name in plain.names:
        np.testing.assert_allclose(bright[name], plain[name], atol=0.05)
        back = np.roll(elsewhere[name], tuple(-s for s in shift), axis=(0, 1, 2))
        np.testing.assert_allclose(back, plain[name], atol=0.05)


@pytest.mark.parametrize(("slices", "rows"), [(-1, 1), (1, -1), (-1, -1)])
def test_however_a_series_is_stored_the_network_sees_the_head_upright(tmp_path, slices, rows):
    series, mask = hess_series(grid=(4, 17, 16))
    method = CollateralMethod(collateral_model(tmp_path))
    plain = method.estimate(series, mask)
    turn = (slice(None, None, slices), slice(None, None, rows))
    geometry = replace(series.geometry, direction=(1, 0, 0, 0, rows, 0, 0, 0, slices))
    stored = replace(series, signal=series.signal[:, *turn].copy(), geometry=geometry)
    found = method.estimate(stored, mask[turn])
    for name in plain.names:
        np.testing.assert_allclose(found[name][turn], plain[name], atol=1e-4, err_msg=name)


def test_voxels_without_signal_hold_0_and_are_flagged(tmp_path):
    series, mask = hess_series()
    signal = series.signal.copy()
    signal[:, 1, 10, 8] = 0
    signal[7, 1, 10, 9] = np.nan
    maps = CollateralMethod(collateral_model(tmp_path)).estimate(series.with_signal(signal), mask)
    assert maps.flags[1, 10, 8] == maps.flags[1, 10, 9] == Flag.NO_SIGNAL
    assert np.count_nonzero(maps.flags) == 2
    for name in maps.names:
        assert maps[name][1, 10, 8] == maps[name][1, 10, 9] == 0
        assert np.isfinite(maps[name]).all()


def test_what_the_papers_mask_leaves_out_holds_0_is_flagged_and_said(tmp_path):
    series, mask = hess_series(grid=(3, 20, 16))
    signal = series.signal.copy()
    signal[:, 1, 9:11, 7:9] *= 0.01
    rim = mask.copy()
    rim[:, :, :-1] |= mask[:, :, 1:]
    model = collateral_model(tmp_path, mask="paper")
    maps = CollateralMethod(model).estimate(series.with_signal(signal), rim)
    unseen = rim & (maps.flags == Flag.NO_SIGNAL)
    assert 0 < unseen.sum() < 0.3 * rim.sum()
    assert not any(maps[name][unseen].any() for name in maps.names)
    assert any(f"{unseen.sum()} voxels of the brain mask are not brain" in w for w in maps.warnings)


def test_a_single_slice_runs_and_is_said_to_be_outside_what_it_was_trained_on(tmp_path):
    valid = {"slices": [20, 25], "repetition_time_s": [1.0, 2.5]}
    method = CollateralMethod(collateral_model(tmp_path, valid))
    series, mask = hess_series(grid=(1, 20, 16))
    assert method.estimate(series, mask)[QUANTITIES[0]].any()
    (said,) = method.range_warnings(series)
    assert said.startswith("The number of slices is 1; collateral-small was trained on 20 to 25")


def test_an_empty_mask_and_a_series_without_bolus_are_refused(tmp_path):
    series, mask = hess_series()
    method = CollateralMethod(collateral_model(tmp_path))
    flat = series.with_signal(np.full_like(series.signal, 100.0))
    with pytest.raises(InputError, match="bolus"):
        method.estimate(flat, mask)
    with pytest.raises(InputError, match="brain mask is empty"):
        method.estimate(series, np.zeros_like(mask))


def test_it_stops_where_asked(tmp_path):
    series, mask = hess_series()
    with pytest.raises(Cancelled):
        CollateralMethod(collateral_model(tmp_path)).estimate(series, mask, cancelled=lambda: True)


def test_a_card_without_the_scale_of_its_maps_is_refused(tmp_path):
    folder = collateral_model(tmp_path)
    card = {**folder.card, "preprocessing": {"source": "tracer"}}
    series, mask = hess_series()
    with pytest.raises(InputError, match=r"preprocessing\.highest is None; it must give"):
        CollateralMethod(replace(folder, card=card)).estimate(series, mask)
