"""The scale of flow and volume, one for every method that divides by an arterial curve.

CBV = kH/rho integral C dt / integral Ca dt (Ostergaard 1996), over one window for both areas: from
the first baseline frame to a time after the mean curve's peak.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..series.bolus import BolusTiming
from ..series.curve import area_weights

K_H = (1 - 0.45) / (1 - 0.25)
"""Haematocrit factor of arteries over capillaries."""
RHO_G_PER_ML = 1.04
"""Density of brain tissue."""
ML_PER_100_G = 100.0
S_PER_MIN = 60.0
CBV_PER_AREA = K_H / RHO_G_PER_ML * ML_PER_100_G
"""CBV in ml/100g of a tissue curve whose area is that of the arterial curve."""

_AREA_AFTER_PEAK_S = 45.0
"""Curves are integrated from the first baseline frame to this long after the mean curve's peak.

Enough for tissue with a delay of 8 s and a transit time of 14 s to show 94 % of its area; beyond
it the uncertain baseline of a voxel adds more noise than signal.
"""
_PLAUSIBLE_CBF = (10.0, 90.0)


def volume_weights(times_s: np.ndarray, bolus: BolusTiming) -> np.ndarray:
    """(T,) weights in seconds so that ``weights @ curve`` is the area that counts for volume.

    times_s  (T,) frame times of the series that `bolus` is the timing of.
    """
    last = times_s[bolus.peak] + _AREA_AFTER_PEAK_S
    return area_weights(
        times_s, bolus.baseline_start, int(np.searchsorted(times_s, last, side="right"))
    )


def arterial_area(weights: np.ndarray, arterial: np.ndarray, source: str) -> float:
    """Area of a (T,) arterial curve in s times its unit; InputError where it is not positive.

    weights  (T,) of `volume_weights`.
    source   where the curve came from, for the message.
    """
    area = float(weights @ arterial)
    if not area > 0:
        raise InputError(
            f"The area under the arterial curve is {area:.3g}, not positive ({source}); "
            "choose another artery."
        )
    return area


def flow(cbv: np.ndarray, mtt_s: np.ndarray) -> np.ndarray:
    """(N,) float32 CBF in ml/100g/min by the central volume theorem, 0 where there is no MTT.

    cbv    (N,) float32 in ml/100g; `mtt_s` (N,) float32 in s.
    """
    cbf = np.zeros_like(cbv)
    np.divide(cbv * np.float32(S_PER_MIN), mtt_s, out=cbf, where=mtt_s > 0)
    return cbf


def scale_warning(cbf: np.ndarray) -> tuple[str, ...]:
    """What to say where the flow of the whole brain (ml/100g/min) is out of scale.

    cbf  of the voxels without a flag; of none of them nothing can be said.
    """
    if not cbf.size:
        return ()
    median = float(np.median(cbf))
    lowest, highest = _PLAUSIBLE_CBF
    if lowest <= median <= highest:
        return ()
    return (
        f"The median CBF is {median:.0f} ml/100g/min (a brain has {lowest:.0f} to {highest:.0f}): "
        "the height of the arterial curve is not on the scale of tissue, as is common in DSC-MRI; "
        "read CBF and CBV as ratios.",
    )
