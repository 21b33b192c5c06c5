"""The network of Hess et al. 2018: bolus characterisation, sequence encoder, spatial correlation.

Voxels are encoded one by one, those of the brain alone; what lies outside counts as zeros in the
2D convolution. Frame times and bolus code are the same for every voxel of a patient, so their part
of the first convolution is computed once and added: the same sum as of the concatenated input. The
2D convolution is a matrix product of every encoding with all its taps, whose results are then
summed over the neighbours that are there.

After each 1D convolution pooling comes before the activation, which is the same, as SELU rises
monotonically, and cheaper. Sequences lie in memory with their channels last.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..hess_bolus import FEATURES
from ..hess_settings import HessArchitecture


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

    def shared(self, times: Tensor, bolus: Mapping[str, Tensor]) -> Tensor:
        """(C, T): what frame times (T,) and bolus give to the first layer, for all voxels alike."""
        same = times[None]
        if self.code is not None:
            same = torch.cat([same, self.code(bolus).to(times.dtype)])
        return functional.conv1d(
            same[None], self.first.weight[:, 1:], self.first.bias, padding="same"
        )[0]

    def encode(self, sequences: Tensor, shared: Tensor) -> Tensor:
        """(V, encoding) of sequences (V, T) of one patient, each by itself."""
        first_pool, second_pool = self.architecture.pools
        hidden = _over_time(sequences[:, None, None, :], self.first.weight[:, :1])
        # Channels last as `hidden` is: the sum is then over memory in its order.
        hidden = hidden + shared.to(hidden.dtype).T.contiguous().T[:, None, :]
        hidden = self._drop_encoded(functional.selu(_pooled(hidden, first_pool)))
        hidden = _over_time(hidden, self.second.weight, self.second.bias)
        hidden = self._drop_encoded(functional.selu(_pooled(hidden, second_pool)))
        flat = hidden.permute(0, 3, 2, 1).flatten(1)
        weight = self.third.weight.transpose(1, 2).flatten(1)
        encoded = functional.selu(functional.linear(flat, weight, self.third.bias))
        return self._drop_encoded(encoded)

    def taps(self, encodings: Tensor) -> Tensor:
        """(V, taps, C): what each encoding (V, encoding) gives to its neighbours."""
        weight = self.spatial.weight.permute(2, 3, 0, 1).flatten(0, 2)
        return functional.linear(encodings, weight).unflatten(1, (-1, self.architecture.spatial))

    def regress(self, taps: Tensor, neighbours: Tensor) -> Tensor:
        """(V, 2) float32: standardised value and log b of voxels, from what their neighbours give.

        taps        (U, taps, C) of `taps`; neighbours (V, taps) int64 rows of it, U where there is
                    none. One column where the network gives no uncertainty.
        """
        missing = functional.pad(taps, (0, 0, 0, 0, 0, 1))
        assert self.spatial.bias is not None
        hidden = self.spatial.bias.to(taps.dtype)
        for tap in range(neighbours.shape[1]):
            hidden = hidden + missing[:, tap].index_select(0, neighbours[:, tap])
        hidden = self._drop_encoded(functional.selu(hidden))
        # bfloat16 would round the map itself, a TTP by a quarter of a second.
        with torch.autocast(taps.device.type, enabled=False):
            hidden = functional.selu(self.dense(hidden.to(self.dense.weight.dtype)))
            return self.regression(self._drop_dense(hidden))


def _over_time(hidden: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """1D convolution of (V, C, 1, T) with weights (C', C, length), channels last in memory."""
    last = torch.channels_last
    return functional.conv2d(
        hidden.contiguous(memory_format=last),
        weight[:, :, None].contiguous(memory_format=last),
        bias,
        padding=(0, weight.shape[2] // 2),
    )


def _pooled(hidden: Tensor, length: int) -> Tensor:
    return functional.max_pool2d(hidden, (1, length))
