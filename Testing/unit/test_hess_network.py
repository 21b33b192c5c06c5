"""The network of Hess 2018: the ways in which it is computed against the layers of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.hess_neighbours import neighbours_in_slice
from SyntheticPerfusionLib.methods.hess_settings import HessArchitecture, HessPreprocessing
from SyntheticPerfusionLib.methods.networks.hess import HessNetwork
from torch.nn import functional

from unit.small_hess import TINY, hess_network


def bolus_of(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    frames = network.architecture.frames
    return {
        "patch": {"patch": torch.randn(frames, *network.architecture.patch, generator=generator)},
        "attention": {
            "curves": torch.randn(9, frames, generator=generator),
            "features": torch.randn(9, 6, generator=generator),
        },
        "none": {},
    }[network.architecture.code]


def plain_encoding(network, sequences, times, bolus):
    """The sequence encoder as the paper draws it: concatenated input, activation, pooling."""
    rows = [times.expand(len(sequences), 1, -1)]
    if network.code is not None:
        rows.append(network.code(bolus).expand(len(sequences), -1, -1))
    hidden = torch.cat([sequences[:, None], *rows], dim=1)
    for layer, pool in zip(
        (network.first, network.second), network.architecture.pools, strict=True
    ):
        hidden = functional.max_pool1d(functional.selu(layer(hidden)), pool)
    return functional.selu(network.third(hidden))[..., 0]


@pytest.mark.parametrize("code", ["patch", "attention", "none"])
def test_what_voxels_share_computed_once_is_the_concatenated_input(code):
    network = hess_network(code=code)
    sequences, times = torch.randn(11, 80), torch.linspace(-1, 1, 80)
    bolus = bolus_of(network)
    encoded = network.encode(sequences, network.shared(times, bolus))
    assert encoded.shape == (11, TINY["encoding"])
    torch.testing.assert_close(
        encoded, plain_encoding(network, sequences, times, bolus), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"frames": 48, "kernels": [5, 3], "pools": [2, 4]},
        {"frames": 42, "kernels": [1, 7], "pools": [6, 7]},
        {"frames": 20, "kernels": [11, 1], "pools": [4, 1]},
    ],
    ids=["the default", "blocks of 4", "of 1", "kernels longer than blocks"],
)
def test_the_first_layer_as_a_product_has_the_values_and_gradients_of_the_convolution(changes):
    network = hess_network(**changes).requires_grad_()
    frames = network.architecture.frames
    sequences, times = torch.randn(5, frames), torch.linspace(-1, 1, frames)
    bolus = bolus_of(network)
    direction = torch.randn(5, TINY["encoding"])
    found = {}
    for name, encoded in (
        ("product", network.encode(sequences, network.shared(times, bolus))),
        ("convolution", plain_encoding(network, sequences, times, bolus)),
    ):
        network.zero_grad()
        (encoded * direction).sum().backward()
        found[name] = [encoded.detach()] + [
            parameter.grad
            for layer in (network.code, network.first, network.second, network.third)
            for parameter in layer.parameters()
        ]
    for product, convolution in zip(*found.values(), strict=True):
        torch.testing.assert_close(product, convolution, atol=1e-5, rtol=1e-4)


def test_without_gradients_the_same_comes_out():
    """Pooling and the sum over neighbours have one way with a gradient and a faster one without."""
    network = hess_network()
    mask = np.random.default_rng(0).random((1, 5, 6)) < 0.7
    table = torch.from_numpy(neighbours_in_slice(mask, 3))
    sequences, times = torch.randn(len(table), 80), torch.linspace(-1, 1, 80)
    bolus = bolus_of(network)

    def output(at_once=None):
        encoded = network.encode(sequences, network.shared(times, bolus), at_once)
        return network.regress(network.taps(encoded), table)

    learning = output()
    for precise in (True, False):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            tolerance = 1e-5 if precise else 0.05
            torch.testing.assert_close(output(), learning, atol=tolerance, rtol=0)
            torch.testing.assert_close(output(4), learning, atol=tolerance, rtol=0)


@pytest.mark.parametrize("kernel", [1, 3])
def test_correlation_over_neighbours_is_a_2d_convolution_with_zeros_outside_the_brain(kernel):
    network = hess_network(spatial_kernel=kernel)
    mask = np.random.default_rng(0).random((2, 7, 6)) < 0.6
    encodings = torch.randn(int(mask.sum()), TINY["encoding"])
    volume = torch.zeros(2, TINY["encoding"], 7, 6)
    volume.permute(0, 2, 3, 1)[torch.from_numpy(mask)] = encodings
    hidden = functional.selu(network.spatial(volume)).permute(0, 2, 3, 1)
    expected = network.regression(functional.selu(network.dense(hidden)))
    table = torch.from_numpy(neighbours_in_slice(mask, kernel))
    output = network.regress(network.taps(encodings), table)
    torch.testing.assert_close(output, expected[torch.from_numpy(mask)], atol=1e-5, rtol=1e-4)


def test_before_the_spatial_step_a_voxel_hangs_on_itself_alone():
    network = hess_network()
    shared = network.shared(torch.linspace(-1, 1, 80), bolus_of(network))
    sequences = torch.randn(6, 80)
    changed = sequences.clone()
    changed[2] += 1
    before, after = network.encode(sequences, shared), network.encode(changed, shared)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(before[others], after[others])
    assert not torch.allclose(before[2], after[2])


def test_without_spatial_correlation_it_does_so_to_the_end():
    mask = np.ones((1, 3, 4), bool)
    for kernel, reached in ((1, 1), (3, 9)):
        network = hess_network(spatial_kernel=kernel)
        table = torch.from_numpy(neighbours_in_slice(mask, kernel))
        encodings = torch.randn(12, TINY["encoding"])
        changed = encodings.clone()
        changed[5] += 1
        before = network.regress(network.taps(encodings), table)
        after = network.regress(network.taps(changed), table)
        moved = ((before - after).abs() > 1e-6).any(dim=1)
        assert int(moved.sum()) == reached
        assert bool(moved[5])


def test_each_frame_of_the_patch_is_encoded_by_itself():
    network = hess_network()
    bolus = bolus_of(network)
    changed = {"patch": bolus["patch"].clone()}
    changed["patch"][30] += 1
    before, after = network.code(bolus), network.code(changed)
    assert before.shape == (TINY["code_channels"], 80)
    same = torch.arange(80) != 30
    torch.testing.assert_close(before[:, same], after[:, same])
    assert not torch.allclose(before[:, 30], after[:, 30])


def test_attention_adds_up_to_1_and_does_not_hang_on_the_order_of_candidates():
    network = hess_network(code="attention")
    bolus = bolus_of(network)
    weights = network.code.weights(bolus["features"])
    assert weights.shape == (TINY["heads"], 9)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(TINY["heads"]))
    mixed = torch.randperm(9)
    shuffled = {name: values[mixed] for name, values in bolus.items()}
    torch.testing.assert_close(network.code(bolus), network.code(shuffled))


def test_two_outputs_or_one():
    table = torch.zeros(3, 9, dtype=torch.int64)
    for uncertainty, outputs in ((True, 2), (False, 1)):
        network = hess_network(uncertainty=uncertainty)
        taps = network.taps(torch.randn(3, TINY["encoding"]))
        assert network.regress(taps, table).shape == (3, outputs)


def test_weights_begin_by_xavier_and_offsets_at_0():
    torch.manual_seed(0)
    network = HessNetwork(HessArchitecture())
    assert not network.second.bias.any()
    taps = network.second.weight.shape[2]
    limit = (6 / (32 * taps + 64 * taps)) ** 0.5
    assert 0.98 * limit < float(network.second.weight.detach().abs().max()) <= limit


def test_dropout_after_convolutions_and_after_the_dense_layer_are_two_settings():
    table = torch.arange(40)[:, None]
    for name in ("dropout_convolutional", "dropout_dense"):
        network = hess_network(spatial_kernel=1, **{name: 0.5}).train()
        shared = network.shared(torch.linspace(-1, 1, 80), bolus_of(network))
        sequences = torch.randn(40, 80)
        first, second = network.encode(sequences, shared), network.encode(sequences, shared)
        assert torch.equal(first, second) == (name == "dropout_dense")
        taps = network.taps(first)
        assert not torch.equal(network.regress(taps, table), network.regress(taps, table))


def test_one_million_multiplications_a_voxel_mostly_in_large_products():
    chosen = HessArchitecture()
    network = HessNetwork(chosen)
    first, second = network.first, network.second
    products = {
        "first": 80 * first.weight[:, :1].numel(),
        "second": 80 // chosen.pools[0] * second.weight.numel(),
        "third": network.third.weight.numel(),
        "spatial": network.spatial.weight.numel(),
        "dense": network.dense.weight.numel() + network.regression.weight.numel(),
    }
    assert network.operations == 2 * sum(products.values())
    assert 0.8e6 < network.operations < 1.6e6
    zeros_too = network._in_blocks(torch.zeros(1, 80)).shape
    shared = network.shared(torch.linspace(-1, 1, 80), bolus_of(network)).shape
    assert products["first"] < zeros_too.numel() * shared[1] < 4 * products["first"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "oracle"}, "architecture.code is 'oracle'"),
        ({"pools": [3, 4]}, "do not divide"),
        ({"kernels": [8, 5]}, "give an odd length"),
        ({"dropout_dense": 1.0}, "architecture.dropout_dense is 1"),
        ({"widht": 3}, "has the key widht"),
        ({"encoding": "wide"}, "architecture.encoding is 'wide'"),
        ({"channels": [4]}, "expected 2 numbers"),
    ],
)
def test_an_architecture_that_is_none_is_named(wrong, said):
    with pytest.raises(InputError, match=said):
        HessArchitecture.from_json(wrong)


def test_settings_go_through_plain_values_and_back():
    architecture = HessArchitecture.from_json(TINY)
    assert HessArchitecture.from_json(architecture.as_json()) == architecture
    preprocessing = HessPreprocessing(standardisation="series", patch_centre_mm=(1.0, 2.0, 3.0))
    again = {**preprocessing.as_json(), "target": {"quantity": "Tmax"}}
    assert HessPreprocessing.from_json(again) == preprocessing


def test_in_bfloat16_the_map_itself_is_not_rounded():
    network = hess_network()
    table = torch.from_numpy(neighbours_in_slice(np.ones((1, 20, 20), bool), 3))
    encodings = torch.randn(400, TINY["encoding"])
    exact = network.regress(network.taps(encodings), table)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network.regress(network.taps(encodings), table)
    assert output.dtype == torch.float32
    assert len(output[:, 0].unique()) > 390
    assert float((output - exact).abs().max()) < 0.05
