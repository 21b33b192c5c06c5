"""What a perfect method would find in a digital patient, and what each voxel is."""

from __future__ import annotations

import math
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
from .tissue_curves import FINEST_STEP_S, Kernel, TissueCurves
from .tissues import VENOUS_MTT_S, brain_shares

VESSEL_CBV = 100.0 * HAEMATOCRIT_RATIO / TISSUE_DENSITY_G_PER_ML
"""CBV of pure blood, ml/100g, by the definition of the map: area over area times kH/rho."""

_LEAST_DISPERSION_S = 0.01
_LONGEST_RESPONSE_S = 60.0
_PEAK_WITHIN_S, _PEAK_WITHIN_TRANSITS = 12.0, 1.1
"""A response has its peak within so many seconds after the last of its tissues is reached; one of
_LASTING residues, which rises as long as they last, within the longer of both."""
_LASTING = ("box", "gamma")
_STRIDE = 4
"""Steps between samples of the first look for a peak; a second looks at every step around it."""
_CHUNK = 16384

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
    EYE = 14


def true_values(
    anatomy: Anatomy,
    condition: Condition,
    acquisition: Acquisition,
    kernel: Kernel | None,
    ttp_s: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """CBF, CBV, MTT, delay, Tmax and TTP (V,) in the brain, 0 outside.

    CBF, MTT and Tmax are those of tissue, weighted by its share, and the delay by its flow; where
    a vessel fills the voxel, CBF and MTT are 0, and delay and Tmax are the vessel's arrival. CBV
    counts the blood of large vessels in the voxel too, all of it: a series shows that blood at the
    smaller arterial_relaxivity of the acquisition. Tmax is the time of the maximum of the response
    of the whole voxel to an instantaneous bolus in the middle cerebral artery: delay, dispersion
    and residue together, in the body's time. `ttp_s` (V,) is the time of the peak of the noise-free
    curve since the first frame, in that of the frames (signal.simulate).
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
    filled = torch.stack([share for share, _ in tissues]).sum(0).clamp(min=1e-6)
    flow = torch.stack([share * maps.cbf for share, maps in tissues]).sum(0)
    late = torch.stack([share * maps.cbf * maps.delay_s for share, maps in tissues]).sum(0)
    cbf = flow / filled
    cbv_tissue = torch.stack([share * maps.cbv for share, maps in tissues]).sum(0) / filled
    vessels = shares["artery"] + shares["vein"]
    perfused = flow > 0
    arrival = _arrival_in_vessels(anatomy, condition, shares)
    values = {
        "CBF": cbf,
        "CBV": (1 - vessels) * cbv_tissue + vessels * VESSEL_CBV,
        "MTT": 60 * cbv_tissue / cbf.clamp(min=1e-6),
        "delay": torch.where(perfused, late / flow.clamp(min=1e-6), arrival),
        "Tmax": torch.where(
            perfused, _time_of_response_maximum(tissues, acquisition, kernel), arrival
        ),
        "TTP": ttp_s,
    }
    return {name: torch.where(anatomy.brain, value, 0.0) for name, value in values.items()}


def _arrival_in_vessels(
    anatomy: Anatomy, condition: Condition, shares: dict[str, torch.Tensor]
) -> torch.Tensor:
    """When the bolus comes to the arteries and veins of a voxel (V,), in s."""
    artery = shares["artery"] * (anatomy.artery_delay_s + condition.arterial_delay_s)
    vein = shares["vein"] * (anatomy.vein_delay_s + condition.physiology.constitution.late_s)
    return (artery + vein) / (shares["artery"] + shares["vein"]).clamp(min=1e-6)


def true_maps(
    anatomy: Anatomy, values: dict[str, torch.Tensor], acquisition: Acquisition
) -> PerfusionMaps:
    """Values (V,) by name as maps on the grid of the series."""
    return PerfusionMaps(
        arrays={
            quantity(name): anatomy.volume(value).cpu().numpy() for name, value in values.items()
        },
        geometry=anatomy.geometry,
        mask=anatomy.volume(anatomy.brain).cpu().numpy(),
        method="truth",
        settings={
            "tissue_density_g_per_ml": TISSUE_DENSITY_G_PER_ML,
            "haematocrit_ratio": HAEMATOCRIT_RATIO,
            "residue": acquisition.residue,
        },
    )


def _time_of_response_maximum(
    tissues: list[tuple[torch.Tensor, TissueMaps]], acquisition: Acquisition, kernel: Kernel | None
) -> torch.Tensor:
    """Where sum share CBF (K_beta * R)(t - delay) is greatest.

    Without dispersion every family falls from its start, so the sum can only rise where one of
    the tissues sets in, and the maximum is at the delay of one of them. A dispersed response rises
    first: there the sum is followed in steps of FINEST_STEP_S.
    """
    shape = residue(acquisition.residue, acquisition.gamma_shape)
    highest = torch.full_like(tissues[0][0], -1.0)
    where = torch.zeros_like(highest)
    spread = torch.zeros_like(highest, dtype=torch.bool)
    for own_share, candidate in tissues:
        height = torch.zeros_like(highest)
        for share, maps in tissues:
            since = candidate.delay_s - maps.delay_s
            x = since.clamp(min=0) / maps.mtt_s.clamp(min=1e-3)
            height += torch.where(since >= 0, share * maps.cbf * shape(x), 0.0)
        better = (height > highest) & (own_share > 0)
        highest = torch.where(better, height, highest)
        where = torch.where(better, candidate.delay_s, where)
        spread |= (own_share > 0) & (candidate.dispersion_s > _LEAST_DISPERSION_S)
    if kernel is not None and bool(spread.any()):
        where[spread] = _peak_of_response(
            [(share[spread], maps.where(spread)) for share, maps in tissues], acquisition, kernel
        )
    return where


def _peak_of_response(
    tissues: list[tuple[torch.Tensor, TissueMaps]], acquisition: Acquisition, kernel: Kernel
) -> torch.Tensor:
    """The same (V,), by reading responses to an instantaneous bolus from a table.

    The bolus lasts one step of the table: its response lags by half a step, which is taken off.
    """
    step = FINEST_STEP_S
    response = TissueCurves.tabulate(
        lambda times_s: (times_s < step / 2).to(times_s.dtype) / step,
        math.ceil(_LONGEST_RESPONSE_S / step),
        step,
        residue(acquisition.residue, acquisition.gamma_shape),
        kernel,
        max(float(maps.dispersion_s.max()) for _, maps in tissues),
        device=str(tissues[0][0].device),
    )
    voxels = tissues[0][0].numel()
    found = torch.empty(voxels, device=tissues[0][0].device)
    for start in range(0, voxels, _CHUNK):
        part = slice(start, start + _CHUNK)
        present = [
            (share[part], maps.where(part)) for share, maps in tissues if bool(share[part].any())
        ]
        first = torch.stack([maps.delay_s for _, maps in present]).amin(0) - 2 * step
        late = torch.stack([maps.delay_s for _, maps in present]).amax(0) - first
        within = _PEAK_WITHIN_S
        if acquisition.residue in _LASTING:
            slowest = max(float(maps.mtt_s[share > 0].max()) for share, maps in present)
            within = max(within, _PEAK_WITHIN_TRANSITS * min(slowest, _LONGEST_RESPONSE_S))
        count = math.ceil((float(late.max()) + within) / (_STRIDE * step))
        rough = _sum_of_responses(present, response, first, count, _STRIDE).argmax(1) - 1
        begin = first + rough * (_STRIDE * step)
        fine = _sum_of_responses(present, response, begin, 2 * _STRIDE + 1, 1).argmax(1)
        found[part] = begin + fine * step - step / 2
    return found


def _sum_of_responses(
    tissues: list[tuple[torch.Tensor, TissueMaps]],
    response: TissueCurves,
    since_s: torch.Tensor,
    count: int,
    stride: int,
) -> torch.Tensor:
    """(V, count) response of whole voxels, every `stride` steps from times (V,) on."""
    total = torch.zeros((since_s.numel(), count), device=since_s.device)
    for share, maps in tissues:
        total += (share * maps.cbv)[:, None] * response.samples(
            maps.mtt_s, maps.dispersion_s, since_s - maps.delay_s, count, stride
        )
    return total


def true_aif(shape: ArterialShape, acquisition: Acquisition) -> Aif:
    """The arterial curve on the frame times, on the scale of tissue."""
    fine = torch.arange(0, float(acquisition.frame_times_s[-1]), 0.01, dtype=torch.float64)
    return _curve(fine.numpy(), shape.at(fine).numpy(), acquisition, "truth of the digital patient")


def true_vof(curves: TissueCurves, delay_s: float, acquisition: Acquisition) -> Aif:
    """The venous curve on the frame times, on the same scale; `delay_s` after the artery."""
    count = math.floor(float(acquisition.frame_times_s[-1]) / curves.step_s) + 1

    def row(value: float) -> torch.Tensor:
        return torch.tensor([value], device=curves.table.device)

    found = curves.samples(row(VENOUS_MTT_S), row(0.0), row(VENOUS_MTT_S - delay_s), count)
    return _curve(
        np.arange(count) * curves.step_s,
        found[0].double().cpu().numpy(),
        acquisition,
        "truth of the digital patient (vein)",
    )


def _curve(fine_s: np.ndarray, curve: np.ndarray, acquisition: Acquisition, source: str) -> Aif:
    """A curve known in fine steps, on the frame times, and its quality."""
    times = acquisition.frame_times_s
    peak = int(curve.argmax())
    above = fine_s[curve >= curve[peak] / 2]
    tail = curve[-max(1, curve.size // 10) :].mean()
    return Aif(
        times_s=times,
        concentration=np.interp(times, fine_s, curve),
        source=source,
        quality=AifQuality(
            peak_time_s=float(fine_s[peak]),
            peak=float(curve[peak]),
            fwhm_s=float(above[-1] - above[0]),
            saturated=False,
            tail_fraction=float(tail / curve[peak]) if curve[peak] > 0 else math.nan,
        ),
    )


def make_labels(anatomy: Anatomy, condition: Condition) -> torch.Tensor:
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
        TissueLabel.EYE: anatomy.eye,
    }
    stack = torch.stack(list(parts.values()))
    of = torch.tensor([int(label) for label in parts], device=stack.device)
    labels = of[stack.argmax(0)]
    labels[stack.sum(0) < 0.3] = TissueLabel.AIR
    white = labels == TissueLabel.WHITE_MATTER
    tissue = white | (labels == TissueLabel.GREY_MATTER)
    labels[white & (condition.oedema > 0.5)] = TissueLabel.OEDEMA
    labels[tissue & (condition.penumbra > 0.5)] = TissueLabel.PENUMBRA
    labels[tissue & (condition.core > 0.5)] = TissueLabel.CORE
    labels[shares["vein"] > _VESSEL_SHARE] = TissueLabel.VEIN
    labels[shares["artery"] > _VESSEL_SHARE] = TissueLabel.ARTERY
    return anatomy.volume(labels.to(torch.uint8))
