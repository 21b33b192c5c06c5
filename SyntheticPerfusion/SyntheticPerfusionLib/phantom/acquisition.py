"""How a digital patient is scanned: everything the scanner and the injection decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.geometry import Geometry


@dataclass(frozen=True)
class Acquisition:
    """A gradient-echo EPI protocol for DSC-MRI.

    shape                 (K, J, I) matrix: slices, rows, columns.
    spacing_mm            (i, j, k) voxel size.
    shift_mm              how far the middle of the stack lies above the middle of the head.
    echo_time_s           TE.
    repetition_time_s     TR, the time between frames.
    frames                number of frames T.
    flip_angle_deg        with TR and the T1 of a tissue it sets the contrast and how far the
                          first frame lies above the steady state.
    snr                   mean baseline brain signal over the standard deviation of the noise of
                          either channel (Rician noise); inf for none.
    residue               family of the tissue residue function (see residue.RESIDUES).
    bolus_onset_s         when the bolus reaches the arteries, give or take a second by seed.
    aif_peak_per_s        peak of the arterial curve in 1/s of R2*, on the scale of tissue: what
                          blood at that concentration adds to R2* when it fills capillaries.
    arterial_relaxivity   what the same concentration adds to R2* inside a large vessel, over
                          what it adds in tissue. About 0.1-0.3: the field between capillaries
                          and tissue dephases far more than blood alone (Kjolby et al. 2006).
                          With 1, arteries at the noise floor or grey matter without a dip are
                          the only choice, as neither looks like a real series. An arterial curve
                          measured in an artery is therefore smaller by this factor than the
                          true one, and absolute CBF and CBV come out larger by its inverse.
    motion_mm             size of head motion (drift and steps); rotation goes along in degrees
                          by the same number. 0 for none.
    """

    shape: tuple[int, int, int] = (25, 128, 128)
    spacing_mm: tuple[float, float, float] = (1.8, 1.8, 5.0)
    shift_mm: float = 0.0
    echo_time_s: float = 0.030
    repetition_time_s: float = 1.5
    frames: int = 80
    flip_angle_deg: float = 60.0
    snr: float = 50.0
    residue: str = "exponential"
    bolus_onset_s: float = 18.0
    aif_peak_per_s: float = 430.0
    arterial_relaxivity: float = 0.15
    motion_mm: float = 0.0

    @classmethod
    def small(cls, **changes: float | int | str) -> Acquisition:
        """A coarse one for tests: the whole brain on 64x64x9 voxels of 3.6x3.6x12 mm."""
        settings: dict[str, object] = {"shape": (9, 64, 64), "spacing_mm": (3.6, 3.6, 12.0)}
        return cls(**{**settings, **changes})  # type: ignore[arg-type]

    @property
    def frame_times_s(self) -> np.ndarray:
        """(T,) seconds since the first frame."""
        return np.arange(self.frames) * self.repetition_time_s

    @property
    def geometry(self) -> Geometry:
        """The grid: axial, centred on the head, patient's right at the first column."""
        extent = [(n - 1) * step for n, step in zip(self.shape[::-1], self.spacing_mm, strict=True)]
        return Geometry(
            shape=self.shape,
            spacing=self.spacing_mm,
            origin=(-extent[0] / 2, -extent[1] / 2, self.shift_mm - extent[2] / 2),
        )
