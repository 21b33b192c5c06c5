"""phae-delay's simulated curves, loss and batches, and that a short training learns."""

import math

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.transit_decoder import TransitDecoder
from SyntheticPerfusionLib.methods.transit_fit import fit
from SyntheticPerfusionLib.training.configuration import TrainingConfig
from SyntheticPerfusionLib.training.curve_simulation import CurveRanges, draw_artery, draw_noise
from SyntheticPerfusionLib.training.phae_delay_loss import (
    LossWeights,
    estimation_loss,
    squared_bias,
)
from SyntheticPerfusionLib.training.phae_delay_task import PhaeDelayTask


def configuration(**changes) -> TrainingConfig:
    return TrainingConfig.from_json(
        {
            "name": "small-delay",
            "family": "phae-delay",
            "seed": 3,
            "architecture": {"grid": {"transits": 8, "delays": 10}, "width": 32, "blocks": 1},
            "data": {"source": "curves"},
            "optimisation": {"epochs": 1, "batch_size": 96, "learning_rate": 0.003},
            "task": {
                "arteries": 3,
                "curves": 64,
                "arteries_at_once": 2,
                "repeats": 4,
                "batches_per_epoch": 5,
                "validation_batches": 2,
                **changes,
            },
        }
    )


@pytest.fixture(scope="module")
def task() -> PhaeDelayTask:
    torch.manual_seed(0)
    return PhaeDelayTask(configuration(), [])


def test_curves_without_noise_are_what_the_decoder_says_of_their_truth():
    quiet = CurveRanges(snr=(1e7, 1e8), artery_snr=(1e7, 1e8), drop=(0.2, 0.5))
    rng = np.random.default_rng(8)
    for _ in range(3):
        artery = draw_artery(rng, quiet, 32)
        drawn = draw_noise(artery, rng, quiet, truths=16, repeats=2)
        window = drawn.window
        g = TransitDecoder(window.arterial).curves(
            artery.family,
            torch.from_numpy(drawn.mtt_s / window.step_s),
            torch.from_numpy(drawn.delay_s / window.step_s),
        )
        found = fit(drawn.curves, g, window)
        flow = (found.amplitude / window.height).log().numpy() - np.log(drawn.mtt_s)
        assert np.abs(flow - drawn.log_flow).max() < 0.06
        assert float((found.left.sqrt() / drawn.curves.amax(1)).max()) < 0.01


def test_noise_is_that_of_the_signal():
    ranges = CurveRanges(snr=(40.0, 40.001), drop=(0.3, 0.3001), families=("exponential",))
    rng = np.random.default_rng(1)
    artery = draw_artery(rng, ranges, 8)
    drawn = draw_noise(artery, rng, ranges, truths=4, repeats=400)
    curves = drawn.curves.reshape(4, 400, -1)
    before = drawn.window.measured.clone()
    before[5:] = 0
    noise = curves[:, :, before > 0].std(dim=1).mean()
    assert float(noise) == pytest.approx(1 / 40, rel=0.15)


def test_squared_bias_is_that_of_the_mean_and_none_of_noise_alone():
    rng = torch.Generator().manual_seed(2)
    noise = 0.1 * torch.randn(200_000, generator=rng)
    assert abs(float(squared_bias(noise, 10.0, 8))) < 7e-5
    assert float(squared_bias(noise + 0.3, 10.0, 8)) == pytest.approx(0.09, abs=2e-3)


def test_loss_adds_errors_biases_and_reconstruction_by_their_weights():
    zero = torch.zeros(8)
    left, frames = torch.full((8,), math.e**2), torch.full((8,), 50.0)
    only = estimation_loss(zero, zero, zero, left, frames, 4, LossWeights(1.0, 1.0, 1.0))
    assert float(only) == pytest.approx(1.0)
    flow = torch.full((8,), 0.2)
    weights = LossWeights(1.0, 10.0, 0.0)
    found = estimation_loss(zero, zero, flow, left, frames, 4, weights)
    bias = (0.5 * math.tanh(0.4)) ** 2
    assert float(found) == pytest.approx(0.2 + (math.exp(0.2) - 1) ** 2 + 10 * 2 * bias)


def test_a_batch_follows_from_epoch_and_step_and_ranks_share_it(task):
    whole, again = task.batch(2, 3, 0, 1), task.batch(2, 3, 0, 1)
    shares = [task.batch(2, 3, rank, 2) for rank in range(2)]
    for name, values in whole.items():
        assert torch.equal(values, again[name])
        assert torch.equal(values, torch.cat([share[name] for share in shares]))
    assert not torch.equal(whole["curves"], task.batch(2, 4, 0, 1)["curves"])
    assert whole["curves"].shape == (2, 48, 64)
    assert torch.equal(whole["mtt_s"][:, 0], whole["mtt_s"][:, 3])


def test_processes_that_cannot_share_the_arteries_are_refused(task):
    with pytest.raises(InputError, match="3 processes cannot share"):
        task.check_ranks(3)


def test_a_short_training_makes_errors_smaller(task):
    network = task.network
    batches = [task.batch(0, step, 0, 1) for step in range(6)]

    def unseen() -> float:
        network.eval()
        with torch.no_grad():
            found = [task.validation_figures(batch) for batch in task.validation_batches()]
        network.train()
        return sum(float(one["loss"][0]) for one in found)

    before = unseen()
    optimiser = torch.optim.Adam(network.parameters(), 0.003)
    losses = []
    for step in range(36):
        loss = task.loss(batches[step % 6])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-6:]) < 0.9 * np.mean(losses[:6])
    assert unseen() < before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"repeats": 3}, "task.repeats is 3"),
        ({"arteries_at_once": 5}, "a multiple of"),
        ({"arteries": 0}, "task.arteries is 0"),
        ({"ranges": {"snrs": [1, 2]}}, "task.ranges.snrs"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(changes, says):
    with pytest.raises(InputError, match=says):
        PhaeDelayTask(configuration(**changes), [])
