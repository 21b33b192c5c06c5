"""A digital patient: a series as a scanner would give it, and the truth behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from ..series.aif import Aif
from ..series.dsc_series import DscSeries
from .acquisition import Acquisition
from .aif import ArterialShape
from .anatomy import Anatomy, make_anatomy
from .disease import KINDS, make_condition
from .fields import SmoothField
from .physiology import make_physiology
from .residue import TissueCurves, residue
from .signal import draw_motion, leaked_tracer, move, rician, simulate
from .tissues import brain_shares, head_voxels, make_compartments
from .truth import TissueLabel, make_labels, true_aif, true_maps

__all__ = ["KINDS", "Acquisition", "DigitalPatient", "TissueLabel", "make_patient"]

CURVE_STEP_S = 0.05
"""Time step of the convolution with the residue."""

_SIGNAL_SCALE = 2000.0


@dataclass(frozen=True, eq=False)
class DigitalPatient:
    """A series with its truth. Arrays are (K, J, I) on the grid of the series.

    series      what the scanner gives.
    truth       CBF, CBV, MTT, Tmax and TTP, as truth.true_maps defines them.
    aif         the arterial curve that fed the tissue, in 1/s on the scale of tissue: with it
                C = (rho/kH) CBF/6000 (Ca * R). Arteries in the series show it times
                acquisition.arterial_relaxivity.
    labels      uint8 of TissueLabel.
    mask        bool, the brain within the meninges.
    rois        bool masks by name: "tumor" and "reference" (glioma), "lesion" and "core" (stroke).
    anatomy     a T1-weighted picture, 0 to 1.
    shares      share of each voxel that is grey, white, csf, artery, vein, tumour, necrosis.
    motion      (T, 6) mm and degrees, as signal.draw_motion.
    settings    what was drawn, in plain JSON values.
    """

    kind: str
    seed: int
    series: DscSeries
    truth: PerfusionMaps
    aif: Aif
    labels: np.ndarray
    mask: np.ndarray
    rois: Mapping[str, np.ndarray]
    anatomy: np.ndarray
    shares: Mapping[str, np.ndarray]
    motion: np.ndarray
    acquisition: Acquisition
    settings: Mapping[str, Any]


def make_patient(
    kind: str,
    seed: int = 0,
    acquisition: Acquisition | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
) -> DigitalPatient:
    """The patient of a kind (disease.KINDS) and a seed; the same seed gives the same patient.

    Raises InputError for an unknown kind or residue, Cancelled where asked to stop.
    """
    acquisition = acquisition or Acquisition()
    residue(acquisition.residue)
    # Every piece has a stream of its own: changing how one draws leaves the others as they are.
    head_rng, flow_rng, disease_rng, aif_rng, looks_rng, scan_rng = np.random.default_rng(
        seed
    ).spawn(6)
    progress(0.0, "Building the head")
    anatomy = make_anatomy(acquisition.geometry, head_rng)
    stop_if(cancelled)
    progress(0.25, "Setting flow and disease")
    condition = make_condition(kind, anatomy, make_physiology(anatomy, flow_rng), disease_rng)
    shape = ArterialShape.draw(aif_rng, acquisition.bolus_onset_s, acquisition.aif_peak_per_s)

    last = float(acquisition.frame_times_s[-1])
    fine = torch.arange(0, last + 2 * CURVE_STEP_S, CURVE_STEP_S, dtype=torch.float64)
    arterial = shape.at(fine).to(device)
    leaking = condition.ktrans_per_min[condition.tumour > 0]
    head = head_voxels(anatomy, condition)
    signal, baseline, peak_time = simulate(
        make_compartments(anatomy, condition, acquisition, head, looks_rng),
        TissueCurves.tabulate(arterial, CURVE_STEP_S, acquisition.residue),
        leaked_tracer(arterial, CURVE_STEP_S, float(leaking.mean()) if leaking.size else 0.0),
        acquisition,
        device,
        part(progress, 0.3, 0.8),
        cancelled,
    )
    progress(0.8, "Adding motion and noise")
    series, motion = _scan(
        f"Digital patient ({kind}, seed {seed})",
        signal,
        baseline,
        head,
        anatomy,
        acquisition,
        scan_rng,
    )
    ttp = np.zeros(anatomy.brain.size, np.float32)
    ttp[head] = peak_time
    return DigitalPatient(
        kind=kind,
        seed=seed,
        series=series,
        truth=true_maps(anatomy, condition, acquisition, ttp.reshape(anatomy.brain.shape)),
        aif=true_aif(shape, acquisition),
        labels=make_labels(anatomy, condition),
        mask=anatomy.brain,
        rois=condition.rois,
        anatomy=anatomy.t1,
        shares=brain_shares(anatomy, condition),
        motion=motion,
        acquisition=acquisition,
        settings={"disease": dict(condition.settings), "arterial_shape": asdict(shape)},
    )


def _scan(
    name: str,
    signal: np.ndarray,
    baseline: np.ndarray,
    head: np.ndarray,
    anatomy: Anatomy,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> tuple[DscSeries, np.ndarray]:
    """The series of the noise-free signal (T, V) of the voxels `head`, and the motion in it."""
    shading_rng, motion_rng, noise_rng = rng.spawn(3)
    geometry = anatomy.geometry
    shading = np.exp(0.06 * SmoothField.draw(shading_rng, length_mm=60.0)(anatomy.mni_mm))
    gain = (_SIGNAL_SCALE * shading).astype(np.float32).ravel()[head]
    flat = np.zeros((acquisition.frames, anatomy.brain.size), np.float32)
    flat[:, head] = signal * gain
    volumes = flat.reshape(acquisition.frames, *geometry.shape)
    motion = draw_motion(acquisition.frames, acquisition.motion_mm, motion_rng)
    if acquisition.motion_mm > 0:
        for frame, pose in zip(volumes, motion, strict=True):
            frame[:] = move(frame, geometry.spacing, pose)
    in_brain = anatomy.brain.ravel()[head]
    sigma = float((baseline * gain)[in_brain].mean()) / acquisition.snr
    series = DscSeries(
        signal=rician(volumes, sigma, noise_rng),
        frame_times_s=acquisition.frame_times_s,
        geometry=geometry,
        echo_time_s=acquisition.echo_time_s,
        frame_times_source="digital patient",
        echo_time_source="digital patient",
        name=name,
    )
    return series, motion
