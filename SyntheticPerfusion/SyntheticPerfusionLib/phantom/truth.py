"""What a perfect method would find in a digital patient, and what each voxel is."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch

from ..maps.perfusion_maps import PerfusionMaps
from ..maps.quantity import quantity
from ..series.aif import Aif, AifQuality
from .acquisition import Acquisition
from .aif import ArterialShape
from .anatomy import Anatomy
from .disease import Condition
from .physiology import HAEMATOCRIT_RATIO, TISSUE_DENSITY_G_PER_ML, TissueMaps
from .residue import residue
from .tissues import brain_shares

VESSEL_CBV = 100.0 * HAEMATOCRIT_RATIO / TISSUE_DENSITY_G_PER_ML
"""CBV of pure blood, ml/100g, by the definition of the map: area over area times kH/rho."""

_VESSEL_SHARE = 0.10
"""Share of a voxel from which it counts as an artery or a vein."""


class TissueLabel(IntEnum):
    """What a voxel mostly is."""

    AIR = 0
    GREY_MATTER = 1
    WHITE_MATTER = 2
    CSF = 3
    ARTERY = 4
    VEIN = 5
    CORE = 6
    PENUMBRA = 7
    OEDEMA = 8
    TUMOUR = 9
    NECROSIS = 10
    SKULL = 11
    SCALP = 12
    SKULL_BASE = 13


def true_maps(
    anatomy: Anatomy, condition: Condition, acquisition: Acquisition, ttp_s: np.ndarray
) -> PerfusionMaps:
    """CBF, CBV, MTT, Tmax and TTP in the brain.

    CBF, MTT and Tmax are those of tissue, weighted by its share; CBV counts the blood of large
    vessels in the voxel too, as every measurement does. Tmax is the time of the maximum of the
    residue of the whole voxel, counted from the middle cerebral artery; `ttp_s` (K, J, I) is
    the time of the peak of the noise-free curve, counted from the first frame.
    """
    shares = brain_shares(anatomy, condition)
    physiology = condition.physiology
    tissues = [
        (shares["grey"], physiology.grey),
        (shares["white"], physiology.white),
        (shares["csf"], physiology.fluid),
        (shares["tumour"], condition.tumour_maps),
        (shares["necrosis"], condition.necrosis_maps),
    ]
    filled = np.maximum(np.sum([share for share, _ in tissues], axis=0), 1e-6)
    cbf = np.sum([share * maps.cbf for share, maps in tissues], axis=0) / filled
    cbv_tissue = np.sum([share * maps.cbv for share, maps in tissues], axis=0) / filled
    vessels = shares["artery"] + shares["vein"]
    arrays = {
        "CBF": cbf,
        "CBV": (1 - vessels) * cbv_tissue + vessels * VESSEL_CBV,
        "MTT": 60 * cbv_tissue / np.maximum(cbf, 1e-6),
        "Tmax": _time_of_residue_maximum(tissues, acquisition.residue),
        "TTP": ttp_s,
    }
    return PerfusionMaps(
        arrays={
            quantity(name): np.where(anatomy.brain, array, 0).astype(np.float32)
            for name, array in arrays.items()
        },
        geometry=anatomy.geometry,
        mask=anatomy.brain,
        method="truth",
        settings={
            "tissue_density_g_per_ml": TISSUE_DENSITY_G_PER_ML,
            "haematocrit_ratio": HAEMATOCRIT_RATIO,
            "residue": acquisition.residue,
        },
    )


def _time_of_residue_maximum(
    tissues: list[tuple[np.ndarray, TissueMaps]], family: str
) -> np.ndarray:
    """Where sum share CBF R(t - delay) is greatest: at the delay of one of the tissues.

    Every family falls from its start, so the sum can only rise where one of them sets in.
    """
    shape = residue(family)
    highest = np.full(tissues[0][0].shape, -1.0, np.float32)
    where = np.zeros_like(highest)
    for own_share, candidate in tissues:
        height = np.zeros_like(highest)
        for share, maps in tissues:
            since = candidate.delay_s - maps.delay_s
            x = torch.from_numpy(np.maximum(since, 0) / np.maximum(maps.mtt_s, 1e-3))
            height += np.where(since >= 0, share * maps.cbf * shape(x).numpy(), 0)
        better = (height > highest) & (own_share > 0)
        highest[better] = height[better]
        where[better] = candidate.delay_s[better]
    return where


def true_aif(shape: ArterialShape, acquisition: Acquisition) -> Aif:
    """The arterial curve on the frame times, its quality read from the curve in fine steps."""
    times = acquisition.frame_times_s
    fine = torch.arange(0, float(times[-1]), 0.01, dtype=torch.float64)
    curve = shape.at(fine).numpy()
    peak = int(curve.argmax())
    above = fine.numpy()[curve >= curve[peak] / 2]
    return Aif(
        times_s=times,
        concentration=shape.at(torch.as_tensor(times)).numpy(),
        source="truth of the digital patient",
        quality=AifQuality(
            peak_time_s=float(fine[peak]),
            peak=float(curve[peak]),
            fwhm_s=float(above[-1] - above[0]),
            saturated=False,
            tail_fraction=float(curve[-max(1, curve.size // 10) :].mean() / curve[peak]),
        ),
    )


def make_labels(anatomy: Anatomy, condition: Condition) -> np.ndarray:
    """(K, J, I) uint8 of TissueLabel."""
    shares = brain_shares(anatomy, condition)
    parts = {
        TissueLabel.GREY_MATTER: shares["grey"],
        TissueLabel.WHITE_MATTER: shares["white"],
        TissueLabel.CSF: shares["csf"],
        TissueLabel.TUMOUR: shares["tumour"],
        TissueLabel.NECROSIS: shares["necrosis"],
        TissueLabel.SKULL: anatomy.skull,
        TissueLabel.SCALP: anatomy.scalp,
        TissueLabel.SKULL_BASE: anatomy.base,
    }
    stack = np.stack(list(parts.values()))
    labels = np.array(list(parts), np.uint8)[stack.argmax(0)]
    labels[stack.sum(0) < 0.3] = TissueLabel.AIR
    tissue = np.isin(labels, (TissueLabel.GREY_MATTER, TissueLabel.WHITE_MATTER))
    labels[(labels == TissueLabel.WHITE_MATTER) & (condition.oedema > 0.5)] = TissueLabel.OEDEMA
    labels[tissue & (condition.penumbra > 0.5)] = TissueLabel.PENUMBRA
    labels[tissue & (condition.core > 0.5)] = TissueLabel.CORE
    labels[shares["vein"] > _VESSEL_SHARE] = TissueLabel.VEIN
    labels[shares["artery"] > _VESSEL_SHARE] = TissueLabel.ARTERY
    return labels
