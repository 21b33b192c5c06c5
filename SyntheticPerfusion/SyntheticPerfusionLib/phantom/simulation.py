"""One patient as tensors on a device: a head, its disease and a scan in, signal and truth out.

`patient.make_patient` gives the same as arrays and a DscSeries; training takes the tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from .acquisition import Acquisition
from .aif import ArterialShape
from .anatomy import Anatomy, make_anatomy
from .artefacts import SLICE_PROFILE, b1_field
from .disease import Condition, make_condition, plan_tumour
from .dispersion import kernel
from .imaging import scan
from .physiology import make_physiology
from .pial import with_surface_vessels
from .signal import Curves, VoxelScan, simulate
from .tissues import make_compartments, most_dispersed_s
from .true_phases import reference_regions, true_phases
from .truth import true_values


@dataclass(frozen=True, eq=False)
class Simulation:
    """A patient on a device; V voxels of the head, T frames.

    series      (T, K, J, I) what the scanner gives.
    clean       (T, V) the signal before motion, noise and spikes.
    truth       (V,) maps by name of the quantity, 0 outside the brain; the collateral phases are
                missing where the series does not hold them, `phases` says why.
    regions     bool (V,) "mca" and "sss", from which time was divided.
    phases      start and end of each phase in s, or why there are none.
    anatomy, condition   the head and its disease.
    arterial    the arterial curve; `curves` what it becomes in tissue.
    motion      (T, 6) mm and degrees, as motion.draw_motion.
    events      spikes, as artefacts.add_spikes says them.
    """

    kind: str
    seed: int
    series: torch.Tensor
    clean: torch.Tensor
    truth: Mapping[str, torch.Tensor]
    regions: Mapping[str, torch.Tensor]
    phases: Mapping[str, Any]
    anatomy: Anatomy
    condition: Condition
    arterial: ArterialShape
    curves: Curves
    motion: np.ndarray
    acquisition: Acquisition
    events: list[dict[str, Any]]

    @property
    def settings(self) -> dict[str, Any]:
        """What was drawn, in plain JSON values."""
        return {
            "head": dict(self.anatomy.settings),
            "disease": dict(self.condition.settings),
            "constitution": self.condition.physiology.constitution.settings,
            "arterial_shape": asdict(self.arterial),
            "phases": dict(self.phases),
            "spikes": self.events,
        }


def simulate_patient(
    kind: str,
    seed: int,
    acquisition: Acquisition,
    device: str = "cpu",
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    leakage: bool = True,
) -> Simulation:
    """The patient of a kind (disease.KINDS) and a seed; the same seed gives the same patient.

    Without `leakage` the vessels of a tumour hold the tracer; nothing else differs.
    Raises InputError for an unknown kind or a seed below 0, Cancelled where asked to stop.
    """
    head_rng, flow_rng, disease_rng, aif_rng, looks_rng, scan_rng = _streams(seed)
    progress(0.0, "Building the head and its disease")
    anatomy, condition = _draw(kind, acquisition, device, head_rng, flow_rng, disease_rng)
    if not leakage:
        condition = condition.without_leakage()
    stop_if(cancelled)
    progress(0.25, "Tabulating tissue curves")
    arterial = ArterialShape.of(acquisition, aif_rng)
    compartments = make_compartments(anatomy, condition, acquisition, looks_rng)
    spread = kernel(acquisition.dispersion_kernel)
    curves = Curves.tabulate(
        arterial.at, acquisition, spread, most_dispersed_s(compartments), device
    )
    flip_rng, image_rng = scan_rng.spawn(2)
    clean, baseline, peak_time = simulate(
        compartments,
        curves,
        _voxel_scan(anatomy, acquisition, flip_rng),
        acquisition,
        part(progress, 0.3, 0.8),
        cancelled,
    )
    progress(0.75, "Dividing the passage into phases")
    truth = true_values(anatomy, condition, acquisition, spread, peak_time)
    regions = reference_regions(anatomy, condition.arterial_delay_s)
    phases: dict[str, Any] = {}
    try:
        maps, division = true_phases(clean, baseline, regions, anatomy, acquisition)
    except InputError as error:
        phases["missing"] = str(error)
    else:
        truth |= maps
        phases |= {
            name: [round(start, 3), round(end, 3)]
            for name, (start, end) in division.intervals_s.items()
        }
    progress(0.8, "Adding motion and noise")
    scanned = scan(clean, baseline, anatomy, acquisition, image_rng)
    return Simulation(
        kind=kind,
        seed=seed,
        series=scanned.series,
        clean=clean,
        truth=truth,
        regions=regions,
        phases=phases,
        anatomy=anatomy,
        condition=condition,
        arterial=arterial,
        curves=curves,
        motion=scanned.motion,
        acquisition=acquisition,
        events=scanned.events,
    )


def draw_condition(
    kind: str, seed: int, acquisition: Acquisition, device: str = "cpu"
) -> tuple[Anatomy, Condition]:
    """Head and tissue of the patient that simulate_patient makes, without a series.

    Raises InputError for an unknown kind, and where the slices hold no place for its disease.
    """
    return _draw(kind, acquisition, device, *_streams(seed)[:3])


def _streams(seed: int) -> list[np.random.Generator]:
    """For head, flow, disease, artery, looks and scan: how one draws leaves the others alone."""
    if seed < 0:
        raise InputError(f"The seed is {seed}; give 0 or more.")
    return np.random.default_rng(seed).spawn(6)


def _draw(
    kind: str,
    acquisition: Acquisition,
    device: str,
    head_rng: np.random.Generator,
    flow_rng: np.random.Generator,
    disease_rng: np.random.Generator,
) -> tuple[Anatomy, Condition]:
    plan_rng, grow_rng = disease_rng.spawn(2)
    # A tumour pushes the head it grows in, so its place comes first.
    tumour = plan_tumour(kind, acquisition.geometry, plan_rng)
    mass = None if tumour is None else tumour.mass
    anatomy = make_anatomy(acquisition.geometry, head_rng, device, mass)
    if not bool(anatomy.brain.any()):
        raise InputError(
            f"The slices hold no brain: {acquisition.shape[0]} of {acquisition.spacing_mm[2]:g} mm "
            f"around {acquisition.shift_mm:+g} mm from the middle of the head; give more slices or "
            "a smaller shift."
        )
    physiology = with_surface_vessels(make_physiology(anatomy, flow_rng), anatomy)
    return anatomy, make_condition(kind, anatomy, physiology, grow_rng, tumour)


def _voxel_scan(anatomy: Anatomy, acquisition: Acquisition, rng: np.random.Generator) -> VoxelScan:
    slices = anatomy.voxels // int(np.prod(acquisition.shape[1:]))
    times = torch.as_tensor(
        acquisition.slice_times_s, dtype=torch.float32, device=anatomy.grey.device
    )
    return VoxelScan(
        flip_factor=SLICE_PROFILE * b1_field(anatomy.patient_mm, rng, acquisition.b1_variation),
        dephasing_per_s=acquisition.dropout * anatomy.dephasing_per_s,
        offset_s=times[slices],
    )
