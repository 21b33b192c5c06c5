"""3D-MDRNN and 3D-DRNN: five collateral maps from a series of volumes (Le 2021, figure 1).

The time points are the channels of one volume. An encoder of densely connected blocks halves
height and width, never the depth, so that any number of slices fits; a decoder of deconvolutions
and residual layers brings them back. The regression head gives the maps; the ordinal head, which
3D-DRNN lacks, classes each voxel by intensity and teaches the same features besides.

What the paper leaves open: normalisation stands before each convolution (GroupNorm, ReLU,
convolution), growth and bottleneck are those of its predecessor (To 2020), the decoder is as wide
as the encoder at the same size, and skips are joined as further channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..collateral_settings import CollateralArchitecture

PHASE_COUNT = 5
_POOLING = (1, 2, 2)
_DEEP, _CUBE, _POINT = (3, 1, 1), (3, 3, 3), (1, 1, 1)


class CollateralNetwork(nn.Module):
    """Volumes (N, points, K, J, I) to maps in [-1, 1]; J and I are multiples of `MULTIPLE`."""

    MULTIPLE = 16

    def __init__(self, architecture: CollateralArchitecture) -> None:
        """Weights by He's normal distribution, for ReLU; offsets 0."""
        super().__init__()
        self.architecture = architecture
        groups, width = architecture.group_channels, architecture.first
        self.first = nn.Conv3d(architecture.points, width, _CUBE, padding="same")
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        skipped = [width]
        for layers, after in zip(architecture.blocks, architecture.transitions, strict=True):
            block = DenseBlock(width, layers, architecture.growth, architecture.bottleneck, groups)
            self.blocks.append(block)
            self.transitions.append(Normalised(block.channels, after, _POINT, groups))
            width = after
            skipped.append(width)
        # The last transition is followed by no pooling: the decoder doubles as often as the
        # encoder halves, four times.
        skipped.pop()
        self.ups, self.residuals = nn.ModuleList(), nn.ModuleList()
        for after, beside in zip(architecture.decoder, reversed(skipped), strict=True):
            self.ups.append(Doubling(width, after))
            self.residuals.append(Residual(after + beside, after, groups))
            width = after
        self.regression = nn.Conv3d(width, PHASE_COUNT, _POINT)
        self.ordinal = (
            nn.Conv3d(width, PHASE_COUNT * architecture.classes, _POINT)
            if architecture.ordinal
            else None
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        # Both heads begin with what is the same everywhere, so that no first steps are lost on it.
        for head in (self.regression, self.ordinal):
            if head is not None:
                nn.init.zeros_(head.weight)

    def features(self, volumes: Tensor) -> Tensor:
        """(N, C, K, J, I) of volumes (N, points, K, J, I): what both heads read."""
        hidden = self.first(volumes)
        skips = []
        for block, transition in zip(self.blocks, self.transitions, strict=True):
            skips.append(hidden)
            hidden = transition(block(functional.max_pool3d(hidden, _POOLING)))
        for up, residual in zip(self.ups, self.residuals, strict=True):
            hidden = residual(torch.cat([up(hidden), skips.pop()], dim=1))
        return hidden

    def maps(self, features: Tensor) -> Tensor:
        """(V, 5) float32 in [-1, 1] of the features (V, C) of voxels, phases as in PHASES."""
        return torch.tanh(_of_voxels(self.regression, features))

    def logits(self, features: Tensor) -> Tensor:
        """(V, 5, classes) float32 of the features (V, C) of voxels, for a softmax over classes.

        For networks with an ordinal head only.
        """
        assert self.ordinal is not None
        return _of_voxels(self.ordinal, features).unflatten(1, (PHASE_COUNT, -1))

    def forward(self, volumes: Tensor, voxels: Tensor) -> Tensor:
        """(V, 5) maps at flat places (V,) in (N, K, J, I): all that is wanted of a model."""
        return self.maps(at_voxels(self.features(volumes), voxels))


def at_voxels(features: Tensor, voxels: Tensor) -> Tensor:
    """(V, C) of features (N, C, K, J, I) at flat places (V,) in (N, K, J, I).

    Heads see voxels one by one, so they are spared those that nobody asks for.
    """
    return features.movedim(1, 4).flatten(0, 3)[voxels]


def _of_voxels(head: nn.Conv3d, features: Tensor) -> Tensor:
    """A 1x1x1 convolution (V, C') of (V, C), in float32: bfloat16 would round the maps."""
    with torch.autocast(features.device.type, enabled=False):
        return functional.linear(features.float(), head.weight.flatten(1).float(), head.bias)


class Normalised(nn.Sequential):
    """GroupNorm, ReLU, convolution without offset; groups of so many channels."""

    def __init__(
        self, before: int, after: int, kernel: tuple[int, int, int], group_channels: int
    ) -> None:
        super().__init__(
            nn.GroupNorm(before // group_channels, before),
            nn.ReLU(inplace=True),
            nn.Conv3d(before, after, kernel, padding="same", bias=False),
        )


class DenseBlock(nn.Module):
    """Layers of a 3x1x1 and a 3x3x3 convolution; each reads all before it and adds `growth`.

    channels  that come out: those that went in and all that were added.
    """

    def __init__(
        self, before: int, layers: int, growth: int, bottleneck: int, group_channels: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                Normalised(before + n * growth, bottleneck, _DEEP, group_channels),
                Normalised(bottleneck, growth, _CUBE, group_channels),
            )
            for n in range(layers)
        )
        self.channels = before + layers * growth

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, channels, ...) of (N, before, ...)."""
        for layer in self.layers:
            hidden = torch.cat([hidden, layer(hidden)], dim=1)
        return hidden


class Doubling(nn.ConvTranspose3d):
    """The 3x2x2 deconvolution: twice the height and width, the same depth."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(before, after, (3, 2, 2), stride=_POOLING, padding=(1, 0, 0))


class Residual(nn.Module):
    """3x1x1, 3x3x3 and 3x1x1 convolutions beside a shortcut, which is 1x1x1 where widths differ."""

    def __init__(self, before: int, after: int, group_channels: int) -> None:
        super().__init__()
        inner = max(group_channels, after // 2)
        self.path = nn.Sequential(
            Normalised(before, inner, _DEEP, group_channels),
            Normalised(inner, inner, _CUBE, group_channels),
            Normalised(inner, after, _DEEP, group_channels),
        )
        self.shortcut = nn.Conv3d(before, after, _POINT, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """(N, after, ...) of (N, before, ...)."""
        return self.shortcut(hidden) + self.path(hidden)
