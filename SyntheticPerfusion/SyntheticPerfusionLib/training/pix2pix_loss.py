"""What generator and discriminator of Kossen et al. 2022 learn by (equations 1 and 2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..methods.networks.pix2pix_discriminator import PatchDiscriminator


def generator_loss(discriminator: PatchDiscriminator, from_source: Tensor, made: Tensor) -> Tensor:
    """-log D(x, G(x)): the maps `made` (B, 1, M, M) are to pass for true ones.

    from_source  of PatchDiscriminator.of_source.
    The discriminator learns nothing from it.
    """
    discriminator.requires_grad_(False)
    logits = discriminator(from_source.detach(), made)
    discriminator.requires_grad_(True)
    return _cross_entropy(logits, 1.0)


def discriminator_loss(
    discriminator: PatchDiscriminator, from_source: Tensor, made: Tensor, true: Tensor
) -> Tensor:
    """-(log D(x, y) + log(1 - D(x, G(x)))) / 2 of `made` and `true` maps (B, 1, M, M).

    The generator learns nothing from it.
    """
    of_true = _cross_entropy(discriminator(from_source, true), 1.0)
    of_made = _cross_entropy(discriminator(from_source, made.detach()), 0.0)
    return (of_true + of_made) / 2


def absolute_error(made: Tensor, true: Tensor, left_out: Tensor) -> Tensor:
    """Mean of |y - G(x)| over whole slices, to which voxels `left_out` (B, M, M) add nothing."""
    return ((made - true).abs() * ~left_out[:, None]).mean()


def _cross_entropy(logits: Tensor, wanted: float) -> Tensor:
    """By logits, as a sigmoid of one's own would be applied twice."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted))
