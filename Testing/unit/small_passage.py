"""A slab of known tissue with an artery and a sinus, for tests of the collateral phases."""

from __future__ import annotations

import numpy as np
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

from .curves import arterial, tissue

SHAPE = (2, 10, 16)
GEOMETRY = Geometry(SHAPE, (2.0, 2.0, 5.0), (-15.0, -9.0, 0.0))
TIMES_S = np.arange(0, 90, 1.5)
ECHO_TIME_S = 0.03
SIDE = SHAPE[2] // 2

MCA, SSS = np.zeros((2, *SHAPE), bool)
MCA[:, 4:6, 2] = True
SSS[:, 8:, SIDE - 1 : SIDE + 1] = True
BRAIN = np.ones(SHAPE, bool)
BRAIN[:, 9] = False
LESION = np.zeros(SHAPE, bool)
LESION[:, 2:7, SIDE + 2 : SIDE + 7] = True


def passage(snr: float = 100.0, seed: int = 0, frames: int = len(TIMES_S)) -> DscSeries:
    """A series of healthy tissue with a late and slow lesion, a fed artery and a sinus."""
    times = TIMES_S[:frames]
    # Relaxation per unit of the curves: grey matter drops by a quarter, vessels by four fifths.
    rate = np.empty((frames, *SHAPE))
    rate[:] = 220 * tissue(TIMES_S, 50, 4.0)[:frames, None, None, None]
    rate[:, LESION] = 220 * tissue(TIMES_S, 16, 12.0, 5.0)[:frames, None]
    rate[:, MCA] = 50 * arterial(times)[:, None]
    rate[:, SSS] = 45 * arterial(times, onset_s=18.5, scale_s=1.8)[:, None]
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(0, 1000 / snr, (2, *rate.shape))
    signal = np.hypot(1000 * np.exp(-ECHO_TIME_S * rate) + real, imaginary)
    return DscSeries(signal, times, GEOMETRY, ECHO_TIME_S, "test", "test", "passage")
