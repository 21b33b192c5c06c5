"""What an estimate is off by is found by simulation and taken off."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.bolus_window import BolusWindow
from SyntheticPerfusionLib.methods.transit_bias import TransitBias, simulated_bias
from SyntheticPerfusionLib.methods.transit_decoder import TransitDecoder
from SyntheticPerfusionLib.methods.transit_match import (
    MEANS,
    WARM_DELAY,
    WARM_TRANSIT,
    Match,
    TransitDictionary,
    TransitGrid,
    features,
)

from unit.curves import arterial

STEP_S = 1.5
GRID = TransitGrid(transits=14, delays=18)
LIMITS_S = (2.0, 25.0)


@pytest.fixture(scope="module")
def window():
    return BolusWindow.around(arterial(np.arange(60) * STEP_S, onset_s=15.0, peak=60.0), STEP_S)


@pytest.fixture(scope="module")
def dictionary(window):
    return TransitDictionary(window, "gamma-4", GRID)


def mean_of_likelihood(read):
    """What an untrained network says."""
    means = read[:, -MEANS:]
    return means[:, WARM_TRANSIT].exp().clamp(*LIMITS_S), means[:, WARM_DELAY]


def distorted(read):
    """The same, of a network that learned it wrong."""
    mtt_s, delay_s = mean_of_likelihood(read)
    return 0.8 * mtt_s**1.05, delay_s + 0.4


def bias_of(window, dictionary, estimate, **kind):
    return simulated_bias(window, "gamma-4", dictionary, estimate, LIMITS_S, **kind)


@pytest.fixture(scope="module")
def bias(window, dictionary):
    return bias_of(window, dictionary, distorted)


def curves_of(window, mtt_s, delay_s, strength, count=400):
    """Noisy curves (count, W) of one transit time and delay, S as in transit_bias."""
    one = torch.full((1,), 1.0)
    clean = TransitDecoder(window.arterial).curves(
        "gamma-4", one * mtt_s / STEP_S, one * delay_s / STEP_S
    )
    draw = torch.Generator().manual_seed(99)
    centred = clean - clean.mean()
    noise = (centred.square().sum() / strength).sqrt()
    return (clean + noise * torch.randn(count, clean.shape[1], generator=draw)) * window.measured


@pytest.mark.parametrize("strength", [300.0, 3000.0])
@pytest.mark.parametrize(("mtt_s", "delay_s"), [(4.0, 1.0), (7.0, 4.0), (12.0, 0.0)])
def test_medians_of_a_network_that_learned_wrong_are_right_again(
    window, dictionary, bias, mtt_s, delay_s, strength
):
    match = dictionary.match(curves_of(window, mtt_s, delay_s, strength))
    wrong = distorted(features(match, dictionary))
    mended = bias.without(*wrong, match)
    transit = [float(one[0].median()) / mtt_s for one in (wrong, mended)]
    delay = [float(one[1].median()) - delay_s for one in (wrong, mended)]
    assert abs(transit[0] - 1) > 0.08
    assert transit[1] == pytest.approx(1, abs=0.06)
    assert abs(delay[0]) > 0.25
    assert abs(delay[1]) < 0.15


def test_what_is_found_is_what_the_estimate_was_made_wrong_by(window, dictionary, bias):
    plain = bias_of(window, dictionary, mean_of_likelihood)
    # Away from the limits, to which estimates are held before they are distorted.
    inside = slice(5, 12)
    truth = bias.log_transit[inside, None] + plain.of_transit[inside]
    added = (bias.of_transit - plain.of_transit)[inside]
    torch.testing.assert_close(added, np.log(0.8) + 0.05 * truth, atol=1e-3, rtol=0)
    torch.testing.assert_close(
        bias.of_delay - plain.of_delay, torch.full_like(bias.of_delay, 0.4), atol=1e-4, rtol=0
    )


def test_the_same_seed_finds_the_same(window, dictionary, bias):
    again = bias_of(window, dictionary, distorted)
    other = bias_of(window, dictionary, distorted, seed=7)
    torch.testing.assert_close(again.of_transit, bias.of_transit, rtol=0, atol=0)
    assert not torch.equal(other.of_transit, bias.of_transit)


def test_it_is_read_between_its_entries_and_no_estimate_leaves_its_ends():
    table = torch.tensor([[0.0, 0.2], [0.0, 0.2], [0.0, 0.2]])
    ends = torch.tensor([1.0, 3.0])
    some = TransitBias(torch.tensor([1.0, 2.0, 3.0]), ends, table, 10 * table)
    mtt_s, delay_s = torch.tensor([1.5, 1.5, 1.05, 9.0]).exp(), torch.ones(4)
    strength = torch.tensor([2.0, 9.0, 3.0, -5.0]).exp()[:, None]
    # The best pair leaves over 1 a frame, so that the strength is the whole.
    match = Match(torch.ones(4, 1), strength, 5.0)
    found, late = some.without(mtt_s, delay_s, match)
    torch.testing.assert_close(found.log(), torch.tensor([1.4, 1.3, 1.0, 3.0]))
    torch.testing.assert_close(late, torch.tensor([0.0, -1.0, -1.0, 1.0]))
