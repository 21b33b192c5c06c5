"""Training of the Hess family: batches, targets under shifts, loss, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.training.hess_patches import Patch
from SyntheticPerfusionLib.training.hess_task import HessTask

from unit.small_hess import GRID, STEP_S, hess_configuration, hess_patient


def make_task(patients=None, **changes):
    torch.manual_seed(0)
    patients = patients or [hess_patient(n) for n in range(3)] + [hess_patient(9, "validation")]
    return HessTask(hess_configuration(**changes), patients)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_a_batch_follows_from_epoch_and_step_alone():
    task, again = make_task(), make_task()
    assert_same(task.batch(1, 2, 0, 1), again.batch(1, 2, 0, 1))
    assert not torch.equal(task.batch(1, 2, 0, 1)["target"], task.batch(0, 2, 0, 1)["target"])


def test_shares_of_two_processes_are_the_global_batch_and_their_mean_gradient_is_its_own():
    task = make_task()
    whole = task.batch(0, 1, 0, 1)
    shares = [task.batch(0, 1, rank, 2) for rank in range(2)]
    together = torch.cat([share["sequences"] for share in shares])
    torch.testing.assert_close(together, whole["sequences"])
    mean = sum(task.loss(share) for share in shares) / 2
    torch.testing.assert_close(mean, task.loss(whole))


def test_a_batch_that_the_processes_cannot_share_is_refused():
    with pytest.raises(InputError, match="cannot be shared by 3 processes"):
        make_task().batch(0, 0, 0, 3)


def test_an_epoch_shows_each_patch_once():
    task = make_task(task={"patches_per_epoch": 0})
    everything = task.steps_per_epoch * 4
    drawn = [patch for step in range(task.steps_per_epoch) for patch, _ in task._drawn(0, step)]
    assert len(set(drawn)) == everything == len(drawn)
    assert {patch.k for patch in drawn} == set(range(GRID[0]))


def test_slices_and_rows_without_counted_brain_are_left_out():
    patient = hess_patient(0)
    patient.counted[1] = False
    task = make_task([patient, hess_patient(9, "validation")], task={"patches_per_epoch": 0})
    patches = task._patches["train"]
    assert {patch.k for patch in patches} == {0, 2}
    assert all(patient.counted[p.k, p.start : p.stop].any() for p in patches)
    assert min(patch.start for patch in patches) > 0


def test_the_patch_of_the_bolus_lies_in_the_patient_and_not_in_the_grid():
    upright = hess_patient(0)
    flip = (slice(None), slice(None, None, -1), slice(None, None, -1))
    turned = replace(
        upright,
        signal=upright.signal[:, *flip],
        mask=upright.mask[flip],
        counted=upright.counted[flip],
        targets={name: values[flip] for name, values in upright.targets.items()},
        direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    )
    one, other = (
        make_task([patient, hess_patient(9, "validation")])._all["train"][0].input()
        for patient in (upright, turned)
    )
    patch = one.bolus_input(one.window())["patch"]
    np.testing.assert_allclose(other.bolus_input(other.window())["patch"], patch, atol=1e-3)
    assert not np.allclose(patch[:, :, ::-1, ::-1], patch, atol=0.1)


def test_ttp_moves_with_the_shift_and_tmax_does_not():
    patch = Patch(0, 1, 5, 10)
    for quantity, moved in (("TTP", 6 * STEP_S), ("Tmax", 0.0)):
        one = make_task(task={"quantity": quantity})._all["train"][0]
        plain, shifted = one.content(patch, 0), one.content(patch, 6)
        np.testing.assert_allclose(shifted.target - plain.target, moved, atol=1e-4)
        late = np.roll(plain.sequences, 6, axis=1)[:, 10:60]
        same = np.corrcoef(late.ravel(), shifted.sequences[:, 10:60].ravel())[0, 1]
        assert same > 0.98


def test_targets_are_standardised_over_what_training_shows():
    patients = [hess_patient(n) for n in range(3)] + [hess_patient(9, "validation")]
    task = make_task(patients)
    values = np.concatenate([one.targets["Tmax"][one.counted] for one in patients[:3]])
    assert task.scale.mean == pytest.approx(values.mean(), rel=1e-4)
    assert task.scale.sd == pytest.approx(values.std(), rel=1e-4)
    clocked = make_task(patients, task={"quantity": "TTP"})
    shown = torch.cat([clocked.batch(e, s, 0, 1)["target"] for e in range(8) for s in range(6)])
    assert abs(clocked.scale.mean - float(shown.mean())) < 0.3 * clocked.scale.sd
    assert clocked.scale.sd == pytest.approx(float(shown.std()), rel=0.3)


def test_voxels_that_do_not_count_do_not_move_the_loss():
    task = make_task()
    batch = task.batch(0, 0, 0, 1)
    loss = task.loss(batch)
    assert 0 < int(batch["counted"].sum()) < len(batch["counted"])
    batch["target"][~batch["counted"]] = 1e6
    torch.testing.assert_close(task.loss(batch), loss)


def test_without_loss_weighting_it_is_equation_1_alone():
    weighted, plain = make_task(), make_task(task={"loss_weighting": False})
    batch = weighted.batch(0, 0, 0, 1)
    torch.testing.assert_close(weighted.loss(batch), plain.loss(batch))
    batch["target"] = batch["target"] - 1000.0
    with torch.no_grad():
        weighted.network.regression.bias[0] = plain.network.regression.bias[0] = -1000.0
    torch.testing.assert_close(weighted.loss(batch), 0.1 * plain.loss(batch), rtol=1e-3, atol=0)


def test_a_map_that_the_patients_lack_is_named():
    with pytest.raises(InputError, match="sub-000 has no CBV to learn from, only Tmax, TTP, RBF"):
        make_task(task={"quantity": "CBV"})
    assert HessTask.targets(hess_configuration(task={"quantity": "RBF"})) == ("RBF",)


def test_validation_counts_the_clipped_error_in_seconds():
    task = make_task()
    task.network.eval()
    with torch.no_grad():
        task.network.regression.weight.zero_()
        task.network.regression.bias[0] = (25.0 - task.scale.mean) / task.scale.sd
    batches = task.validation_batches()
    assert len(batches) == 6
    sums = [task.validation_figures(batch) for batch in batches]
    assert list(sums[0]) == ["MAEC", "MAE", "negative_log_likelihood"]
    truth = torch.cat([batch["target"][batch["counted"]] for batch in batches])
    count = sum(float(one["MAEC"][1]) for one in sums)
    assert count == truth.numel()
    clipped = sum(float(one["MAEC"][0]) for one in sums) / count
    assert clipped == pytest.approx(float((20.0 - truth).mean()), rel=1e-4)
    assert sum(float(one["MAE"][0]) for one in sums) / count == pytest.approx(clipped + 5, rel=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"architecture": {"code": "attention"}},
        {"architecture": {"code": "none", "uncertainty": False}, "task": {"quantity": "TTP"}},
    ],
    ids=["patch", "attention", "squared"],
)
def test_a_short_training_learns(changes):
    task = make_task(**changes)
    optimiser = task.optimiser()
    losses = []
    for step in range(25):
        loss = task.loss(task.batch(step // 6, step % 6, 0, 1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert all(parameter.grad is not None for parameter in task.network.parameters())
    assert np.mean(losses[-6:]) < np.mean(losses[:6]) - 0.15


def test_its_card_says_all_that_the_method_needs():
    card = make_task().card()
    assert card["quantities"] == ["Tmax", "Tmax_uncertainty"]
    assert card["preprocessing"]["target"]["quantity"] == "Tmax"
    assert card["valid_range"]["repetition_time_s"] == [STEP_S, STEP_S]
    assert not card["needs"]["aif"]
    shortened = replace(hess_patient(0), about={"dropped_frames": 3})
    frames = len(shortened.frame_times_s)
    cut = make_task([shortened, hess_patient(9, "validation")]).card()
    assert cut["valid_range"]["frames"] == [frames + 3, frames + 3]
    plain = make_task(architecture={"uncertainty": False}, task={"quantity": "RBF"}).card()
    assert plain["quantities"] == ["RBF"]
