"""The brain in a DSC series, without an atlas or a download."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..errors import InputError
from .bolus import timing_of_curve
from .dsc_series import DscSeries

_OPENING_MM = 4.0
_CLOSING_MM = 6.0
_SMOOTHING_MM = 2.0
_PART_SHARE = 0.1
_PERFUSED_SHARE = 1 / 3
_DROP_SHARE = 0.3
"""Perfused: the smoothed signal falls by this share of the head's median fall."""


def brain_mask(series: DscSeries) -> np.ndarray:
    """(K, J, I) bool mask of the brain, ventricles included.

    The head is what stands out from the air in the mean baseline image (Otsu 1979). Skull, fat,
    eyes and skin hang on the brain by bridges that an in-plane opening cuts; of the parts left,
    the brain is those in which the signal falls with the bolus. They count whole, since in an
    infarct it hardly falls. Where no bolus is found all large parts are taken, so that a person
    can still look at the series and edit the mask.
    Raises InputError where nothing stands out.
    """
    early = _early_mean(series)
    head = _head(early, series.geometry.spacing)
    parts = _parts_after_opening(head, series.geometry.spacing)
    try:
        bolus = timing_of_curve(series.mean_curve(head), series.frame_times_s)
    except InputError:
        brain = _main(parts, parts > 0)
    else:
        steady = slice(bolus.baseline_start, bolus.baseline_stop)
        baseline = series.signal[steady].mean(axis=0, dtype=np.float32)
        trough = series.signal[bolus.peak - 1 : bolus.peak + 3].mean(axis=0, dtype=np.float32)
        perfused = _perfused(head, baseline, trough, series.geometry.spacing)
        brain = _main(parts, perfused)
    brain = _without_islands(_closed_and_filled(brain, series.geometry.spacing) & head)
    if not brain.any():
        raise InputError(
            "No brain was found in the series; give a mask with --mask or draw one in the panel."
        )
    return brain


def _early_mean(series: DscSeries) -> np.ndarray:
    """Mean of the early frames, without the first, which is brighter before steady state."""
    return series.signal[1 : max(3, series.frame_count // 8)].mean(axis=0, dtype=np.float32)


def _head(image: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """What stands out from the air: Otsu's threshold on the smoothed image."""
    import SimpleITK as sitk

    if not np.isfinite(image).all() or image.max() <= image.min():
        raise InputError(
            "The frames show no contrast (constant or not a number); check the series."
        )
    smooth = _smooth(image, spacing)
    threshold = sitk.OtsuThresholdImageFilter()
    threshold.SetInsideValue(0)
    threshold.SetOutsideValue(1)
    ceiling = float(np.percentile(smooth, 99))
    found = threshold.Execute(sitk.GetImageFromArray(np.minimum(smooth, ceiling)))
    return sitk.GetArrayFromImage(found).astype(bool)


def _perfused(
    head: np.ndarray,
    baseline: np.ndarray,
    trough: np.ndarray,
    spacing: tuple[float, float, float],
) -> np.ndarray:
    """Voxels of the head whose smoothed signal falls clearly with the bolus."""
    fall = _smooth(np.where(head, baseline - trough, 0), spacing)
    level = _smooth(np.where(head, baseline, 0), spacing)
    share = np.divide(fall, level, out=np.zeros_like(fall), where=level > 0)
    return head & (share > _DROP_SHARE * float(np.median(share[head])))


def _smooth(image: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    sigma = (0.0, _SMOOTHING_MM / spacing[1], _SMOOTHING_MM / spacing[0])
    return np.asarray(ndimage.gaussian_filter(image.astype(np.float32), sigma))


def _disc(radius_mm: float, spacing: tuple[float, float, float]) -> np.ndarray:
    """In-plane (1, J, I) structuring element of at least one voxel's radius."""
    reach = [max(1, round(radius_mm / spacing[axis])) for axis in (1, 0)]
    row, column = np.ogrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    return ((row / reach[0]) ** 2 + (column / reach[1]) ** 2 <= 1.0)[None]


def _parts_after_opening(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """3D-connected parts of the opened mask, numbered from 1."""
    opened = ndimage.binary_opening(_filled(mask), _disc(_OPENING_MM, spacing))
    labels, _ = ndimage.label(opened if opened.any() else mask)
    return np.asarray(labels)


def _main(parts: np.ndarray, perfused: np.ndarray) -> np.ndarray:
    """The parts with most perfused voxels: the largest, and others of a tenth of its size.

    A part counts whole, infarct included, if a third of it is perfused. A thin slab at the skull
    base holds the cerebellum and the temporal lobes apart.
    """
    sizes = np.bincount(parts.ravel())
    alive = np.bincount(parts.ravel(), weights=perfused.ravel())
    sizes[0] = 0
    alive[0] = 0
    kept = (alive >= _PART_SHARE * alive.max()) & (alive > _PERFUSED_SHARE * sizes)
    return np.asarray(kept[parts])


def _without_islands(mask: np.ndarray) -> np.ndarray:
    """In each slice only what has a tenth of the size of its largest part: no eye, no scalp."""
    kept = np.zeros_like(mask)
    for section, result in zip(mask, kept, strict=True):
        labels, _ = ndimage.label(section)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        result[:] = ((sizes > 0) & (sizes >= _PART_SHARE * sizes.max()))[labels]
    return kept


def _closed_and_filled(mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    disc = _disc(_CLOSING_MM, spacing)
    margin = [(0, 0), *((reach, reach) for reach in (disc.shape[1], disc.shape[2]))]
    closed = ndimage.binary_closing(np.pad(mask, margin), disc)
    inner = closed[:, margin[1][0] : -margin[1][0] or None, margin[2][0] : -margin[2][0] or None]
    return _filled(inner)


def _filled(mask: np.ndarray) -> np.ndarray:
    """Holes closed slice by slice, so that the ventricles belong to the brain."""
    return np.stack([ndimage.binary_fill_holes(section) for section in mask])
