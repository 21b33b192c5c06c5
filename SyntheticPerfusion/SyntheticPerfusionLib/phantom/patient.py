"""A digital patient: a series as a scanner would give it, and the truth behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..maps.perfusion_maps import PerfusionMaps
from ..progress import CancelCheck, Progress, never, silent
from ..series.aif import Aif
from ..series.dsc_series import DscSeries
from .acquisition import Acquisition
from .disease import KINDS
from .simulation import Simulation, simulate_patient
from .tissues import brain_shares
from .truth import TissueLabel, make_labels, true_aif, true_maps, true_vof
from .vessels import SINUS_DELAY_S

__all__ = ["KINDS", "Acquisition", "DigitalPatient", "TissueLabel", "make_patient"]


@dataclass(frozen=True, eq=False)
class DigitalPatient:
    """A series with its truth. Arrays are (K, J, I) on the grid of the series.

    series      what the scanner gives.
    truth       CBF, CBV, MTT, delay, Tmax and TTP, as truth.true_values defines them, and the five
                collateral phases of true_phases where the series holds them.
    aif         the arterial curve that feeds the tissue, on the scale of tissue: the tissue curve
                is (rho/kH) CBF/6000 (Ca * R). Arteries in the series show it times
                acquisition.arterial_relaxivity. `vof` is the curve of the sagittal sinus alike.
    labels      uint8 of TissueLabel.
    mask        bool, the brain within the meninges.
    territories uint8 of territories.Territory, whose artery feeds the tissue.
    rois        bool masks by name: those of the disease (Condition.rois), and "mca" and "sss" where
                the slices hold the vessels.
    anatomy     a T1-weighted picture, 0 to 1.
    shares      share of each voxel that is grey, white, csf, artery, vein, tumour, necrosis.
    motion      (T, 6) mm and degrees, as motion.draw_motion.
    settings    what was drawn, in plain JSON values.
    """

    kind: str
    seed: int
    series: DscSeries
    truth: PerfusionMaps
    aif: Aif
    vof: Aif
    labels: np.ndarray
    territories: np.ndarray
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

    Raises InputError for an unknown kind, Cancelled where asked to stop.
    """
    acquisition = acquisition or Acquisition()
    return as_arrays(simulate_patient(kind, seed, acquisition, device, progress, cancelled))


def as_arrays(simulation: Simulation) -> DigitalPatient:
    """A simulated patient as arrays and a series."""
    anatomy, condition = simulation.anatomy, simulation.condition
    acquisition = simulation.acquisition

    def array(values: torch.Tensor) -> np.ndarray:
        return anatomy.volume(values).cpu().numpy()

    return DigitalPatient(
        kind=simulation.kind,
        seed=simulation.seed,
        series=DscSeries(
            signal=simulation.series.cpu().numpy(),
            frame_times_s=acquisition.frame_times_s,
            geometry=anatomy.geometry,
            echo_time_s=acquisition.echo_time_s,
            frame_times_source="digital patient",
            echo_time_source="digital patient",
            name=f"Digital patient ({simulation.kind}, seed {simulation.seed})",
        ),
        truth=true_maps(anatomy, dict(simulation.truth), acquisition),
        aif=true_aif(simulation.arterial, acquisition),
        vof=true_vof(
            simulation.curves.inside,
            SINUS_DELAY_S + condition.physiology.constitution.late_s,
            acquisition,
        ),
        labels=make_labels(anatomy, condition).cpu().numpy(),
        mask=array(anatomy.brain),
        territories=array(torch.where(anatomy.brain, anatomy.territory_labels, 0).to(torch.uint8)),
        rois={
            name: array(roi)
            for name, roi in {**condition.rois, **simulation.regions}.items()
            if bool(roi.any())
        },
        anatomy=array(anatomy.t1),
        shares={name: array(share) for name, share in brain_shares(anatomy, condition).items()},
        motion=simulation.motion,
        acquisition=acquisition,
        settings=simulation.settings,
    )
