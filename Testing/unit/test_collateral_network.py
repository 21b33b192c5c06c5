"""3D-MDRNN and 3D-DRNN layer by layer, as Le 2021 (section 2.4) has them."""

from __future__ import annotations

import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.collateral_settings import CollateralArchitecture
from SyntheticPerfusionLib.methods.networks.collateral import CollateralNetwork, at_voxels
from torch import nn

from unit.small_collateral import TINY, collateral_network


@pytest.fixture(scope="module")
def papers():
    return CollateralNetwork(CollateralArchitecture())


def kernels(layers):
    return [
        (one.kernel_size, one.in_channels, one.out_channels)
        for one in layers.modules()
        if isinstance(one, nn.Conv3d)
    ]


def test_the_first_convolution_has_8_kernels_of_3x3x3(papers):
    assert kernels(papers.first) == [((3, 3, 3), 60, 8)]


def test_dense_blocks_of_6_12_24_48_pairs_of_3x1x1_and_3x3x3(papers):
    assert [len(block.layers) for block in papers.blocks] == [6, 12, 24, 48]
    before = [8, 32, 64, 128]
    for block, width in zip(papers.blocks, before, strict=True):
        for n, layer in enumerate(block.layers):
            assert kernels(layer) == [((3, 1, 1), width + 4 * n, 16), ((3, 3, 3), 16, 4)]


def test_transitions_lead_to_32_64_128_256_maps(papers):
    found = [kernels(transition) for transition in papers.transitions]
    grown = [8 + 6 * 4, 32 + 12 * 4, 64 + 24 * 4, 128 + 48 * 4]
    after = [32, 64, 128, 256]
    assert found == [[((1, 1, 1), a, b)] for a, b in zip(grown, after, strict=True)]


def test_four_times_a_3x2x2_deconvolution_and_a_residual_layer(papers):
    assert len(papers.ups) == len(papers.residuals) == 4
    for up in papers.ups:
        assert up.kernel_size == (3, 2, 2)
        assert up.stride == (1, 2, 2)
    for residual in papers.residuals:
        assert [size for size, _, _ in kernels(residual.path)] == [(3, 1, 1), (3, 3, 3), (3, 1, 1)]


def test_skips_join_what_the_encoder_had_at_the_same_size(papers):
    joined = [kernels(residual.path)[0][1] for residual in papers.residuals]
    assert joined == [128 + 128, 64 + 64, 32 + 32, 16 + 8]


def test_two_heads_of_1x1x1_for_five_phases_and_five_classes_each(papers):
    assert kernels(papers.regression) == [((1, 1, 1), 16, 5)]
    assert kernels(papers.ordinal) == [((1, 1, 1), 16, 25)]


def test_drnn_is_the_same_but_for_the_ordinal_head(papers):
    single = CollateralNetwork(CollateralArchitecture(ordinal=False))
    missing = papers.state_dict().keys() - single.state_dict().keys()
    assert missing == {"ordinal.weight", "ordinal.bias"}
    assert single.state_dict().keys() <= papers.state_dict().keys()


@pytest.mark.parametrize("slices", [1, 2, 5])
def test_any_number_of_slices_comes_back_at_full_size(slices):
    network = collateral_network()
    sizes = []
    network.blocks[-1].register_forward_hook(lambda *found: sizes.append(found[2].shape[2:]))
    features = network.features(torch.rand(2, 40, slices, 32, 48))
    assert features.shape == (2, 4, slices, 32, 48)
    assert sizes == [(slices, 2, 3)]


def test_heads_read_voxels_as_1x1x1_convolutions_do():
    network = collateral_network()
    features = torch.randn(2, 4, 2, 3, 5)
    chosen = torch.tensor([0, 7, 29, 30, 59])
    seen = at_voxels(features, chosen)
    whole = torch.tanh(network.regression(features))
    torch.testing.assert_close(network.maps(seen), at_voxels(whole, chosen))
    logits = at_voxels(network.ordinal(features), chosen)
    torch.testing.assert_close(network.logits(seen), logits.reshape(5, 5, 5))


def test_untrained_heads_say_one_value_everywhere():
    network = CollateralNetwork(CollateralArchitecture.from_json(TINY))
    with torch.no_grad():
        features = network.features(torch.rand(1, 40, 2, 16, 16))
        assert not network.maps(at_voxels(features, torch.arange(512))).any()
    assert features.std() > 0.1


def test_every_layer_learns():
    network = collateral_network().requires_grad_(True)
    seen = at_voxels(network.features(torch.rand(1, 40, 2, 16, 16)), torch.arange(512))
    (network.maps(seen).square().mean() + network.logits(seen).square().mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"growth": 6}, "a layer of the architecture has 6 maps"),
        ({"decoder": [128, 64, 32, 28]}, "a layer of the architecture has 14 maps"),
        ({"classes": 1}, "classes is 1; give 2 or more"),
        ({"blocks": [6, 0, 24, 48]}, "give 1 or more"),
        ({"blocks": [6, 12, 24]}, r"architecture\.blocks is \[6, 12, 24\]; expected 4"),
        ({"widht": 1}, "architecture has the key widht"),
        ({"ordinal": 1}, "architecture.ordinal is 1"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused(changes, said):
    with pytest.raises(InputError, match=f"(?i){said}"):
        CollateralArchitecture.from_json(changes)


def test_an_architecture_comes_back_from_its_plain_values():
    chosen = CollateralArchitecture.from_json({**TINY, "ordinal": False})
    assert CollateralArchitecture.from_json(chosen.as_json()) == chosen
