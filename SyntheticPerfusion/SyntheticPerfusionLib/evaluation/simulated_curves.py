"""Voxel curves of known flow, transit time and delay, packed so that any `Method` can run on them.

A method takes a series, a mask and an arterial curve; here the series is a stack of small slices,
each of one tissue at one delay, with the signal equation and Rician noise. So what is measured is
the code that people run, from the signal on, and no copy of it.

    C(t) = (rho/kH) CBF/6000 (Ca * R)(t - delay),   S(t) = S0 exp(-TE C(t)),   |S + n1 + i n2|

with the deviation of n1 and n2 S0/SNR. The arterial curve that is given is the true one, without
noise, on the scale of an artery: flow comes out larger by 1/ARTERIAL_SHARE, which is taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..methods.scale import K_H, ML_PER_100_G, RHO_G_PER_ML
from ..phantom.acquisition import Acquisition
from ..phantom.aif import ArterialShape
from ..phantom.residue import residue
from ..phantom.tissue_curves import TissueCurves
from ..series.aif import Aif
from ..series.aif_voxels import make_aif
from ..series.dsc_series import DscSeries
from ..series.geometry import Geometry

ARTERIAL_SHARE = Acquisition.arterial_relaxivity

_PER_CBV = RHO_G_PER_ML / K_H / ML_PER_100_G
_BASELINE = 1000.0
_DURATION_S = 120.0


@dataclass(frozen=True)
class CurveTissue:
    """A tissue by its flow (ml/100g/min) and volume (ml/100g)."""

    name: str
    cbf: float
    cbv: float

    @property
    def mtt_s(self) -> float:
        """Mean transit time in s."""
        return 60.0 * self.cbv / self.cbf


TISSUES = (
    CurveTissue("grey matter", 53.0, 3.3),
    CurveTissue("white matter", 25.0, 1.9),
    CurveTissue("penumbra", 16.0, 3.0),
    CurveTissue("core", 5.3, 0.71),
    CurveTissue("tumour", 90.0, 6.0),
)
"""Those of the FAU brain perfusion phantom, and a high-grade tumour."""

DELAYS_S = (0.0, 1.6, 3.2, 4.8, 6.4)


@dataclass(frozen=True)
class CurveConditions:
    """How curves are made; every tissue at every delay, `side` squared voxels of each.

    residue      family of phantom.residue, with the shape of `gamma`.
    snr          baseline signal over the noise of either channel.
    arterial_seed   whose arterial curve it is.
    """

    residue: str = "exponential"
    gamma_shape: float = 4.0
    snr: float = 50.0
    repetition_time_s: float = 1.5
    echo_time_s: float = 0.030
    arterial_seed: int = 0
    tissues: tuple[CurveTissue, ...] = TISSUES
    delays_s: tuple[float, ...] = DELAYS_S
    side: int = 6

    @property
    def family(self) -> str:
        """The residue with its shape where it has one, as in tables."""
        return f"gamma {self.gamma_shape:g}" if self.residue == "gamma" else self.residue

    @property
    def frames(self) -> int:
        """As many as two minutes hold."""
        return round(_DURATION_S / self.repetition_time_s)


@dataclass(frozen=True, eq=False)
class SimulatedCurves:
    """A series of simulated curves; slice k of it has the k-th value of `tissue` and `delay_s`.

    tissue           (K,) index into conditions.tissues; delay_s (K,).
    arterial_share   by which CBF and CBV are to be multiplied.
    """

    conditions: CurveConditions
    series: DscSeries
    mask: np.ndarray
    aif: Aif
    tissue: np.ndarray
    delay_s: np.ndarray
    arterial_share: float = ARTERIAL_SHARE


def simulated_curves(conditions: CurveConditions) -> SimulatedCurves:
    """The curves of these conditions; equal ones give equal curves, noise too.

    Raises InputError for an unknown residue.
    """
    tissue, delay = (
        part.ravel()
        for part in np.meshgrid(
            np.arange(len(conditions.tissues)), np.array(conditions.delays_s), indexing="ij"
        )
    )
    tissues = [conditions.tissues[index] for index in tissue]
    acquisition = Acquisition(
        frames=conditions.frames, repetition_time_s=conditions.repetition_time_s
    )
    shape = ArterialShape.of(acquisition, np.random.default_rng(conditions.arterial_seed))
    table = TissueCurves.tabulate(
        shape.at,
        conditions.frames,
        conditions.repetition_time_s,
        residue(conditions.residue, conditions.gamma_shape),
    )
    transit = torch.tensor([one.mtt_s for one in tissues])
    since = torch.as_tensor(-delay, dtype=torch.float32)
    unit = table.frames(transit, torch.zeros_like(transit), since, conditions.frames).numpy()
    curves = unit * (np.array([one.cbv for one in tissues]) * _PER_CBV)[:, None]
    times = acquisition.frame_times_s
    arterial = shape.at(torch.as_tensor(times)).numpy() * ARTERIAL_SHARE
    series = _series(curves, times, conditions)
    return SimulatedCurves(
        conditions=conditions,
        series=series,
        mask=np.ones(series.geometry.shape, bool),
        aif=make_aif(arterial, times, "truth of simulated curves"),
        tissue=tissue,
        delay_s=delay,
    )


def _series(curves: np.ndarray, times: np.ndarray, conditions: CurveConditions) -> DscSeries:
    """(K, T) curves in 1/s as a series of K slices, each voxel with its own noise."""
    side = conditions.side
    clean = _BASELINE * np.exp(-conditions.echo_time_s * curves.T)[:, :, None, None]
    noise = np.random.default_rng([conditions.arterial_seed, *_words(conditions)]).normal(
        0, _BASELINE / conditions.snr, (2, *clean.shape[:2], side, side)
    )
    return DscSeries(
        signal=np.hypot(clean + noise[0], noise[1]).astype(np.float32),
        frame_times_s=times,
        geometry=Geometry((len(curves), side, side), (1.8, 1.8, 5.0)),
        echo_time_s=conditions.echo_time_s,
        frame_times_source="simulated curves",
        echo_time_source="simulated curves",
        name="Simulated curves",
    )


def _words(conditions: CurveConditions) -> list[int]:
    """Whole numbers that tell conditions apart, for the seed of the noise."""
    text = f"{conditions.residue} {conditions.gamma_shape} {conditions.repetition_time_s}"
    return [round(1000 * conditions.snr), *text.encode()]
