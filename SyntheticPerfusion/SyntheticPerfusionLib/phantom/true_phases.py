"""The collateral maps of a digital patient, made as a reader makes them but from noise-free curves.

The regions that a person would draw are known here: the purest voxels of the middle cerebral
artery on the side whose blood comes on time, and of the superior sagittal sinus. The division of
time is that of series/phases.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..errors import InputError
from ..series.phases import PHASES, PhaseDivision, brain_level, divide_phases, phase_weights
from .acquisition import Acquisition
from .anatomy import Anatomy

_MCA_VOXELS, _SSS_VOXELS = 6, 12
_PURE = 0.6
"""A region takes voxels with at least this share of what its purest holds."""
_LEAST_SHARE = 0.02
_MOST_DEPHASED_PER_S = 12.0
_LEAST_SIGNAL = 1e-4
"""Of the baseline: what a dose beyond measure leaves, so that its logarithm is a number."""


def reference_regions(anatomy: Anatomy, arterial_delay_s: torch.Tensor) -> dict[str, torch.Tensor]:
    """Bool (V,) regions "mca" and "sss"; empty where the slices hold no such vessel.

    arterial_delay_s  (V,) how much later than in health the arteries of a voxel fill.
    """
    late = [
        float((share * arterial_delay_s).sum() / share.sum().clamp(min=1e-9))
        for share in anatomy.mca
    ]
    # Nobody draws where air has put out the signal.
    seen = (anatomy.dephasing_per_s < _MOST_DEPHASED_PER_S).float()
    filled = [float(share.max()) for share in anatomy.mca]
    # The side on time; both being alike, the one whose artery fills its voxels more.
    side = min((0, 1), key=lambda one: (round(late[one], 1), -filled[one]))
    return {
        "mca": _purest(anatomy.mca[side] * seen, _MCA_VOXELS),
        "sss": _purest(anatomy.sss * seen, _SSS_VOXELS),
    }


def _purest(share: torch.Tensor, count: int) -> torch.Tensor:
    least = max(_LEAST_SHARE, _PURE * float(share.max()))
    chosen = torch.zeros_like(share, dtype=torch.bool)
    order = torch.argsort(share, descending=True, stable=True)[:count]
    chosen[order] = share[order] >= least
    return chosen


def true_phases(
    clean: torch.Tensor,
    baseline: torch.Tensor,
    regions: Mapping[str, torch.Tensor],
    anatomy: Anatomy,
    acquisition: Acquisition,
) -> tuple[dict[str, torch.Tensor], PhaseDivision]:
    """Collateral maps (V,) by name of the quantity, and the division of time behind them.

    clean      (T, V) signal without noise, baseline (V,) without tracer.
    Raises InputError where the slices hold no artery or sinus, or the series ends too early.
    """
    for name, region in regions.items():
        if not bool(region.any()):
            raise InputError(f"The slices hold no voxel of the {name.upper()}.")
    times = acquisition.frame_times_s

    def rate(where: torch.Tensor) -> torch.Tensor:
        left = (clean[:, where] / baseline[where]).clamp(min=_LEAST_SIGNAL)
        return -torch.log(left) / acquisition.echo_time_s

    references = [rate(regions[name]).mean(1).double().cpu().numpy() for name in ("mca", "sss")]
    division = divide_phases(times, *references)
    weights = torch.as_tensor(phase_weights(times, division), dtype=torch.float32)
    rates = rate(anatomy.brain)
    means = rates.new_zeros((len(PHASES), rates.shape[1]))
    # Frame by frame: a matrix product adds in an order that the number of threads decides.
    for weight, frame in zip(weights.T.to(rates.device), rates, strict=True):
        means.addcmul_(weight[:, None], frame[None])
    in_brain = means.cpu().numpy()
    level = brain_level(in_brain, division, np.ones(in_brain.shape[1:], bool))
    maps = {}
    for phase, values in zip(PHASES, means, strict=True):
        whole = torch.zeros_like(baseline)
        whole[anatomy.brain] = values / level
        maps[f"Collateral_{phase}"] = whole
    return maps, division
