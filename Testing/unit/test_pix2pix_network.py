"""The networks of Kossen 2022: time by products, voxels by themselves, pairs judged by a sum."""

from __future__ import annotations

import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.networks.over_time import over_time
from SyntheticPerfusionLib.methods.networks.pix2pix import Pix2PixGenerator, TemporalPath
from SyntheticPerfusionLib.methods.networks.pix2pix_discriminator import PatchDiscriminator
from SyntheticPerfusionLib.methods.pix2pix_settings import Pix2PixArchitecture
from torch.nn import functional

from unit.small_pix2pix import TINY, pix2pix_network


def source_and_brain(seed=0, slices=2, matrix=64):
    torch.manual_seed(seed)
    row, column = torch.meshgrid(*2 * [torch.arange(matrix) - matrix / 2], indexing="ij")
    brain = ((row / 20) ** 2 + (column / 16) ** 2 < 1).expand(slices, -1, -1).clone()
    return torch.rand(slices, 80, matrix, matrix) * 2 - 1, brain


@pytest.mark.parametrize(("points", "voxels"), [(80, 11), (5, 11), (3, 11), (2, 11), (80, 0)])
def test_the_products_are_torchs_own_convolution_with_its_gradients(points, voxels):
    torch.manual_seed(0)
    hidden = torch.randn(points, 3, voxels, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 3, 4, dtype=torch.float64, requires_grad=True)
    found = over_time(hidden, weight)
    wanted = functional.conv1d(hidden.permute(2, 1, 0), weight, stride=2, padding=1)
    torch.testing.assert_close(found, wanted.permute(2, 1, 0))
    outer = torch.randn_like(found)
    gradients = torch.autograd.grad((found * outer).sum(), (hidden, weight))
    own = torch.autograd.grad((wanted.permute(2, 1, 0) * outer).sum(), (hidden, weight))
    for gradient, known in zip(gradients, own, strict=True):
        torch.testing.assert_close(gradient, known, rtol=1e-5, atol=1e-5)


def test_the_temporal_path_is_the_papers_six_convolutions_in_three_dimensions():
    """Conv3d of kernel (4, 1, 1), stride (2, 1, 1), padding (1, 0, 0), as the authors write it."""
    torch.manual_seed(0)
    path = TemporalPath((2, 4, 4, 6, 6, 6))
    volume = torch.randn(2, 80, 5, 7)
    hidden = volume[:, None]
    lengths = []
    for layer in path.layers:
        hidden = functional.conv3d(
            hidden, layer.convolution.weight[..., None, None], None, (2, 1, 1), (1, 0, 0)
        )
        hidden = functional.batch_norm(hidden, None, None, training=True)
        hidden = functional.leaky_relu(hidden, 0.2)
        lengths.append(hidden.shape[2])
    assert lengths == [40, 20, 10, 5, 2, 1]
    found = path(volume.transpose(0, 1).flatten(1))
    wanted = hidden[:, :, 0].transpose(0, 1).flatten(1)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


def test_folded_for_use_the_temporal_path_says_the_same():
    network = pix2pix_network().requires_grad_(True)
    sequences = torch.randn(80, 50)
    plain = network.temporal(sequences)
    with torch.no_grad():
        folded = network.temporal(sequences)
    assert plain.grad_fn is not None
    torch.testing.assert_close(folded, plain.detach(), rtol=1e-4, atol=1e-5)


def test_what_lies_outside_the_brain_does_not_reach_temp_pix2pix():
    network = pix2pix_network()
    source, brain = source_and_brain()
    other = torch.where(brain[:, None], source, torch.rand_like(source))
    torch.testing.assert_close(network(other, brain), network(source, brain))
    inside = source.clone()
    inside[:, :, 32, 32] += 0.5
    assert not torch.allclose(network(inside, brain), network(source, brain))


@pytest.mark.parametrize("generator", ["pix2pix", "temp-pix2pix"])
def test_a_map_is_as_large_as_its_slice_and_within_its_bounds(generator):
    network = pix2pix_network(generator=generator)
    made = network(*source_and_brain())
    assert made.shape == (2, 1, 64, 64)
    assert made.dtype == torch.float32
    assert float(made.abs().max()) <= 1
    assert float(made.std()) > 0.01


def test_the_u_net_halves_and_doubles_the_plane_six_times():
    network = pix2pix_network(generator="pix2pix", matrix=128)
    sizes = []
    for layer in (*network.unet.down, *network.unet.up):
        layer.register_forward_hook(lambda _module, _given, out: sizes.append(out.shape[-1]))
    network(*source_and_brain(matrix=128))
    assert sizes == [64, 32, 16, 8, 4, 2, 4, 8, 16, 32, 64]


def test_layers_begin_as_those_of_pix2pix():
    torch.manual_seed(0)
    network = Pix2PixGenerator(Pix2PixArchitecture())
    weight = network.unet.down[3].convolution.weight
    assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    assert float(network.unet.down[2].norm.weight.detach().mean()) == pytest.approx(1, abs=0.01)
    # Widths of the temporal path do not change those of the U-Net.
    assert network.unet.down[0].convolution.in_channels == 64


def test_the_discriminator_judges_the_pair_in_patches():
    torch.manual_seed(0)
    judge = PatchDiscriminator(80, 4)
    source, _ = source_and_brain(matrix=128)
    maps = torch.rand(2, 1, 128, 128)
    found = judge(judge.of_source(source), maps)
    assert found.shape == (2, 1, 8, 8)
    weight = judge.first.weight.detach()
    assert float(weight[:, -1].std() / weight[:, :-1].std()) == pytest.approx(80**0.5, rel=0.3)
    hidden = judge.first(torch.cat([source, maps], dim=1))
    hidden = functional.leaky_relu(judge.norms[0](hidden), 0.2)
    for convolution, norm in zip(judge.convolutions, judge.norms[1:], strict=True):
        hidden = functional.leaky_relu(norm(convolution(hidden)), 0.2)
    torch.testing.assert_close(found, judge.judge(hidden), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"matrix": 100}, "a multiple of 64"),
        ({"points": 60}, "leave one point of 64 to 127"),
        ({"generator": "gan"}, "pix2pix, temp-pix2pix"),
        ({"width": 0}, "1 or more"),
        ({"multipliers": [1, 2]}, "expected 6 numbers"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(changes, said):
    with pytest.raises(InputError, match=said):
        Pix2PixArchitecture.from_json({**TINY, **changes})


def test_pix2pix_takes_any_number_of_points():
    assert Pix2PixArchitecture.from_json({**TINY, "generator": "pix2pix", "points": 60})
