"""Training of the collateral family: ordinal classes, batches, losses, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.methods.collateral_scale import PhaseScale
from SyntheticPerfusionLib.methods.collateral_settings import QUANTITIES
from SyntheticPerfusionLib.phantom.truth import TissueLabel
from SyntheticPerfusionLib.training.checkpoints import read_checkpoint
from SyntheticPerfusionLib.training.collateral_ordinal import ordinal_labels, thresholds
from SyntheticPerfusionLib.training.collateral_patients import PhasePatient
from SyntheticPerfusionLib.training.collateral_task import CollateralTask
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration
from SyntheticPerfusionLib.training.run import train
from SyntheticPerfusionLib.training.start_from import load_start, with_start

from unit.small_collateral import (
    HIGHEST,
    TINY,
    collateral_configuration,
    collateral_model,
    collateral_patient,
)
from unit.small_folder import write_participants, write_patient

SHIPPED = ("collateral-mdrnn", "collateral-drnn", "collateral-mdrnn-paper")


def make_task(patients=None, **changes):
    torch.manual_seed(0)
    patients = patients or [
        *(collateral_patient(n) for n in range(4)),
        collateral_patient(9, "validation"),
    ]
    return CollateralTask(collateral_configuration(**changes), patients)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)


def test_thresholds_grow_as_the_papers_equation_says():
    found = thresholds(5)
    np.testing.assert_allclose(found, [0.001 * 1001 ** (i / 5) for i in range(6)], rtol=1e-12)
    np.testing.assert_allclose(found, [0.001, 0.00398, 0.01585, 0.06315, 0.25146, 1.001], rtol=2e-3)
    assert thresholds(3, 1.0, 7.0, 1.0) == pytest.approx(
        (2, 2 * 4 ** (1 / 3), 2 * 16 ** (1 / 3), 8)
    )


def test_every_value_has_one_of_five_classes():
    bounds = thresholds(5)
    shares = torch.tensor([0.0, 0.0005, 0.0039, 0.0041, 0.06, 0.07, 0.25, 0.26, 1.0])
    assert ordinal_labels(shares, bounds).tolist() == [0, 0, 0, 1, 2, 3, 3, 4, 4]


def test_each_phase_has_a_scale_of_its_own_and_comes_back():
    scale = PhaseScale(HIGHEST)
    maps = np.random.default_rng(0).uniform(0, 1, (7, 5)) * np.array(HIGHEST)
    shares = scale.shares(maps)
    np.testing.assert_allclose(scale.maps(2 * shares - 1), maps, rtol=1e-5, atol=1e-6)
    assert scale.shares(10 * maps + 9).max() == 1
    assert PhaseScale.from_json(scale.as_json()) == scale
    for wrong in (None, {}, {**scale.as_json(), QUANTITIES[2]: 0}):
        with pytest.raises(InputError, match=r"preprocessing\.highest is"):
            PhaseScale.from_json(wrong)


def test_the_scale_leaves_out_one_voxel_in_two_hundred_and_what_does_not_count():
    patients = [collateral_patient(n) for n in range(3)]
    for one in patients:
        one.targets[QUANTITIES[0]][~one.counted] = 1e3
    highest = make_task([*patients, collateral_patient(9, "validation")]).scale.highest
    for name, value in zip(QUANTITIES, highest, strict=True):
        values = np.concatenate([one.targets[name][one.counted] for one in patients])
        assert np.percentile(values, 98) <= value <= values.max()


def test_a_batch_follows_from_epoch_and_step_alone():
    task, again = make_task(), make_task()
    assert_same(task.batch(1, 1, 0, 1), again.batch(1, 1, 0, 1))
    assert not torch.equal(task.batch(1, 1, 0, 1)["volumes"], task.batch(2, 1, 0, 1)["volumes"])


def test_shares_of_two_processes_are_the_global_batch_and_their_mean_loss_is_its_own():
    task = make_task()
    whole = task.batch(0, 1, 0, 1)
    shares = [task.batch(0, 1, rank, 2) for rank in range(2)]
    torch.testing.assert_close(torch.cat([one["volumes"] for one in shares]), whole["volumes"])
    mean = sum(task.loss(one) for one in shares) / 2
    torch.testing.assert_close(mean, task.loss(whole), rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="cannot be shared by 3 processes"):
        task.batch(0, 0, 0, 3)


def test_an_epoch_shows_each_patient_once():
    task = make_task(optimisation={"batch_size": 1}, task={"crop": [0, 0, 0], "flip": 0})
    drawn = [task.batch(0, step, 0, 1)["volumes"] for step in range(task.steps_per_epoch)]
    known = [one.example(one.whole(16)).volume for one in task._all["train"]]
    which = [[np.array_equal(a[0].numpy(), b) for b in known].index(True) for a in drawn]
    assert sorted(which) == [0, 1, 2, 3]


def test_left_and_right_change_places_in_volume_and_targets_alike():
    task = make_task()
    one = task._all["train"][0]
    canvas = one.whole(16)
    plain, flipped = one.example(canvas), one.example(canvas, flipped=True)
    np.testing.assert_array_equal(flipped.volume[..., ::-1], plain.volume)

    def picture(example):
        values = np.zeros(np.prod(canvas.shape))
        values[example.places] = example.target[:, 0]
        return values.reshape(canvas.shape)

    np.testing.assert_array_equal(picture(flipped)[..., ::-1], picture(plain))
    assert np.any(picture(flipped) != picture(plain))


def test_a_head_that_is_stored_the_other_way_round_is_learned_upright():
    plain = collateral_patient(0)
    stored = replace(
        plain,
        signal=plain.signal[:, ::-1, ::-1],
        mask=plain.mask[::-1, ::-1],
        counted=plain.counted[::-1, ::-1],
        targets={name: map_[::-1, ::-1] for name, map_ in plain.targets.items()},
        direction=(1, 0, 0, 0, -1, 0, 0, 0, -1),
    )
    task = make_task([plain, stored, collateral_patient(9, "validation")])
    first, second = task._all["train"]
    canvas = first.whole(16)
    assert canvas == second.whole(16)
    one, other = first.example(canvas), second.example(canvas)
    np.testing.assert_allclose(other.volume, one.volume, atol=2e-3)
    order, same = np.argsort(one.places), np.argsort(other.places)
    np.testing.assert_array_equal(other.places[same], one.places[order])
    np.testing.assert_array_equal(other.target[same], one.target[order])


def test_crops_are_of_their_size_and_any_slices():
    task = make_task(task={"crop": [3, 16, 0]})
    patient = task._all["train"][0]
    canvases = [patient.part((3, 16, 0), 16, np.random.default_rng(n)) for n in range(20)]
    assert {canvas.shape for canvas in canvases} == {(3, 16, 16)}
    assert {canvas.origin[0] for canvas in canvases} == {0, 1, 2}
    assert task.batch(0, 0, 0, 1)["volumes"].shape == (2, 40, 3, 16, 16)
    larger = patient.part((8, 0, 0), 16, np.random.default_rng(0))
    assert larger.shape[0] == 8
    assert patient.example(larger).target.shape[0] == patient.counted.shape[1]


def test_two_slices_are_given_a_third_whose_gradients_are_right():
    thin = make_task([collateral_patient(0, grid=(2, 20, 16)), collateral_patient(9, "validation")])
    patient = thin._all["train"][0]
    for wanted in (0, 2):
        canvas = patient.part((wanted, 0, 0), 16, np.random.default_rng(0))
        assert canvas.shape[0] == 3
        assert patient.example(canvas).target.shape[0] == patient.counted.shape[1]
    assert patient.part((1, 0, 0), 16, np.random.default_rng(0)).shape[0] == 1


def test_voxels_that_do_not_count_do_not_move_the_loss_and_patients_weigh_alike():
    patients = [collateral_patient(n) for n in range(2)]
    patients[1].counted[1:] = False
    plain = make_task([*patients, collateral_patient(9, "validation")], task={"crop": [0, 0, 0]})
    weights = plain.batch(0, 0, 0, 1)["weights"]
    assert float(weights.sum()) == pytest.approx(1)
    counts = [int(one.counted.sum()) for one in patients]
    assert {round(1 / float(w)) for w in weights.unique()} == {2 * n for n in counts}
    for one in patients:
        for map_ in one.targets.values():
            map_[~one.counted] = 77
    moved = make_task([*patients, collateral_patient(9, "validation")], task={"crop": [0, 0, 0]})
    assert_same(moved.batch(0, 0, 0, 1), plain.batch(0, 0, 0, 1))


def test_lesions_of_digital_patients_weigh_as_much_as_asked():
    patient = collateral_patient(0)
    labels = np.full(patient.mask.shape, int(TissueLabel.GREY_MATTER), np.uint8)
    labels[2, 9:13] = int(TissueLabel.CORE)
    labels[3, 9:13] = int(TissueLabel.PENUMBRA)
    drawn = replace(patient, labels=labels)
    valid = collateral_patient(9, "validation")
    task = make_task([drawn, patient, valid], task={"lesion_weight": 5.0})
    lesion, without = task._all["train"]
    one, other = (some.example(some.whole(16)) for some in (lesion, without))
    inside = np.isin(labels, (TissueLabel.CORE, TissueLabel.PENUMBRA))[patient.counted]
    assert inside.any()
    np.testing.assert_array_equal(one.weight, np.where(inside, 5, 1))
    np.testing.assert_array_equal(other.weight, 1)
    weights = task._joined([one, other])["weights"].numpy()
    first = weights[: len(one.weight)]
    assert first.sum() == pytest.approx(0.5)
    assert first[inside].min() == pytest.approx(5 * first[~inside].max())
    np.testing.assert_allclose(weights[len(first) :], 0.5 / len(other.weight), rtol=1e-5)
    assert "counted 5 times as much in the loss" in " ".join(task.card()["limitations"])
    assert "times as much" not in " ".join(make_task().card()["limitations"])


def test_large_vessels_of_digital_patients_count_where_asked():
    patient = collateral_patient(0)
    labels = np.where(patient.mask, TissueLabel.GREY_MATTER, TissueLabel.AIR).astype(np.uint8)
    labels[1, 4] = TissueLabel.ARTERY
    labelled = replace(patient, labels=labels)
    added = int((patient.mask & ~patient.counted)[1, 4].sum())
    assert added > 0
    plain = make_task([labelled, collateral_patient(9, "validation")], task={"vessels": False})
    with_them = make_task([labelled, collateral_patient(9, "validation")])
    counts = [one._all["train"][0].counted.shape[1] for one in (plain, with_them)]
    assert counts == [patient.counted.sum(), patient.counted.sum() + added]


def test_the_median_filter_takes_away_single_voxels():
    patient = collateral_patient(0)
    patient.targets[QUANTITIES[1]][1, 10, 8] = 50
    preprocessing = make_task().preprocessing
    maxima = [PhasePatient(patient, 40, preprocessing, width).target.max() for width in (1, 3)]
    assert maxima[0] == 50
    assert maxima[1] < 5


def test_the_loss_is_three_quarters_squared_error_and_a_quarter_cross_entropy():
    task = make_task()
    with torch.no_grad():
        for head in (task.network.regression, task.network.ordinal):
            head.weight.normal_(0, 0.3)
    batch = task.batch(0, 0, 0, 1)
    features = task._features(batch)
    shares, weights = batch["shares"], batch["weights"][:, None]
    squared = (weights * (task.network.maps(features) - 2 * shares + 1) ** 2).sum() / 5
    chances = torch.softmax(task.network.logits(features), dim=2)
    own = ordinal_labels(shares, thresholds(5))
    entropy = (weights * -torch.log(chances.gather(2, own[..., None])[..., 0])).sum() / 5
    torch.testing.assert_close(task.loss(batch), 0.75 * squared + 0.25 * entropy)
    single = make_task(architecture={"ordinal": False})
    single.network.load_state_dict(
        {key: value for key, value in task.network.state_dict().items() if "ordinal" not in key}
    )
    torch.testing.assert_close(single.loss(batch), squared)


def test_untrained_it_says_the_mean_of_each_phase():
    task = make_task()
    batch = task.batch(0, 0, 0, 1)
    said = task.scale.maps(task.network.maps(task._features(batch)).detach().numpy())[0]
    patients = [collateral_patient(n) for n in range(4)]
    for name, high, value in zip(QUANTITIES, task.scale.highest, said, strict=True):
        values = [one.targets[name][one.counted].clip(0, high).mean() for one in patients]
        assert value == pytest.approx(np.mean(values), rel=1e-3)


def test_a_patient_in_whom_nothing_counts_leaves_the_start_alone():
    empty = collateral_patient(5)
    empty.counted[:] = False
    patients = [collateral_patient(n) for n in range(2)]
    valid = collateral_patient(9, "validation")
    with_it, without = (
        make_task([*patients, *more, valid]).network.regression.bias for more in ([empty], [])
    )
    assert torch.isfinite(with_it).all()
    torch.testing.assert_close(with_it, without, rtol=0.05, atol=0.05)


def test_validation_is_of_whole_patients_and_its_r2_is_pearsons_squared():
    task = make_task()
    batches = task.validation_batches()
    assert len(batches) == 1
    with torch.no_grad():
        figures = task.validation_figures(batches[0])
    assert list(figures) == ["loss", "R2", "MAE", "R2_arterial", "MAE_arterial"]
    assert float(figures["R2"][0]) == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        task.network.regression.weight.normal_(0, 0.3)
        answers = task.network.maps(task._features(batches[0])).numpy()
        figures = task.validation_figures(batches[0])
    wanted = 2 * batches[0]["shares"].numpy() - 1
    assert len(wanted) == collateral_patient(9).counted.sum()
    r = [np.corrcoef(answers[:, n], wanted[:, n])[0, 1] ** 2 for n in range(5)]
    assert float(figures["R2"][0]) == pytest.approx(np.mean(r), rel=1e-3)
    assert float(figures["R2_arterial"][0]) == pytest.approx(r[0], rel=1e-3)
    assert float(figures["MAE"][0]) == pytest.approx(np.abs(answers - wanted).mean(), rel=1e-3)
    some = [collateral_patient(n, "validation" if n else "train") for n in range(4)]
    assert len(make_task(some, task={"validation_patients": 2}).validation_batches()) == 2


@pytest.mark.parametrize("ordinal", [True, False], ids=["mdrnn", "drnn"])
def test_a_short_training_learns(ordinal):
    task = make_task(architecture={"ordinal": ordinal})
    optimiser = task.optimiser()
    for step in range(30):
        loss = task.loss(task.batch(step // 2, step % 2, 0, 1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    task.network.eval()
    with torch.no_grad():
        figures = task.validation_figures(task.validation_batches()[0])
    assert float(figures["R2"][0]) > 0.6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": {"crop": [2, 20, 16]}}, "rows and columns that are multiples of 16"),
        ({"task": {"flip": 1.5}}, "task.flip is 1.5"),
        ({"task": {"regression_weight": 0.0}}, "the latter above 0"),
        ({"task": {"median_width": 2}}, "give an odd number"),
        ({"task": {"lesion_weight": 0}}, "lesion_weight is 0; give more than 0"),
        ({"task": {"validation_patients": -1}}, "validation_patients is -1"),
        ({"preprocessing": {"before_s": 99.0}}, "would all lie before the bolus"),
    ],
)
def test_settings_that_are_no_use_are_named_before_any_patient_is_drawn(changes, said):
    with pytest.raises(InputError, match=said):
        CollateralTask.targets(collateral_configuration(**changes))


def test_its_card_says_where_it_is_not_the_papers():
    card = make_task().card()
    assert card["quantities"] == list(QUANTITIES)
    assert card["title"].startswith("Collateral phases, 3D-MDRNN")
    assert card["valid_range"]["slices"] == [3, 10]
    assert not card["needs"]["aif"]
    assert not card["needs"]["echo_time"]
    said = " ".join(card["limitations"])
    assert "blocks 1/1/1/2 (paper: 6/12/24/48)" in said
    assert "2 epochs of batches of 2, each 3 slices of the brain's own rows and columns" in said
    assert "where the paper takes the raw signal" in said
    later = make_task(start_from="/home/clinic/first-half").card()
    assert "0.005 held, from the weights of first-half on (paper" in " ".join(later["limitations"])
    assert "cross entropy" not in said
    weighed = make_task(task={"regression_weight": 0.9}).card()
    assert "weighed 0.9 in the loss and the cross entropy of the classes 0.1 (paper" in " ".join(
        weighed["limitations"]
    )
    drnn = make_task(architecture={"ordinal": False}).card()
    assert "3D-DRNN" in drnn["title"]
    assert "intensity besides" in card["description"]
    assert "intensity besides" not in drnn["description"]


def read(name):
    return TrainingConfig.read(find_configuration(name))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_configuration_has_the_papers_layers(name):
    config = read(name)
    assert config.name == name
    task = make_task(architecture={**config.architecture, "points": 4})
    assert task.architecture.blocks == (6, 12, 24, 48)
    assert task.architecture.transitions == (32, 64, 128, 256)
    assert CollateralTask.targets(config) == QUANTITIES


def test_drnn_differs_from_mdrnn_by_its_head_alone_and_the_papers_file_follows_the_paper():
    mdrnn, drnn, paper = (read(name).as_json() for name in SHIPPED)
    changed = {key for key in mdrnn if mdrnn[key] != drnn[key]}
    assert changed == {"name", "version", "architecture"}
    assert {**drnn["architecture"], "ordinal": True} == mdrnn["architecture"]
    chosen = paper["optimisation"]
    assert (chosen["epochs"], chosen["learning_rate"]) == (300, 1e-3)
    assert (chosen["schedule"], chosen["patience"], chosen["betas"]) == (
        "plateau",
        10,
        [0.9, 0.999],
    )
    assert paper["task"]["crop"] == [0, 224, 224]
    assert (paper["preprocessing"]["source"], paper["preprocessing"]["mask"]) == ("signal", "paper")
    following = make_task(**{key: paper[key] for key in ("optimisation", "preprocessing", "task")})
    said = " ".join(following.card()["limitations"])
    assert "choice of schedule" not in said
    assert "Its input is this project's choice" not in said


def test_a_network_without_the_ordinal_head_may_be_the_start_of_one_with_it(tmp_path):
    start = collateral_model(tmp_path / "single", seed=3, ordinal=False)
    config = collateral_configuration(architecture={"ordinal": True}, start_from=str(start.path))
    config, found = with_start(config, CollateralTask)
    task = make_task(architecture={"ordinal": True})
    head = {name: value.clone() for name, value in task.network.ordinal.state_dict().items()}
    load_start(task, found)
    weights = start.weights()
    learned = task.network.state_dict()
    assert set(learned) - set(weights) == {"ordinal.weight", "ordinal.bias"}
    for name, value in learned.items():
        own = head[name.removeprefix("ordinal.")] if name.startswith("ordinal") else weights[name]
        assert torch.equal(value, own), name
    # A head is not dropped unsaid, and no other layer may be missing.
    both = collateral_model(tmp_path / "both", ordinal=True)
    for model, changes in ((both, {"ordinal": False}), (start, {"ordinal": True, "growth": 8})):
        wanted = collateral_configuration(architecture=changes, start_from=str(model.path))
        with pytest.raises(InputError, match=f"differs in {list(changes)[-1]}"):
            with_start(wanted, CollateralTask)
    # Nor is one added unasked.
    unasked = make_task()
    assert unasked.network.ordinal is not None
    with pytest.raises(InputError, match="do not fit"):
        load_start(unasked, found)
    other = make_task(architecture={"ordinal": True, "first": 8})
    with pytest.raises(InputError, match="do not fit"):
        load_start(other, found)


def folder_training(place, **changes):
    for n in range(4):
        write_patient(place, f"sub-{n}", QUANTITIES)
    write_participants(place, **{f"sub_{n}": "train" if n < 3 else "validation" for n in range(4)})
    return collateral_configuration(
        data={"source": "folder", "folder": str(place)},
        architecture={**TINY, "points": 12},
        optimisation={"epochs": 2, "batch_size": 1},
        trainer={"accelerator": "cpu", "devices": 1, "threads": 1, "precision": "bf16-mixed"},
        weights_dtype="float16",
        **changes,
    )


def test_a_real_training_goes_on_to_the_same_numbers_and_leaves_a_model(tmp_path):
    config = folder_training(tmp_path / "data")
    through = train(config, tmp_path / "through")
    asked = []

    def stop_in_the_second_epoch(*_):
        asked.append(None)
        done = tmp_path / "cut" / "epochs.csv"
        return done.is_file() and len(done.read_text().splitlines()) > 1

    with pytest.raises(Cancelled):
        train(config, tmp_path / "cut", cancelled=stop_in_the_second_epoch)
    cut = train(config, tmp_path / "cut")
    assert asked
    left, right = (
        read_checkpoint(tmp_path / run / "checkpoints" / "last.pt") for run in ("through", "cut")
    )
    for name, tensor in left.network.items():
        assert torch.equal(tensor, right.network[name]), name
    assert cut.card["weights"]["sha256"] == through.card["weights"]["sha256"]
    assert through.card["weights"]["dtype"] == "float16"
