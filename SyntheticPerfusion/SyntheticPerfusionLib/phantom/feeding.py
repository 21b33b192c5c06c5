"""What a place has of each artery's blood, where borders between territories are not sharp."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .anatomy import Anatomy

SOFT_BORDERS = 0.3
"""About 5 mm either side: what a healthy or long-adapted border shows of arrival times."""


def softened(anatomy: Anatomy, sharpness: float = SOFT_BORDERS) -> torch.Tensor:
    """(12, V) shares of the territories with borders 1/sharpness times as wide, adding up to 1.

    The shares fall off exponentially from their borders: a power of them falls off more slowly.
    """
    wide = anatomy.territories**sharpness
    return wide / wide.sum(0).clamp(min=1e-6)


def fed_by(
    anatomy: Anatomy, territories: Sequence[int], sharpness: float = SOFT_BORDERS
) -> torch.Tensor:
    """(V,) share of the tissue's blood that comes through some of the territories' arteries."""
    return softened(anatomy, sharpness)[list(territories)].sum(0)
