"""PHAE's encoder: figure 2 of Fayolle 2025, the bounds of the MTT, folding, any length."""

import math

import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.networks.phae import (
    PhaeArchitecture,
    PhaeEncoder,
    bounded_mtt_s,
    folded,
)
from torch import nn

PAPER = PhaeArchitecture()


def lived_in(architecture: PhaeArchitecture = PAPER, seed: int = 0) -> PhaeEncoder:
    """An encoder whose statistics and scales are not those it was made with."""
    torch.manual_seed(seed)
    encoder = architecture.encoder()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.2, 2.0)
    return encoder.eval()


def test_layers_are_those_of_figure_2():
    encoder = PAPER.encoder()
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv1d)]
    assert [(c.in_channels, c.out_channels) for c in convolutions] == [
        (2, 32),
        (32, 64),
        (64, 128),
        (128, 256),
    ]
    assert {(c.kernel_size, c.stride, c.padding) for c in convolutions} == {((3,), (1,), (1,))}
    norms = [m.num_features for m in encoder.modules() if isinstance(m, nn.BatchNorm1d)]
    assert norms == [32, 64, 128, 256]
    linear = [m for m in encoder.modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == [(256, 1)]


def test_parameter_count_is_that_of_the_figure():
    by_hand = (
        sum(
            3 * before * after + after + 2 * after
            for before, after in [(2, 32), (32, 64), (64, 128), (128, 256)]
        )
        + 256
        + 1
    )
    assert by_hand == 130_913
    assert sum(p.numel() for p in PAPER.encoder().parameters()) == by_hand


def test_output_is_the_figure_step_by_step():
    encoder = lived_in()
    curves = torch.randn(3, 2, 31)
    values = curves
    for block in encoder.blocks:
        values = block.norm(block.convolution(values))
        values = torch.where(values > 0, values, 0.02 * values)
    log_frames = encoder.to_mtt(values.mean(dim=2))[:, 0]
    expected = bounded_mtt_s(log_frames, 1.5, (0.5, 30.0))
    torch.testing.assert_close(encoder(curves, 1.5), expected)


def test_mtt_stays_within_its_bounds_and_rises_throughout():
    log_frames = torch.linspace(-60, 60, 4001, dtype=torch.float64)
    mtt = bounded_mtt_s(log_frames, 1.5, (0.5, 30.0))
    assert mtt.min() >= 0.5
    assert mtt.max() <= 30.0
    assert torch.all(mtt[log_frames.abs() < 5].diff() > 0)
    assert float(mtt[0]) == pytest.approx(0.5)
    assert float(mtt[-1]) == pytest.approx(30.0)


def test_amid_the_bounds_mtt_is_frames_times_the_step():
    for frames, step in ((2.0, 1.5), (4.0, 1.5), (2.0, 3.0), (9.0, 1.0)):
        found = bounded_mtt_s(torch.tensor([math.log(frames)]), step, (0.5, 30.0))
        assert float(found) == pytest.approx(frames * step, rel=0.01)


def test_the_bounds_hold_whatever_comes_in():
    encoder = lived_in()
    for scale in (0.0, 1.0, 1e3, 1e6):
        mtt = encoder(scale * torch.randn(8, 2, 40), torch.full((8,), 1.5))
        assert torch.all((mtt >= 0.5) & (mtt <= 30.0))


def test_folding_gives_the_same_output():
    encoder = lived_in()
    curves = torch.randn(16, 2, 60)
    lean = folded(encoder)
    assert not any(isinstance(m, nn.BatchNorm1d) for m in lean.modules())
    torch.testing.assert_close(lean(curves, 1.5), encoder(curves, 1.5), rtol=1e-4, atol=1e-5)
    assert any(isinstance(m, nn.BatchNorm1d) for m in encoder.modules())


@pytest.mark.parametrize("training", [False, True])
def test_curves_of_two_lengths_give_what_each_gives_alone(training):
    encoder = lived_in(PhaeArchitecture(features=(4, 6)))
    long, short = torch.randn(5, 2, 40), torch.randn(3, 2, 25)
    together = torch.zeros(8, 2, 40)
    together[:5], together[5:, :, :25] = long, short
    measured = torch.ones(8, 40, dtype=torch.bool)
    measured[5:, 25:] = False
    step = torch.tensor([1.5] * 5 + [2.0] * 3)
    if not training:
        expected = torch.cat([encoder(long, 1.5), encoder(short, 2.0)])
        torch.testing.assert_close(encoder(together, step, measured), expected)
        return
    # Statistics are those of the frames there are: of one long row that holds no others.
    encoder.train()
    encoder(together, step, measured)
    raw = encoder.blocks[0].convolution(together).transpose(1, 2)[measured]
    momentum = encoder.blocks[0].norm.momentum
    fresh = lived_in(PhaeArchitecture(features=(4, 6))).blocks[0].norm
    expected = (1 - momentum) * fresh.running_mean + momentum * raw.mean(dim=0)
    torch.testing.assert_close(encoder.blocks[0].norm.running_mean, expected)


def test_all_frames_measured_is_as_good_as_not_saying_so():
    encoder = lived_in(PhaeArchitecture(features=(4, 6))).train()
    other = lived_in(PhaeArchitecture(features=(4, 6))).train()
    curves = torch.randn(9, 2, 30)
    with_mask = encoder(curves, 1.5, torch.ones(9, 30, dtype=torch.bool))
    torch.testing.assert_close(with_mask, other(curves, 1.5))


def test_bfloat16_keeps_the_average_over_time_in_float32():
    lean, exact = folded(lived_in(), torch.bfloat16), folded(lived_in())
    assert lean.to_mtt.weight.dtype == torch.float32
    curves = torch.rand(64, 2, 60)
    mtt = lean(curves, 1.5)
    assert mtt.dtype == torch.float32
    assert (mtt / exact(curves, 1.5) - 1).abs().median() < 0.01


def test_architecture_is_read_back():
    chosen = PhaeArchitecture((8, 16), (1.0, 20.0), "gamma")
    assert PhaeArchitecture.from_json(chosen.as_json()) == chosen
    assert PhaeArchitecture.from_json({}) == PAPER


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"widths": [1]}, "widths"),
        ({"features": []}, "features"),
        ({"features": [8, 0.5]}, "features"),
        ({"mtt_range_s": [3, 1]}, "mtt_range_s"),
        ({"mtt_range_s": "wide"}, "mtt_range_s"),
        ({"residue": "box"}, "residue"),
    ],
)
def test_a_wrong_architecture_is_named(given, key):
    with pytest.raises(InputError, match=key):
        PhaeArchitecture.from_json(given)
