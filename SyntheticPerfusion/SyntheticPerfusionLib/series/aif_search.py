"""The arterial input function found without anyone picking it (Mouridsen 2006).

Large curves, then smooth ones, then two rounds of clustering by shape that each keep the earliest:
Mouridsen K, Christensen S, Gyldensted L, Ostergaard L. Automatic selection of arterial input
function using cluster analysis. Magn Reson Med 2006;55:524-531.
"""

from __future__ import annotations

import numpy as np
from scipy.cluster.vq import kmeans2

from ..errors import InputError
from .aif import Aif
from .aif_voxels import aif_of_voxels
from .bolus import BolusTiming, find_bolus
from .concentration import Flag
from .dsc_series import DscSeries
from .voxel_curves import VoxelCurves

_LARGEST_SHARE = 0.10
_ROUGHEST_SHARE = 0.25
_NARROWEST_SHARE = 0.2
_CLUSTERS = 5
_ROUNDS = 2
_FEWEST = 4
_MOST = 10
_SEED = 2006
_RESTARTS = 8


def find_aif(series: DscSeries, mask: np.ndarray, bolus: BolusTiming | None = None) -> Aif:
    """The automatic arterial input function.

    series  at steady state, with an echo time.
    mask    (K, J, I) bool, where arteries are looked for.
    bolus   its timing, found on the mask's mean where not given.
    Raises InputError where fewer than five voxels show an unsaturated bolus.

    Of the curves in the mask without a flag, the tenth of largest area is kept, of these the
    quarter with the largest integral of the squared second derivative dropped (both of Mouridsen's
    fractions), then five clusters of the area-normalised curves are formed twice, each time going
    on with the cluster of lowest first moment. Areas and moments run from arrival to where the
    mean curve has passed its first peak, so that recirculation does not count as lateness.
    """
    bolus = bolus or find_bolus(series, mask)
    every = VoxelCurves(series, mask, bolus)
    window = _first_pass(bolus, series.frame_count)
    times = series.frame_times_s[window] - series.frame_times_s[window.start]
    area = np.zeros(every.inside.size)
    usable = np.zeros(every.inside.size, dtype=bool)
    for part in every.parts():
        found = every.of(part)
        usable[part] = found.flags == Flag.GOOD
        area[part] = np.trapezoid(found.curves[window], times, axis=0)
    usable &= area > 0
    if usable.sum() < _CLUSTERS:
        raise InputError(
            f"Only {int(usable.sum())} voxels of the mask show a whole, unsaturated bolus, too "
            "few to find an artery; give the arterial curve with --aif or choose a segment."
        )
    largest = np.flatnonzero(usable)[np.argsort(-area[usable], kind="stable")]
    chosen = largest[: max(_CLUSTERS, round(_LARGEST_SHARE * len(largest)))]
    curves = every.of(chosen).curves[window].T.astype(np.float64)
    shapes = curves / area[chosen, None]
    roughness = np.sum(np.diff(shapes, 2, axis=1) ** 2, axis=1)
    smooth = np.argsort(roughness, kind="stable")
    smooth = smooth[: max(_CLUSTERS, round((1 - _ROUGHEST_SHARE) * len(smooth)))]
    chosen, shapes = chosen[smooth], shapes[smooth]

    for _ in range(_ROUNDS):
        earliest = _earliest_cluster(shapes, times)
        if earliest.sum() < _FEWEST:
            break
        chosen, shapes = chosen[earliest], shapes[earliest]

    narrowest = np.argsort(-shapes.max(axis=1), kind="stable")
    count = int(np.clip(round(_NARROWEST_SHARE * len(chosen)), _FEWEST, _MOST))
    chosen = chosen[narrowest[:count]]

    voxels = np.zeros(mask.size, dtype=bool)
    voxels[every.inside[chosen]] = True
    return aif_of_voxels(
        series, voxels.reshape(mask.shape), bolus, "automatic (after Mouridsen 2006)", every.sigma
    )


def _first_pass(bolus: BolusTiming, frames: int) -> slice:
    """From arrival to three rise times after the mean curve's peak."""
    rise = max(2, bolus.peak - bolus.arrival)
    return slice(max(0, bolus.arrival - 1), min(frames, bolus.peak + 3 * rise + 1))


def _earliest_cluster(shapes: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(N,) bool of the cluster whose mean shape has the lowest first moment."""
    if len(shapes) <= _CLUSTERS:
        return np.ones(len(shapes), dtype=bool)
    best_spread, best = np.inf, None
    for restart in range(_RESTARTS):
        centres, member = kmeans2(
            shapes, _CLUSTERS, minit="++", rng=np.random.default_rng(_SEED + restart)
        )
        spread = float(np.sum((shapes - centres[member]) ** 2))
        if spread < best_spread:
            best_spread, best = spread, (centres, member)
    assert best is not None
    centres, member = best
    moments = np.full(_CLUSTERS, np.inf)
    for cluster in np.unique(member):
        mean = centres[cluster]
        moments[cluster] = np.sum(mean * times) / np.sum(mean)
    return np.asarray(member == moments.argmin())
