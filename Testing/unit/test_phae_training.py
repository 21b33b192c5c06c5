"""Training of PHAE: samples, batches, loss, learning transit times, and a site's own series."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.networks.phae import PhaeArchitecture
from SyntheticPerfusionLib.methods.phae_decoder import reconstruct
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.series.aif_file import write_aif_csv
from SyntheticPerfusionLib.series.images import write_image
from SyntheticPerfusionLib.series.write import write_series
from SyntheticPerfusionLib.training.configuration import TrainingConfig, find_configuration
from SyntheticPerfusionLib.training.phae_samples import patient_samples
from SyntheticPerfusionLib.training.phae_task import PhaeTask
from SyntheticPerfusionLib.training.run import train
from SyntheticPerfusionLib.training.tasks import task_class

from unit.small_phae import TINY, phae_config, simulated_patient, simulated_series

FAST = simulated_patient("sub-01", "train", 1)
SLOW = simulated_patient("sub-02", "train", 2, frames=36, step_s=2.2)
HELD_OUT = simulated_patient("sub-03", "validation", 3)
EVERYBODY = (FAST, SLOW, HELD_OUT)


def task_of(*patients, **changes):
    torch.manual_seed(0)
    return PhaeTask(phae_config(**changes), patients or EVERYBODY)


def rows_of(batch):
    """Each sample of a batch as bytes, to be compared as a set."""
    return sorted(row.numpy().tobytes() for row in batch["curves"])


def test_samples_are_read_as_for_inference():
    samples = patient_samples(FAST, "automatic", 0, 0)
    assert samples.tissue.shape == (1152, 50)
    assert samples.step_s == pytest.approx(1.5)
    assert max(float(samples.tissue.max()), float(samples.arterial.max())) == 1
    assert np.all(samples.volume > 0)
    np.testing.assert_allclose(samples.true_mtt, FAST.targets["MTT"].ravel())


def test_voxels_without_bolus_are_no_samples_and_uncounted_ones_no_truth():
    signal = FAST.signal.copy()
    signal[:, 0] = signal[:5, 0].mean(axis=0)
    counted = FAST.counted.copy()
    counted[1, :12] = False
    samples = patient_samples(replace(FAST, signal=signal, counted=counted), "automatic", 0, 0)
    assert 500 < len(samples.volume) < 700
    assert 250 < np.isnan(samples.true_mtt).sum() < 320


def test_some_voxels_are_drawn_once():
    few = patient_samples(FAST, "automatic", 100, 5)
    assert len(few.volume) == 100
    again = patient_samples(FAST, "automatic", 100, 5)
    np.testing.assert_array_equal(few.tissue, again.tissue)
    assert not np.array_equal(few.tissue, patient_samples(FAST, "automatic", 100, 6).tissue)


def test_the_true_artery_is_taken_where_asked():
    patient = replace(FAST, true_aif=10 * FAST.aif)
    found = patient_samples(patient, "automatic", 0, 0)
    true = patient_samples(patient, "true", 0, 0)
    np.testing.assert_allclose(true.volume, found.volume / 10, rtol=1e-5)


def test_an_epoch_shows_every_curve_once_and_the_next_in_another_order():
    task = task_of(optimisation={"batch_size": 96})
    expected = np.concatenate([patient_samples(p, "automatic", 0, 0).volume for p in (FAST, SLOW)])
    assert task.steps_per_epoch == len(expected) // 96
    epoch = [task.batch(0, step, 0, 1) for step in range(task.steps_per_epoch)]
    volumes = torch.cat([batch["volume"] for batch in epoch])
    assert len(volumes) == task.steps_per_epoch * 96
    counted = Counter(expected.tolist())
    counted.subtract(volumes.tolist())
    assert min(counted.values()) == 0
    assert rows_of(task.batch(1, 0, 0, 1)) != rows_of(epoch[0])


def test_batches_are_pure():
    one, other = task_of(), task_of()
    other.batch(4, 1, 0, 1)
    for name, values in one.batch(2, 3, 0, 1).items():
        torch.testing.assert_close(values, other.batch(2, 3, 0, 1)[name], rtol=0, atol=0)


def test_a_batch_that_the_processes_cannot_share_is_refused():
    with pytest.raises(InputError, match="A batch of 64 cannot be shared by 3 processes"):
        task_of().batch(0, 0, 0, 3)


@pytest.mark.parametrize("ranks", [2, 4])
def test_shares_make_the_global_batch(ranks):
    task = task_of()
    shares = [task.batch(1, 2, rank, ranks) for rank in range(ranks)]
    assert {len(share["volume"]) for share in shares} == {64 // ranks}
    together = sorted(value for share in shares for value in share["volume"].tolist())
    assert together == sorted(task.batch(1, 2, 0, 1)["volume"].tolist())


def test_a_batch_larger_than_the_data_is_still_full():
    task = task_of(optimisation={"batch_size": 4000})
    assert task.steps_per_epoch == 1
    assert len(task.batch(0, 0, 0, 1)["volume"]) == 4000


def test_loss_is_the_mean_absolute_error_of_equation_6():
    task = task_of(FAST, HELD_OUT)
    task.network.eval()
    batch = task.batch(0, 0, 0, 1)
    assert "measured" not in batch
    mtt = task.network(batch["curves"], batch["step_s"]).detach().double().numpy()
    times = 1.5 * np.arange(50)
    away = []
    for n, (tissue, artery) in enumerate(batch["curves"].double().numpy()):
        residue = 1 / (1 + (np.pi * times / 2 / mtt[n]) ** 2)
        response = float(batch["volume"][n]) / mtt[n] * residue
        away.append(np.abs(tissue - 1.5 * np.convolve(artery, response)[:50]).mean())
    assert task.loss(batch).item() == pytest.approx(np.mean(away), rel=1e-5)


@pytest.mark.parametrize("family", ["exponential", "gamma"])
def test_it_learns_by_the_residue_of_the_configuration(family):
    task = task_of(FAST, HELD_OUT, architecture={"residue": family})
    task.network.eval()
    batch = task.batch(0, 0, 0, 1)
    with torch.inference_mode():
        mtt = task.network(batch["curves"], batch["step_s"])
        tissue, artery = batch["curves"].unbind(dim=1)
        rebuilt = reconstruct(artery, batch["volume"], mtt, 1.5, family)
        assert task.loss(batch).item() == pytest.approx((tissue - rebuilt).abs().mean().item())
    assert task.card()["architecture"]["residue"] == family


def test_each_series_counts_at_its_own_length_and_clock():
    both = task_of(FAST, SLOW, HELD_OUT, optimisation={"batch_size": 2304})
    both.network.eval()
    batch = both.batch(0, 0, 0, 1)
    assert set(batch["measured"].sum(dim=1).tolist()) == {50, 36}
    alone = []
    for patient in (FAST, SLOW):
        task = task_of(patient, HELD_OUT, optimisation={"batch_size": 1152})
        task.network.eval()
        alone.append(task.loss(task.batch(0, 0, 0, 1)).item())
    assert both.loss(batch).item() == pytest.approx(np.mean(alone), rel=1e-4)


def test_the_decoder_keeps_float32_under_autocast():
    task = task_of()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = task.loss(task.batch(0, 0, 0, 1))
    assert loss.dtype == torch.float32
    exact = task_of()
    assert float(loss) == pytest.approx(float(exact.loss(exact.batch(0, 0, 0, 1))), rel=0.05)


def test_it_learns_transit_times_without_being_told_any():
    clear = [
        simulated_patient("sub-01", "train", 1, noise=0.002),
        simulated_patient("sub-02", "train", 2, noise=0.002, frames=36, step_s=2.2),
        simulated_patient("sub-03", "validation", 3, noise=0.002),
    ]
    task = task_of(*clear, optimisation={"batch_size": 128, "learning_rate": 5e-3})
    before = figures(task)
    optimiser = task.optimiser()
    losses = []
    for epoch in range(12):
        for step in range(task.steps_per_epoch):
            optimiser.zero_grad()
            loss = task.loss(task.batch(epoch, step, 0, 1))
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:8])
    after = figures(task)
    assert after["reconstruction_error"] < 0.6 * before["reconstruction_error"]
    batch = task.validation_batches()[0]
    task.network.eval()
    with torch.inference_mode():
        found = task.network(batch["curves"], batch["step_s"]).numpy()
    assert np.corrcoef(found, batch["true_mtt"].numpy())[0, 1] > 0.9
    assert after["reconstruction_error"] < 1.1 * best_of_every_mtt(task)


def best_of_every_mtt(task):
    """Mean error where each voxel takes the best of 60 transit times: nothing can be much better.

    It is above the noise, since the sampled residue is not that of the curve's area.
    """
    batch = task.validation_batches()[0]
    errors = [
        task._away(batch, torch.full_like(batch["volume"], mtt))
        for mtt in np.geomspace(0.5, 30, 60)
    ]
    return float(torch.stack(errors).min(dim=0).values.mean())


def figures(task):
    task.network.eval()
    with torch.inference_mode():
        found = [task.validation_figures(batch) for batch in task.validation_batches()]
    task.network.train()
    return {
        name: float(sum(one[name][0] for one in found) / sum(one[name][1] for one in found))
        for name in found[0]
    }


def test_everybody_without_an_artery_is_named():
    broken = [replace(FAST, identifier=f"sub-{n}", aif=None) for n in (7, 9)]
    with pytest.raises(InputError, match=r"(?s)sub-7.*sub-9"):
        task_of(*broken, FAST, HELD_OUT)
    task = task_of(*broken, FAST, HELD_OUT, data={"skip_broken": True})
    assert task.steps_per_epoch == 1152 // 64


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": {"artery": "venous"}}, "task.artery"),
        ({"task": {"arteries": "true"}}, "did you mean artery"),
        ({"task": {"samples_per_epoch": -1}}, "samples_per_epoch"),
        ({"architecture": {"residue": "box"}}, "residue"),
        ({"preprocessing": {"smoothing": 1}}, "smoothing"),
    ],
)
def test_wrong_settings_are_named(changes, said):
    with pytest.raises(InputError, match=said):
        task_of(**changes)


def test_the_card_says_what_it_was_trained_on():
    card = task_of().card()
    assert card["valid_range"] == {"repetition_time_s": [1.5, 2.2], "frames": [36, 50]}
    assert card["architecture"] == PhaeArchitecture.from_json(TINY).as_json()
    assert card["needs"]["aif"]
    assert task_class("phae") is PhaeTask


def test_the_shipped_configuration_is_the_papers_but_for_its_size():
    config = TrainingConfig.read(find_configuration("phae"))
    assert PhaeArchitecture.from_json(config.architecture) == PhaeArchitecture()
    chosen = config.optimisation
    assert (chosen.batch_size, chosen.learning_rate) == (1536, 1e-4)
    assert (chosen.optimiser, chosen.weight_decay, chosen.schedule) == ("adam", 0, "constant")
    assert PhaeTask.targets(config) == ()


def site(place, seed, **kind):
    """A folder of a site: series, brain and picked artery of two patients, and not one map."""
    for n in (1, 2):
        series, mask, aif, _ = simulated_series(seed + n, **kind)
        folder = place / f"sub-{n:02d}" / "perf"
        drawn = place / "derivatives" / "site" / f"sub-{n:02d}" / "perf"
        folder.mkdir(parents=True)
        drawn.mkdir(parents=True)
        write_series(series, folder / f"sub-{n:02d}_dsc.nii.gz")
        write_image(
            mask.astype(np.uint8), series.geometry, drawn / f"sub-{n:02d}_desc-brain_mask.nii.gz"
        )
        write_aif_csv(aif, drawn / f"sub-{n:02d}_desc-aif_timeseries.tsv")
    return {"source": "folder", "folder": str(place), "split": [0.5, 0.5, 0.0]}


def test_a_model_is_trained_on_one_site_and_tuned_on_another(tmp_path):
    first = site(tmp_path / "first", 10)
    second = site(tmp_path / "second", 20, frames=40, step_s=2.0)
    model = train(phae_config(name="phae-first", data=first), tmp_path / "run-1")
    tuned = train(
        phae_config(
            name="phae-second",
            data=second,
            start_from=str(model.path),
            architecture={},
            optimisation={"learning_rate": 1e-3, "epochs": 4},
        ),
        tmp_path / "run-2",
    )
    assert tuned.card["training"]["started_from"] == "phae-first"
    assert tuned.card["valid_range"]["repetition_time_s"] == [2.0, 2.0]
    assert tuned.card["architecture"] == model.card["architecture"]

    series, mask, aif, mtt = simulated_series(22, frames=40, step_s=2.0)
    before, after = (
        get_method(str(folder.path)).estimate(series, mask, aif) for folder in (model, tuned)
    )
    assert not np.array_equal(before["MTT"], after["MTT"])
    assert np.median(after["misfit"]) < np.median(before["misfit"])
    assert np.corrcoef(after["MTT"].ravel(), mtt.ravel())[0, 1] > 0.5
