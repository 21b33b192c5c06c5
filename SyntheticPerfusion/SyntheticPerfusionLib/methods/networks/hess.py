"""The network of Hess et al. 2018: bolus characterisation, sequence encoder, spatial correlation.

Voxels are encoded one by one, those of the brain alone; what lies outside counts as zeros in the
2D convolution. Frame times and bolus code are the same for every voxel of a patient, so their part
of the first convolution is computed once: the same sum as of the concatenated input. A convolution
of one channel is no work for a machine made for matrix products, so the first one is written as
such (see `shared`). The 2D convolution is a matrix product of every encoding with all its taps,
whose results are then summed over the neighbours that are there.

After each 1D convolution pooling comes before the activation, which is the same, as SELU rises
monotonically, and cheaper. Sequences lie in memory with their channels last.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..hess_bolus import FEATURES
from ..hess_settings import HessArchitecture

_POSITIONS_AT_ONCE = 4
"""Pooled positions that one row of the first product gives, at most: as many numbers come in as a
processor's matrix unit takes at a time (32), hardly any of them zeros."""


class PatchCode(nn.Module):
    """Two 3D convolutions that encode each frame of a patch sequence by itself."""

    def __init__(self, architecture: HessArchitecture) -> None:
        super().__init__()
        depth, rows, columns = architecture.patch
        stride = (1, 2, 2)
        kernel = (min(3, depth), min(3, rows), min(3, columns))
        left = (
            depth - kernel[0] + 1,
            (rows - kernel[1]) // 2 + 1,
            (columns - kernel[2]) // 2 + 1,
        )
        self.first = nn.Conv3d(1, architecture.patch_channels, kernel, stride)
        self.second = nn.Conv3d(architecture.patch_channels, architecture.code_channels, left)

    def forward(self, bolus: Mapping[str, Tensor]) -> Tensor:
        """(channels, T) of bolus["patch"] (T, D, H, W)."""
        hidden = functional.selu(self.first(bolus["patch"][:, None]))
        return functional.selu(self.second(hidden)).flatten(1).T


class AttentionCode(nn.Module):
    """Curves drawn from the candidates by attention, and a convolution over time that encodes them.

    Ours. Each head weighs every candidate by what describes it (hess_bolus.early_strong_voxels).
    """

    _HIDDEN = 16

    def __init__(self, architecture: HessArchitecture) -> None:
        super().__init__()
        self.describe = nn.Linear(FEATURES, self._HIDDEN)
        self.score = nn.Linear(self._HIDDEN, architecture.heads)
        self.encode = nn.Conv1d(architecture.heads, architecture.code_channels, 5, padding="same")

    def weights(self, features: Tensor) -> Tensor:
        """(heads, M) how much each head trusts each candidate; they add up to 1."""
        return self.score(functional.selu(self.describe(features))).T.softmax(dim=1)

    def forward(self, bolus: Mapping[str, Tensor]) -> Tensor:
        """(channels, T) of bolus["curves"] (M, T) and bolus["features"] (M, FEATURES)."""
        curves = self.weights(bolus["features"]) @ bolus["curves"]
        return functional.selu(self.encode(curves[None]))[0]


class HessNetwork(nn.Module):
    """Sequences of a patient's voxels in, standardised value and log b out."""

    def __init__(self, architecture: HessArchitecture) -> None:
        """Weights by Xavier's uniform distribution, offsets 0 (paper, appendix A)."""
        super().__init__()
        self.architecture = architecture
        first, second = architecture.channels
        codes = 0 if architecture.code == "none" else architecture.code_channels
        kinds = {"patch": PatchCode, "attention": AttentionCode}
        kind = kinds.get(architecture.code)
        self.code = None if kind is None else kind(architecture)
        self.first = nn.Conv1d(2 + codes, first, architecture.kernels[0], padding="same")
        self.second = nn.Conv1d(first, second, architecture.kernels[1], padding="same")
        self.third = nn.Conv1d(second, architecture.encoding, architecture.pooled)
        self.spatial = nn.Conv2d(
            architecture.encoding, architecture.spatial, architecture.spatial_kernel, padding="same"
        )
        self.dense = nn.Linear(architecture.spatial, architecture.dense)
        self.regression = nn.Linear(architecture.dense, 2 if architecture.uncertainty else 1)
        self._drop_encoded = nn.Dropout(architecture.dropout_convolutional)
        self._drop_dense = nn.Dropout(architecture.dropout_dense)
        for layer in self.modules():
            if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    @property
    def operations(self) -> int:
        """Multiplications and additions of the layers of the paper for one voxel.

        What one patient's voxels share is left out, and so are the zeros of `shared`'s matrix.
        """
        frames, (first_pool, _) = self.architecture.frames, self.architecture.pools
        return 2 * (
            frames * self.first.weight[:, :1].numel()
            + frames // first_pool * self.second.weight.numel()
            + self.third.weight.numel()
            + self.spatial.weight.numel()
            + self.dense.weight.numel()
            + self.regression.weight.numel()
        )

    def shared(self, times: Tensor, bolus: Mapping[str, Tensor]) -> Tensor:
        """(length + blocks, outputs): the first layer for one patient, as one matrix.

        A sequence falls into blocks of a few pooled positions. A block's outputs follow from
        `length` frames, those that its kernels reach; their rows hold the kernel's weights for the
        sequence. What frame times (T,) and bolus add is the same for all voxels but not for all
        blocks: one row for each. Outputs run by frame within the pooling, position, channel.
        """
        same = times[None]
        if self.code is not None:
            same = torch.cat([same, self.code(bolus).to(times.dtype)])
        added = functional.conv1d(
            same[None], self.first.weight[:, 1:], self.first.bias, padding="same"
        )[0]
        pool, positions = self.architecture.pools[0], self._positions
        frames = torch.arange(pool * positions, device=times.device)
        taps = self.architecture.kernels[0]
        tap = torch.arange(len(frames) + taps - 1, device=times.device)[:, None] - frames
        weight = functional.pad(self.first.weight[:, 0], (0, 1))
        # Where a frame is out of an output's reach stands the 0 behind the taps.
        kernel = weight[:, torch.where((tap >= 0) & (tap < taps), tap, taps)]
        rows = torch.cat([kernel, added.unflatten(1, (-1, len(frames)))], dim=1)
        return rows.unflatten(2, (positions, pool)).permute(1, 3, 2, 0).flatten(1)

    @property
    def _positions(self) -> int:
        """Pooled positions in a block of the first layer; a divisor of all."""
        all_of_them = self.architecture.frames // self.architecture.pools[0]
        return max(n for n in range(1, _POSITIONS_AT_ONCE + 1) if all_of_them % n == 0)

    def encode(self, sequences: Tensor, shared: Tensor, at_once: int | None = None) -> Tensor:
        """(V, encoding) of sequences (V, T) of one patient, each by itself.

        at_once   voxels that are worked on together, so that a cache holds what they become; all
                  of them by default.
        """
        weight = self.third.weight.transpose(1, 2).flatten(1)
        parts = sequences.split(at_once or len(sequences))
        return torch.cat([self._encode(part, shared, weight) for part in parts])

    def _encode(self, sequences: Tensor, shared: Tensor, third: Tensor) -> Tensor:
        """See `encode`; `third` (C', positions * C) are the weights of the third layer."""
        first_pool, second_pool = self.architecture.pools
        channels = self.architecture.channels
        hidden = self._in_blocks(sequences) @ shared
        hidden = _highest(hidden.unflatten(1, (first_pool, -1)))
        hidden = hidden.reshape(len(sequences), -1, channels[0])
        hidden = self._drop_encoded(functional.selu(hidden, inplace=True))
        hidden = _over_time(hidden, self.second.weight, self.second.bias)
        hidden = _highest(hidden.reshape(-1, second_pool, channels[1]))
        hidden = self._drop_encoded(functional.selu(hidden, inplace=True))
        hidden = functional.linear(hidden.reshape(len(sequences), -1), third, self.third.bias)
        return self._drop_encoded(functional.selu(hidden, inplace=True))

    def _in_blocks(self, sequences: Tensor) -> Tensor:
        """(V * blocks, length + blocks): what `shared` is multiplied with.

        The frames of each block of sequences (V, T), and a 1 at its number.
        """
        reach = self.architecture.kernels[0] // 2
        step = self.architecture.pools[0] * self._positions
        frames = functional.pad(sequences, (reach, reach)).unfold(1, step + 2 * reach, step)
        number = torch.eye(frames.shape[1], dtype=frames.dtype, device=frames.device)
        return torch.cat([frames, number.expand(len(frames), -1, -1)], dim=2).flatten(0, 1)

    def taps(self, encodings: Tensor) -> Tensor:
        """(V + 1, taps, C): what each encoding (V, encoding) gives to its neighbours.

        Zeros at the end are what a neighbour gives that is not there.
        """
        weight = self.spatial.weight.permute(2, 3, 0, 1).flatten(0, 2)
        given = functional.linear(functional.pad(encodings, (0, 0, 0, 1)), weight)
        return given.unflatten(1, (-1, self.architecture.spatial))

    def regress(self, taps: Tensor, neighbours: Tensor) -> Tensor:
        """(V, 2) float32: standardised value and log b of voxels, from what their neighbours give.

        taps        (U + 1, taps, C) of `taps`; neighbours (V, taps) int64 rows of it, U where
                    there is none. One column where the network gives no uncertainty.
        """
        assert self.spatial.bias is not None
        hidden = _sum_over_neighbours(taps, neighbours) + self.spatial.bias.to(taps.dtype)
        hidden = self._drop_encoded(functional.selu(hidden))
        # bfloat16 would round the map itself, a TTP by a quarter of a second.
        with torch.autocast(taps.device.type, enabled=False):
            hidden = functional.selu(self.dense(hidden.to(self.dense.weight.dtype)))
            return self.regression(self._drop_dense(hidden))


def _over_time(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(V, T, C') by a 1D convolution of (V, T, C) with weights (C', C, length)."""
    convolved = functional.conv2d(
        hidden.transpose(1, 2)[:, :, None],
        weight[:, :, None].contiguous(memory_format=torch.channels_last),
        bias,
        padding=(0, weight.shape[2] // 2),
    )
    return convolved[:, :, 0].transpose(1, 2)


def _highest(hidden: Tensor) -> Tensor:
    """(N, C) largest of the middle axis of (N, length, C)."""
    if torch.is_grad_enabled():
        # Remembers which it was: its gradient is several times cheaper than that of `maximum`.
        rows = hidden.transpose(1, 2)[:, :, None]
        return functional.max_pool2d(rows, (1, hidden.shape[1]))[:, :, 0, 0]
    if hidden.dtype == torch.float32:
        return hidden.amax(1)
    # amax takes one pass instead of three, but in bfloat16 a slow one.
    return reduce(torch.maximum, hidden.unbind(1))


def _sum_over_neighbours(taps: Tensor, neighbours: Tensor) -> Tensor:
    """(V, C) sum over n of taps[neighbours[:, n], n], of (U, taps, C) and (V, taps)."""
    if torch.is_grad_enabled() or taps.device.type == "mps":
        # embedding_bag has a slow gradient, and is not there on every version of Apple's GPUs.
        chosen = [taps[:, n].index_select(0, rows) for n, rows in enumerate(neighbours.unbind(1))]
        return reduce(torch.add, chosen)
    count = taps.shape[1]
    rows = neighbours * count + torch.arange(count, device=neighbours.device)
    return functional.embedding_bag(rows, taps.flatten(0, 1), mode="sum")
