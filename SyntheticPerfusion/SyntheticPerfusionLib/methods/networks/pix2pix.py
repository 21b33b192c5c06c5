"""The generators of Kossen et al. 2022: pix2pix and temp-pix2pix.

pix2pix reads a slice with its time points as channels and knows no order among them. temp-pix2pix
first runs six convolutions over time, which make one point of eighty, and hands what is left to the
same U-Net. That temporal path works on every voxel by itself: it is computed for the voxels of the
brain alone, as products of matrices, and all others enter the U-Net as zeros.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..pix2pix_settings import Pix2PixArchitecture
from .over_time import KERNEL, over_time

_SLOPE = 0.2
_SPREAD = 0.02


class TemporalLayer(nn.Module):
    """Convolution of length 4 with a stride of 2 over time, batch normalisation, LeakyReLU 0.2."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, KERNEL, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """(T // 2, outputs, V) of (T, inputs, V)."""
        raw = over_time(hidden, self.convolution.weight)
        return functional.leaky_relu(self.norm(raw), _SLOPE, inplace=True)

    def folded(self, hidden: Tensor) -> Tensor:
        """`forward` in evaluation mode, the normalisation folded into the product."""
        norm = self.norm
        assert norm.running_var is not None
        assert norm.running_mean is not None
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        raw = over_time(hidden, self.convolution.weight * factor[:, None, None])
        offset = (norm.bias - norm.running_mean * factor).to(raw.dtype)
        return functional.leaky_relu_(raw.add_(offset[:, None]), _SLOPE)


class TemporalPath(nn.Module):
    """Six temporal layers, which leave one point of the sequence."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TemporalLayer(*pair) for pair in pairwise((1, *widths)))

    def forward(self, sequences: Tensor) -> Tensor:
        """(channels, V) of sequences (points, V), each voxel by itself."""
        hidden = sequences[:, None]
        for layer in self.layers:
            assert isinstance(layer, TemporalLayer)
            alone = not (self.training or torch.is_grad_enabled())
            hidden = layer.folded(hidden) if alone else layer(hidden)
        return hidden[0]


class Down(nn.Module):
    """Halves the plane: LeakyReLU (but at the top), convolution, batch normalisation (inside)."""

    def __init__(self, inputs: int, outputs: int, first: bool, last: bool) -> None:
        super().__init__()
        self._first = first
        plain = first or last
        self.convolution = nn.Conv2d(inputs, outputs, KERNEL, stride=2, padding=1, bias=plain)
        self.norm = nn.Identity() if plain else nn.BatchNorm2d(outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, outputs, rows / 2, columns / 2) of (B, inputs, rows, columns)."""
        active = hidden if self._first else functional.leaky_relu(hidden, _SLOPE)
        normed: Tensor = self.norm(self.convolution(active))
        return normed


class Up(nn.Module):
    """Doubles the plane: ReLU, transposed convolution, batch normalisation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(
            inputs, outputs, KERNEL, stride=2, padding=1, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, outputs, 2 rows, 2 columns) of (B, inputs, rows, columns)."""
        normed: Tensor = self.norm(self.convolution(functional.relu(hidden)))
        return normed


class UNet(nn.Module):
    """Six layers down, six up, each of these also given what was there on the way down."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        last = len(widths) - 1
        self.down = nn.ModuleList(
            Down(before, after, n == 0, n == last)
            for n, (before, after) in enumerate(pairwise((inputs, *widths)))
        )
        self.up = nn.ModuleList(
            Up(widths[n] if n == last else 2 * widths[n], widths[n - 1]) for n in range(last, 0, -1)
        )
        self.map = nn.ConvTranspose2d(2 * widths[0], 1, KERNEL, stride=2, padding=1)

    def forward(self, source: Tensor) -> Tensor:
        """(B, 1, rows, columns) float32 within [-1, 1] of (B, inputs, rows, columns)."""
        levels = [source]
        for down in self.down:
            levels.append(down(levels[-1]))
        hidden = levels.pop()
        for up in self.up:
            hidden = torch.cat([up(hidden), levels.pop()], dim=1)
        # bfloat16 would round the map itself, a flow of 100 by half a unit.
        with torch.autocast(hidden.device.type, enabled=False):
            weight = self.map.weight
            return torch.tanh(self.map(functional.relu(hidden.to(weight.dtype))))


class Pix2PixGenerator(nn.Module):
    """A slice of the source in, a map within [-1, 1] out."""

    def __init__(self, architecture: Pix2PixArchitecture) -> None:
        """Weights from N(0, 0.02), those of normalisations from N(1, 0.02), as in pix2pix."""
        super().__init__()
        self.architecture = architecture
        temporal = TemporalPath(architecture.temporal_widths) if architecture.is_temporal else None
        self.temporal = temporal
        inputs = architecture.temporal_widths[-1] if self.temporal else architecture.points
        self.unet = UNet(inputs, architecture.widths)
        self.apply(start_as_pix2pix)

    def forward(self, source: Tensor, brain: Tensor) -> Tensor:
        """(B, 1, M, M) float32 of source (B, points, M, M) and brain (B, M, M) bool."""
        if self.temporal is None:
            return self.unet(source)
        features = self.temporal(source.transpose(0, 1)[:, brain])
        planes = features.new_zeros((len(features), *brain.shape))
        planes[:, brain] = features
        return self.unet(planes.transpose(0, 1))


def start_as_pix2pix(module: nn.Module) -> None:
    """Random numbers by which pix2pix starts a layer (Isola 2017, section 6.2)."""
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, _SPREAD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _SPREAD)
        nn.init.zeros_(module.bias)
