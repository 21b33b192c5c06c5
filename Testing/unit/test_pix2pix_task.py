"""Training of Kossen 2022: slices, ranges, the two losses, and that a run learns and goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.truth import TissueLabel
from SyntheticPerfusionLib.training.pix2pix_loss import (
    absolute_error,
    discriminator_loss,
    generator_loss,
)
from SyntheticPerfusionLib.training.pix2pix_slices import Drawn
from SyntheticPerfusionLib.training.pix2pix_task import Pix2PixTask
from SyntheticPerfusionLib.training.run import train

from unit.small_pix2pix import GRID, pix2pix_configuration, pix2pix_patient


def make_task(patients=None, **changes):
    torch.manual_seed(0)
    patients = patients or [
        *(pix2pix_patient(n) for n in range(3)),
        pix2pix_patient(9, "validation"),
    ]
    return Pix2PixTask(pix2pix_configuration(**changes), patients)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_a_batch_follows_from_epoch_and_step_alone():
    task, again = make_task(), make_task()
    assert_same(task.batch(1, 1, 0, 1), again.batch(1, 1, 0, 1))
    assert not torch.equal(task.batch(1, 1, 0, 1)["source"], task.batch(0, 1, 0, 1)["source"])


def test_shares_of_two_processes_are_the_global_batch():
    task = make_task()
    whole = task.batch(0, 1, 0, 1)
    shares = [task.batch(0, 1, rank, 2) for rank in range(2)]
    for name, values in whole.items():
        torch.testing.assert_close(torch.cat([share[name] for share in shares]), values)
    with pytest.raises(InputError, match="cannot be shared by 3 processes"):
        task.batch(0, 0, 0, 3)


def test_an_epoch_shows_each_slice_once_and_those_without_brain_never():
    first = pix2pix_patient(0)
    first.counted[1] = False
    patients = [first, pix2pix_patient(1), pix2pix_patient(2), pix2pix_patient(9, "validation")]
    task = make_task(patients, task={"slices_per_epoch": 0})
    drawn = [one for step in range(task.steps_per_epoch) for one in task._drawn(0, step)]
    places = [(one.patient, one.k) for one in drawn]
    assert len(places) == len(set(places)) == 8
    assert (0, 1) not in places


def test_slices_are_moved_and_turned_as_the_configuration_says():
    task = make_task()
    many = [one for step in range(25) for one in task._drawn(0, step)]
    moves = [one.moved_s for one in many]
    assert -3 <= min(moves) < -2
    assert 2 < max(moves) <= 3
    assert 30 < sum(one.flipped for one in many) < 70
    still = make_task(task={"moved_s": [0, 0], "flips": False})
    assert {(one.moved_s, one.flipped) for one in still._drawn(0, 0)} == {(0.0, False)}


def test_a_turned_slice_is_turned_throughout():
    task = make_task()
    one = task._all["train"][0]
    plain, turned = (one.content(Drawn(0, 1, 0.0, flip), task.preprocessing) for flip in (0, 1))
    for name in ("source", "brain", "target", "counted"):
        np.testing.assert_array_equal(
            getattr(turned, name), getattr(plain, name)[..., ::-1], err_msg=name
        )


def test_ttp_is_told_from_the_first_point_and_tmax_is_not():
    for quantity, moved in (("TTP", -2.0), ("Tmax", 0.0)):
        task = make_task(task={"quantity": quantity})
        one = task._all["train"][0]
        plain, later = (one.content(Drawn(0, 1, by), task.preprocessing) for by in (0.0, 2.0))
        change = (later.target - plain.target)[0][plain.counted]
        np.testing.assert_allclose(change, moved, atol=1e-4)


def test_ranges_are_those_of_what_counts_in_the_training_patients():
    task = make_task()
    patients = [one.patient for one in task._all["train"]]
    values = np.concatenate([one.targets["Tmax"][one.counted] for one in patients])
    assert task.range.low == 0
    assert task.range.high == pytest.approx(np.quantile(values, 0.999), rel=1e-3)
    low, high = task.preprocessing.source_range
    batch = task.batch(0, 0, 0, 1)
    source = batch["source"].permute(0, 2, 3, 1)[batch["brain"]]
    assert low == 0
    assert 1 < high < 1.1
    assert 0 < float((source == 1).float().mean()) < 0.003
    assert -1 < float(source.min()) < float(source.max()) <= 1


def test_outside_the_brain_source_and_target_say_nothing():
    task = make_task()
    batch = task.batch(0, 0, 0, 1)
    still = 2 / task.preprocessing.source_range[1] - 1
    outside = batch["source"].permute(0, 2, 3, 1)[~batch["brain"]]
    torch.testing.assert_close(outside, torch.full_like(outside, still))
    assert (task._scaled(batch)[:, 0][~batch["brain"]] == -1).all()


def test_voxels_that_do_not_count_add_nothing_to_the_absolute_error():
    task = make_task()
    batch = task.batch(0, 0, 0, 1)
    vessels = batch["brain"] & ~batch["counted"]
    assert vessels.any()
    true = task._scaled(batch)
    made = torch.zeros_like(true)
    error = absolute_error(made, true, vessels)
    made[vessels[:, None]] = 50.0
    torch.testing.assert_close(absolute_error(made, true, vessels), error)
    counted = ~vessels[:, None]
    assert float(error) == pytest.approx(float(true.abs()[counted].sum()) / true.numel())


def test_large_vessels_are_learned_where_asked_for_and_set_no_range():
    patients = [pix2pix_patient(0), pix2pix_patient(9, "validation")]
    labelled = []
    for one in patients:
        labels = np.full(one.mask.shape, int(TissueLabel.GREY_MATTER), np.uint8)
        labels[~one.counted] = int(TissueLabel.VEIN)
        targets = {**one.targets, "Tmax": np.where(one.counted, one.targets["Tmax"], 500)}
        labelled.append(replace(one, labels=labels, targets=targets))
    without, with_them = (
        make_task(labelled, task={"vessels": learned}) for learned in (False, True)
    )
    assert with_them.range == without.range
    assert with_them.range.high < 100
    k = without._all["train"][0].slices()[0]
    plain, learned = (
        task._all["train"][0].content(Drawn(0, k), task.preprocessing)
        for task in (without, with_them)
    )
    vessels = learned.counted & ~plain.counted
    assert vessels.any()
    np.testing.assert_array_equal(learned.counted, learned.brain)
    assert learned.target[0][vessels].min() > 2 * with_them.range.high
    batch = with_them.batch(0, 0, 0, 1)
    beyond = (batch["target"] > 2 * with_them.range.high)[:, 0] & batch["counted"]
    assert beyond.any()
    assert (with_them._scaled(batch)[:, 0][beyond] == 1).all()
    said = [" ".join(task.card()["limitations"]) for task in (without, with_them)]
    assert "Large vessels are left out" in said[0]
    assert "shown as its highest value" in said[1]


def test_the_discriminator_learns_at_its_own_rate():
    task = make_task(optimisation={"companion_rate": 0.1})
    groups = task.optimiser().param_groups
    assert [group["share_of_rate"] for group in groups] == [1.0, 0.1]
    held = [{id(one) for one in group["params"]} for group in groups]
    assert held[0] == {id(one) for one in task.network.parameters()}
    assert held[1] == {id(one) for one in task.companion.parameters()}
    assert "discriminator at 0.1" in " ".join(task.card()["limitations"])
    with pytest.raises(InputError, match="companion_rate is 0; give more than 0"):
        pix2pix_configuration(optimisation={"companion_rate": 0})


def test_each_network_learns_by_its_own_loss_alone():
    task = make_task()
    batch = task.batch(0, 0, 0, 1)
    made = task.network(batch["source"], batch["brain"])
    from_source = task.companion.of_source(batch["source"])
    generator_loss(task.companion, from_source, made).backward(retain_graph=True)
    assert all(one.grad is None for one in task.companion.parameters())
    assert all(one.grad is not None for one in task.network.parameters())
    before = [one.grad.clone() for one in task.network.parameters()]
    discriminator_loss(task.companion, from_source, made, task._scaled(batch)).backward()
    assert all(one.grad is not None for one in task.companion.parameters())
    for one, gradient in zip(task.network.parameters(), before, strict=True):
        assert torch.equal(one.grad, gradient)


def test_the_generator_is_led_to_pass_and_the_discriminator_to_tell():
    judge = make_task().companion
    source = torch.zeros(2, 80, 64, 64)
    maps = torch.zeros(2, 1, 64, 64)
    with torch.no_grad():
        judge.judge.weight.zero_()
        losses = {}
        for logit in (-3.0, 3.0):
            judge.judge.bias.fill_(logit)
            from_source = judge.of_source(source)
            losses[logit] = (
                float(generator_loss(judge, from_source, maps)),
                float(discriminator_loss(judge, from_source, maps, maps)),
            )
    # -log of the sigmoid, once: softplus(3) and softplus(-3).
    assert losses[-3.0][0] == pytest.approx(np.log1p(np.exp(3)))
    assert losses[3.0][0] == pytest.approx(np.log1p(np.exp(-3)))
    both = (np.log1p(np.exp(3)) + np.log1p(np.exp(-3))) / 2
    assert losses[3.0][1] == losses[-3.0][1] == pytest.approx(both)


def test_validation_counts_the_error_in_the_unit_of_the_map():
    task = make_task()
    task.network.eval()
    with torch.no_grad():
        task.network.unet.map.weight.zero_()
        task.network.unet.map.bias.zero_()
    batches = task.validation_batches()
    with torch.no_grad():
        sums = [task.validation_figures(batch) for batch in batches]
    assert list(sums[0]) == ["MAE", "L1", "judged_true", "judged_made"]
    truth = torch.cat([batch["target"][:, 0][batch["counted"]] for batch in batches])
    truth = truth.clamp(max=task.range.high)
    found = sum(float(one["MAE"][0]) for one in sums) / sum(float(one["MAE"][1]) for one in sums)
    middle = task.range.high / 2
    assert found == pytest.approx(float((truth - middle).abs().mean()), rel=1e-5)
    assert 0 < float(sums[0]["judged_true"][0]) < 3
    assert task.companion.training


@pytest.mark.parametrize("generator", ["pix2pix", "temp-pix2pix"])
def test_a_short_training_learns(generator):
    task = make_task(
        architecture={"generator": generator},
        task={"l1_weight": 100.0, "moved_s": [0, 0], "flips": False},
    )
    optimiser = task.optimiser()
    errors = []
    for step in range(30):
        batch = task.batch(step // 2, step % 2, 0, 1)
        loss = task.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(float(loss.detach()))
    assert np.mean(errors[-5:]) < 0.5 * np.mean(errors[:5])


def test_a_run_goes_on_after_it_was_stopped_to_the_same_numbers(tmp_path, monkeypatch):
    from SyntheticPerfusionLib.errors import Cancelled
    from SyntheticPerfusionLib.training import patients
    from SyntheticPerfusionLib.training.checkpoints import read_checkpoint

    everybody = [*(pix2pix_patient(n) for n in range(2)), pix2pix_patient(9, "validation")]
    gathered = patients.Gathered(everybody, [], ["a", "b", "c"])
    monkeypatch.setattr(patients, "gather_patients", lambda *_, **__: gathered)
    config = pix2pix_configuration(task={"slices_per_epoch": 8})
    asked = iter(range(1000))
    with pytest.raises(Cancelled):
        train(config, tmp_path / "stopped", cancelled=lambda: next(asked) == 3)
    assert 0 < read_checkpoint(tmp_path / "stopped/checkpoints/last.pt").state.step < 4
    models = [train(config, tmp_path / name) for name in ("stopped", "through")]
    ends = [
        read_checkpoint(tmp_path / name / "checkpoints/last.pt") for name in ("stopped", "through")
    ]
    for part in ("network", "companion"):
        left, right = (getattr(end, part) for end in ends)
        assert left
        assert_same(left, right)
    assert models[0].card["weights"] == models[1].card["weights"]
    assert not any(name.startswith("judge") for name in models[0].weights())


def test_a_map_that_the_patients_lack_is_named():
    with pytest.raises(InputError, match="sub-000 has no CBV to learn from, only Tmax, TTP, RBF"):
        make_task(task={"quantity": "CBV"})
    assert Pix2PixTask.targets(pix2pix_configuration(task={"quantity": "MTT"})) == ("MTT",)
    assert not Pix2PixTask.needs_echo_time(pix2pix_configuration())


def test_fine_tuning_keeps_the_ranges_and_the_map_of_its_start():
    card = make_task(task={"quantity": "TTP"}).card()
    start = {"preprocessing": card["preprocessing"], "task": {"quantity": "TTP"}}
    other = [pix2pix_patient(5, step_s=2.0), pix2pix_patient(9, "validation")]
    tuned = make_task(other, **start)
    assert tuned.range.as_json() == card["preprocessing"]["target"]
    assert tuned.card()["preprocessing"] == card["preprocessing"]
    with pytest.raises(InputError, match=r"task\.quantity is Tmax, but the model .* gives TTP"):
        Pix2PixTask.targets(
            pix2pix_configuration(preprocessing=card["preprocessing"], task={"quantity": "Tmax"})
        )


def test_its_card_says_all_that_the_method_needs_and_where_it_is_not_the_papers():
    shortened = replace(pix2pix_patient(0), about={"dropped_frames": 3})
    card = make_task([shortened, pix2pix_patient(9, "validation")]).card()
    assert card["quantities"] == ["Tmax"]
    assert card["title"] == "Synthetic Tmax (temp-pix2pix, Kossen 2022)"
    assert card["preprocessing"]["target"]["quantity"] == "Tmax"
    assert card["preprocessing"]["source_range"][1] > 1
    assert card["valid_range"]["repetition_time_s"] == [1.5, 1.5]
    assert card["valid_range"]["frames"] == [53, 53]
    said = " ".join(card["limitations"])
    for part in (
        "15 s before the bolus arrives",
        "its own baseline",
        "99.9th percentile",
        "Large vessels are left out",
        "2, 4, 4, 4, 4, 4 channels",
        "learning rate 0.005 (paper: 0.0001)",
    ):
        assert part in said


def test_its_card_tells_fine_tuning_from_the_weights_of_another_map():
    other = make_task(start_from="/home/clinic/models/pix2pix-tmax", task={"quantity": "TTP"})
    said = " ".join(other.card()["limitations"])
    assert "weights that began as those of pix2pix-tmax" in said
    assert "clinic" not in said
    assert "epochs 2 (paper: 100)" in said
    kept = make_task().card()["preprocessing"]
    tuned = make_task(preprocessing=kept, start_from="pix2pix-tmax")
    said = " ".join(tuned.card()["limitations"])
    assert said.count("the range of the model that the training started from") == 2
    assert "99.9th percentile of tissue" not in said
    assert "epochs 2 (paper: 50)" in said
    assert "weights that began" not in said


def test_its_card_says_how_the_two_losses_are_weighed():
    said = " ".join(make_task(task={"l1_weight": 100.0}).card()["limitations"])
    assert "counts 100 times as much as the judgement of the discriminator" in said
    assert "(Isola 2017)" in said
    assert "the paper says 1" in said
    said = " ".join(make_task(task={"l1_weight": 2000.0}).card()["limitations"])
    assert "counts 2000 times" in said
    assert "Isola" not in said


def test_the_card_of_the_papers_own_training_says_so():
    card = make_task(
        preprocessing={"time": "series", "source": "signal"},
        optimisation={"epochs": 100, "learning_rate": 1e-4},
    ).card()
    said = " ".join(card["limitations"])
    assert "absolute error, a mean over the slice, counts" not in said
    assert "stretched to 80 points, as in the paper" in said
    assert "trained other than" not in said


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"moved_s": [1, -1]}, "earliest and the latest"),
        ({"validation_slices": 0}, "1 or more"),
        ({"l1_weight": -1}, "0 or more"),
    ],
)
def test_settings_that_are_no_use_are_refused(task, said):
    with pytest.raises(InputError, match=said):
        Pix2PixTask.targets(pix2pix_configuration(task=task))


def test_patients_without_enough_brain_are_refused():
    tiny = [pix2pix_patient(0, grid=(GRID[0], 12, 12)), pix2pix_patient(9, "validation")]
    with pytest.raises(InputError, match="holds 200 voxels of brain"):
        make_task(tiny)
