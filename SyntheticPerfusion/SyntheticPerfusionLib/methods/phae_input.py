"""What PHAE is given of a subject: curves over the subject's maximum, and volumes (Fayolle 2025).

C(t) = -ln(S(t) / S0) / TE (equation 1); then all curves of a subject, the arterial one included,
are divided by the largest value among them (section 2.1.3). The volume of equation 2 needs no
network. Inference and training read a subject by this one file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..progress import CancelCheck, never, stop_if
from ..series.bolus import BolusTiming
from ..series.concentration import Flag
from ..series.voxel_curves import VoxelCurves
from .parallel import in_parallel
from .scale import arterial_area, volume_weights
from .timing import even_times

NORMALISATION = "subject"
"""What a card says of section 2.1.3: there is one way, in which a model must have been trained."""


@dataclass(frozen=True, eq=False)
class SubjectCurves:
    """N voxels of a subject at T' even times.

    tissue    (N, T') float32, C over `maximum`; 0 where there is no signal.
    arterial  (T',) float32, Ca over `maximum`.
    volume    (N,) float32, area of C over area of Ca (equation 2, without unit), not below 0.
    noise     (N,) float32, standard deviation of the baseline of `tissue`.
    flags     (N,) uint8 of series.concentration.Flag.
    step_s    time between frames in seconds.
    maximum   the largest value of Ca and of the subject's curves without a flag, in 1/s: a voxel
              whose signal lies at the noise floor would set a scale of its own.
    """

    tissue: np.ndarray
    arterial: np.ndarray
    volume: np.ndarray
    noise: np.ndarray
    flags: np.ndarray
    step_s: float
    maximum: float

    @property
    def known(self) -> np.ndarray:
        """(N,) bool: a bolus is seen, and a volume."""
        return shows_passage(self.flags) & (self.volume > 0)


def shows_passage(flags: np.ndarray) -> np.ndarray:
    """Where there are a signal and a bolus."""
    return (flags != Flag.NO_SIGNAL) & (flags != Flag.NO_BOLUS)


def subject_curves(
    voxels: VoxelCurves,
    bolus: BolusTiming,
    times_s: np.ndarray,
    arterial: np.ndarray,
    source: str,
    kept: np.ndarray | None = None,
    cancelled: CancelCheck = never,
) -> SubjectCurves:
    """The curves of a subject's brain as the network reads them.

    voxels    of the series at steady state, `bolus` its timing, `times_s` (T,) its frame times.
    arterial  (T,) in 1/s; `source` where it came from, for messages.
    kept      (N,) indices into voxels.inside of those that are returned, all where not given; the
              maximum is that of all.
    Raises InputError where the arterial curve has no area, Cancelled where asked to stop.
    """
    even = even_times(times_s)
    weights = volume_weights(times_s, bolus)
    whole_artery = arterial_area(weights, arterial, source)
    tissue_weights = weights.astype(np.float32)
    artery = even.resample(np.asarray(arterial, dtype=np.float32))

    count = voxels.inside.size
    place = np.full(count, -1)
    chosen = np.arange(count) if kept is None else np.asarray(kept)
    place[chosen] = np.arange(chosen.size)
    tissue = np.zeros((chosen.size, artery.size), np.float32)
    volume, noise = np.zeros((2, chosen.size), np.float32)
    flags = np.zeros(chosen.size, np.uint8)
    largest = [float(artery.max())]

    def read_part(part: slice) -> None:
        found = voxels.of(part)
        curves = even.resample(found.curves)
        good = found.flags == Flag.GOOD
        if good.any():
            largest.append(float(curves.max(axis=0)[good].max()))
        wanted = place[part] >= 0
        rows = place[part][wanted]
        tissue[rows] = curves[:, wanted].T
        volume[rows] = np.maximum(tissue_weights @ found.curves[:, wanted], 0) / whole_artery
        noise[rows] = found.noise[wanted]
        flags[rows] = found.flags[wanted]

    for _ in in_parallel(read_part, voxels.parts(), "cpu"):
        stop_if(cancelled)
    maximum = max(largest)
    tissue /= np.float32(maximum)
    noise /= np.float32(maximum)
    return SubjectCurves(
        tissue, artery / np.float32(maximum), volume, noise, flags, even.step_s, maximum
    )
