"""What noise hides in one voxel, its neighbours in the slice may tell: likelihoods added up.

Transit time and delay change over centimetres, volume from one voxel to the next. So the misfits of
a pair (MTT, delay) in a voxel and around it are added, each in units of its own noise and with a
volume of its own, where a voxel says little by itself: with S the ratio of its curve to its noise
(both squared and summed over frames),

    z(v) + w(v) sum_n k(v, n) min(1, S_most / S(n)) z(n),   w = S_half / (S_half + S(v))

over the 24 nearest n with the Gaussian k of their distance. What a voxel knows well it keeps: grey
matter at a signal to noise of 50 has an S of about 1700, at 10 of 70. S_most keeps an artery from
speaking for all around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .hess_neighbours import neighbours_in_slice
from .transit_match import Match

_ACROSS = 5
"""Voxels along a side of the neighbourhood."""


@dataclass(frozen=True)
class Neighbourhood:
    """sigma_mm of k, 0 for every voxel by itself; `half` and `most` as S_half and S_most."""

    sigma_mm: float = 3.0
    half: float = 600.0
    most: float = 600.0


def shared(
    match: Match, inside: np.ndarray, spacing_mm: tuple[float, ...], by: Neighbourhood
) -> Match:
    """The match of voxels V of one slice with what their neighbours add.

    inside      (J, I) bool with V voxels, in the order of `match`.
    spacing_mm  (i, j, ...) of voxels.
    """
    if by.sigma_mm <= 0 or len(match.left) < 2:
        return match
    device = match.left.device
    near = torch.from_numpy(neighbours_in_slice(inside[None], _ACROSS)).to(device)
    noise = match.noise()
    strength = (match.whole / noise)[:, 0]
    weights = _distances(spacing_mm, by.sigma_mm).to(device).expand(near.shape).clone()
    own = weights.shape[1] // 2
    count = len(strength)
    voice = torch.cat([(by.most / strength).clamp(max=1.0), strength.new_zeros(1)])
    weights *= voice[near] * (by.half / (by.half + strength))[:, None]
    weights[:, own] = 1.0

    def added(values: torch.Tensor) -> torch.Tensor:
        table = torch.cat([values / noise, values.new_zeros(1, values.shape[1])])
        return torch.nn.functional.embedding_bag(
            near, table, per_sample_weights=weights, mode="sum", padding_idx=count
        )

    there = (near < count).float() * weights
    return Match(
        noise * added(match.left),
        noise * added(match.whole),
        match.count * there.sum(1, keepdim=True),
    )


def _distances(spacing_mm: tuple[float, ...], sigma_mm: float) -> torch.Tensor:
    steps = torch.arange(_ACROSS) - _ACROSS // 2
    rows, columns = torch.meshgrid(steps * spacing_mm[1], steps * spacing_mm[0], indexing="ij")
    return torch.exp(-(rows**2 + columns**2) / (2 * sigma_mm**2)).flatten().float()
