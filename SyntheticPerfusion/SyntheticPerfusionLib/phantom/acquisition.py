"""How a digital patient is scanned: everything the scanner and the injection decide.

An Acquisition holds plain values only, so that it can be written down and made again; what varies
from one examination to the next is drawn by protocols.draw_acquisition.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..series.geometry import Geometry
from .dispersion import kernel
from .residue import residue

SLICE_ORDERS = ("simultaneous", "ascending", "descending", "interleaved")

LEGAL: dict[str, tuple[float, float]] = {
    "shift_mm": (-200.0, 200.0),
    "echo_time_s": (0.005, 0.1),
    "repetition_time_s": (0.1, 5.0),
    "frames": (10, 2000),
    "flip_angle_deg": (5.0, 90.0),
    "dummy_scans": (0, 100),
    "b1_variation": (0.0, 0.3),
    "rim_gain": (0.0, 1.0),
    "psf_voxels": (0.0, 1.5),
    "snr": (1.0, math.inf),
    "noise_smoothness": (0.0, 0.6),
    "physiological_noise": (0.0, 0.02),
    "dropout": (0.0, 2.0),
    "spikes": (0, 2000),
    "motion_mm": (0.0, 10.0),
    "gamma_shape": (1.0, 100.0),
    "bolus_onset_s": (0.0, 600.0),
    "aif_peak_per_s": (1.0, 2000.0),
    "arterial_relaxivity": (0.01, 1.0),
    "bolus_width": (0.3, 4.0),
    "injection_s": (0.0, 30.0),
    "recirculation": (0.0, 0.5),
    "tail": (0.0, 0.3),
}
"""Lowest and highest value of each number; an infinite SNR is no noise."""

_LEGAL_SPACING_MM = (0.5, 30.0)
_LEGAL_SHAPE = ((1, 300), (8, 1024), (8, 1024))


@dataclass(frozen=True)
class Acquisition:
    """A gradient-echo EPI protocol for DSC-MRI, and the injection that goes with it.

    The scanner:
    shape                 (K, J, I) matrix: slices, rows, columns.
    spacing_mm            (i, j, k) voxel size.
    shift_mm              how far the middle of the stack lies above the middle of the head.
    echo_time_s           TE.
    repetition_time_s     TR, the time between frames.
    frames                number of frames T.
    flip_angle_deg        in the middle of a slice (see artefacts.SLICE_PROFILE); with TR and the T1
                          of a tissue it sets the contrast and how far the first frame lies above
                          the steady state.
    dummy_scans           frames played before the first that is kept: with three or more the
                          series starts at steady state.
    slice_order           when each slice is excited within a frame, see `slice_times_s`.
    b1_variation          by how much, over the whole, the flip angle differs from place to place
                          (see artefacts.b1_field). 0 for nowhere.
    rim_gain              by how much the receive coils see the rim of the brain brighter than its
                          middle (see artefacts.receive_field). 0 for evenly.
    psf_voxels            sigma in voxels to which EPI spreads a point along rows, a quarter more
                          along columns (see point_spread.blur). 0 for none.
    snr                   mean baseline brain signal over the standard deviation of the noise of
                          either channel (Rician noise); inf (None in JSON) for none.
    noise_smoothness      correlation of the noise of neighbours in a slice, as readout filters and
                          interpolated matrices leave it. 0 for white noise.
    physiological_noise   standard deviation of what the whole brain fluctuates by from frame to
                          frame, over the signal; regions, pulsation and drift go along with it (see
                          fluctuation). 0 for none.
    air_masked            whether the scanner sets air to 0 exactly.
    dropout               signal lost near the skull base, over the usual loss; 0 for none.
    spikes                how many frames carry a spike (see artefacts.add_spikes).
    motion_mm             size of head motion (drift and steps); rotation goes along in degrees
                          by the same number. 0 for none.

    The blood:
    residue               family of the tissue residue function (see residue.RESIDUES).
    gamma_shape           shape of the gamma-distributed transit times of the family `gamma`: 1 is
                          the exponential, 100 nearly the box.
    dispersion_kernel     how a bolus that is dispersed spreads (see dispersion.KERNELS).
    bolus_onset_s         when the bolus reaches the arteries, give or take a second by seed.
    aif_peak_per_s        peak of the arterial curve in 1/s of R2*, on the scale of tissue: what
                          blood at that concentration adds to R2* when it fills capillaries. The
                          usual value makes the whole brain dip by 40 to 44 % at TE 30 ms, as two
                          real series do (41 and 46 %).
    arterial_relaxivity   what the same concentration adds to R2* inside a large vessel, over
                          what it adds in tissue: well under 1, since the field between capillaries
                          and tissue dephases far more than blood alone (van Osch et al. 2003,
                          Kjolby et al. 2006). The usual value makes arteries dip by 86 %; their
                          curves then peak at 71 1/s, as those of the two real series do (63 and
                          68). An arterial curve measured in an artery is smaller by this factor
                          than the true one, and absolute CBF and CBV come out larger by its
                          inverse, 7.6 times: as in the real series, where they do so too.
    bolus_width           time scale of the first pass, over the usual one: above 1 for a heart
                          that pumps little.
    injection_s           how much longer than usual the injection takes; the same dose then makes
                          a lower and wider first pass.
    recirculation         height of the second pass over the first.
    tail                  level a minute after the bolus, over the peak of the first pass.

    Raises InputError for a value out of its range.
    """

    shape: tuple[int, int, int] = (25, 128, 128)
    spacing_mm: tuple[float, float, float] = (1.8, 1.8, 5.0)
    shift_mm: float = 0.0
    echo_time_s: float = 0.030
    repetition_time_s: float = 1.5
    frames: int = 80
    flip_angle_deg: float = 70.0
    dummy_scans: int = 0
    slice_order: str = "simultaneous"
    b1_variation: float = 0.0
    rim_gain: float = 0.35
    psf_voxels: float = 0.45
    snr: float = 50.0
    noise_smoothness: float = 0.33
    physiological_noise: float = 0.002
    air_masked: bool = False
    dropout: float = 1.0
    spikes: int = 0
    motion_mm: float = 0.0
    residue: str = "exponential"
    gamma_shape: float = 4.0
    dispersion_kernel: str = "exponential"
    bolus_onset_s: float = 18.0
    aif_peak_per_s: float = 540.0
    arterial_relaxivity: float = 0.131
    bolus_width: float = 1.0
    injection_s: float = 0.0
    recirculation: float = 0.16
    tail: float = 0.09

    def __post_init__(self) -> None:
        # As read from a file they are lists, which would not compare equal.
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "spacing_mm", tuple(self.spacing_mm))
        if self.snr is None:
            object.__setattr__(self, "snr", math.inf)
        _check_grid(self.shape, self.spacing_mm)
        for name, (lowest, highest) in LEGAL.items():
            value = getattr(self, name)
            if isinstance(lowest, int) and value % 1 != 0:
                raise InputError(f"{name} is {value}; give a whole number.")
            if not lowest <= value <= highest:
                raise InputError(
                    f"{name} is {value:g}; give a value from {lowest:g} to {highest:g}."
                )
        residue(self.residue)
        kernel(self.dispersion_kernel)
        if self.slice_order not in SLICE_ORDERS:
            raise InputError(
                f"There is no slice order called '{self.slice_order}'; "
                f"choose from {', '.join(SLICE_ORDERS)}."
            )
        if self.spikes > self.frames:
            raise InputError(
                f"{self.spikes} frames with a spike were asked of a series of {self.frames}; "
                "give fewer spikes or more frames."
            )
        last = (self.frames - 1) * self.repetition_time_s
        if self.bolus_onset_s > last:
            raise InputError(
                f"The bolus comes at {self.bolus_onset_s:g} s, after the last of {self.frames} "
                f"frames at {last:g} s; give an earlier bolus or more frames."
            )

    @classmethod
    def small(cls, **changes: float | int | str) -> Acquisition:
        """A coarse one for tests: the whole brain on 64x64x9 voxels of 3.6x3.6x12 mm.

        A point spreads over as many millimetres as on the usual grid.
        """
        settings: dict[str, object] = {
            "shape": (9, 64, 64),
            "spacing_mm": (3.6, 3.6, 12.0),
            "psf_voxels": 0.225,
        }
        return cls(**{**settings, **changes})  # type: ignore[arg-type]

    def undisturbed(self) -> Acquisition:
        """The same scan without noise, blur, motion or spikes: what the signal equation says."""
        return replace(
            self, snr=math.inf, physiological_noise=0.0, psf_voxels=0.0, motion_mm=0.0, spikes=0
        )

    def as_json(self) -> dict[str, Any]:
        """Every value as JSON can hold it; Acquisition(**values) is the same again."""
        return {**asdict(self), "snr": self.snr if math.isfinite(self.snr) else None}

    @property
    def frame_times_s(self) -> np.ndarray:
        """(T,) seconds since the first frame."""
        return np.arange(self.frames) * self.repetition_time_s

    @property
    def slice_times_s(self) -> np.ndarray:
        """(K,) seconds from the start of a frame to the excitation of each slice.

        0 for all when simultaneous; else the slices share TR evenly, from the lowest up, from the
        highest down, or every second one from the lowest up and then those between.
        """
        slices = self.shape[0]
        if self.slice_order == "simultaneous":
            return np.zeros(slices)
        order = np.arange(slices)
        if self.slice_order == "descending":
            order = order[::-1]
        elif self.slice_order == "interleaved":
            order = np.concatenate([order[::2], order[1::2]])
        times = np.empty(slices)
        times[order] = np.arange(slices) * (self.repetition_time_s / slices)
        return times

    @property
    def geometry(self) -> Geometry:
        """The grid: axial, centred on the head, patient's right at the first column."""
        extent = [(n - 1) * step for n, step in zip(self.shape[::-1], self.spacing_mm, strict=True)]
        return Geometry(
            shape=self.shape,
            spacing=self.spacing_mm,
            origin=(-extent[0] / 2, -extent[1] / 2, self.shift_mm - extent[2] / 2),
        )


def _check_grid(shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> None:
    if len(shape) != 3 or any(
        n % 1 != 0 or not lowest <= n <= highest
        for n, (lowest, highest) in zip(shape, _LEGAL_SHAPE, strict=True)
    ):
        raise InputError(
            f"The matrix is {' x '.join(str(n) for n in shape)}; give slices (1 to 300), rows and "
            "columns (8 to 1024)."
        )
    lowest, highest = _LEGAL_SPACING_MM
    if len(spacing_mm) != 3 or not all(lowest <= step <= highest for step in spacing_mm):
        raise InputError(
            f"The voxels measure {' x '.join(str(step) for step in spacing_mm)} mm; give three "
            f"sizes from {lowest:g} to {highest:g} mm."
        )
