"""Rigid motion correction, frame by frame, of a series whose contrast the bolus changes.

Every frame is registered on its own to the mean of a few early frames, before the bolus. The
metric is Mattes mutual information (Mattes et al., IEEE Trans Med Imaging 2003;22:120), which
asks that the same signal in one frame goes with the same signal in the other, not that they are
equal: the passing bolus darkens grey matter, white matter and vessels to different degrees. It is
taken over the head and a margin around it, whose edge the bolus does not move.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..errors import InputError
from ..progress import CancelCheck, Progress, never, part, silent, stop_if
from .dsc_series import DscSeries
from .geometry import Geometry
from .images import image_from_array

if TYPE_CHECKING:
    import SimpleITK as sitk

REFERENCE_FRAMES = slice(1, 5)
"""Frames whose mean is the reference: after the first, which is not at steady state."""
MAXIMUM_DISPLACEMENT_MM = 15.0
"""No head moves further in its holder; a registration that says so has failed."""
NEGLIGIBLE_MM = 0.1
"""Frames displaced by less are not interpolated: it would cost more sharpness than it gains."""

_GRID_MM = 3.0
_SMOOTHING_VOXELS = 0.5
_MARGIN_MM = 8.0
_HEAD_SHARE = 0.15
_BINS = 32
_SEED = 1
_STEP_TOLERANCE_MM = 0.02
_ITERATIONS = 20

Parameters = tuple[float, ...]
"""Of an Euler3DTransform: three angles in radians, three translations in mm."""
_AT_REST: Parameters = (0.0,) * 6

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Displacement:
    """How the head moved from the reference frames to each frame (LPS axes, about its centre).

    translations_mm   (T, 3) shift of the centre of the mask.
    rotations_deg     (T, 3) angles about the x, y and z axis (SimpleITK's Euler3DTransform).
    mean_mm           (T,) mean distance by which the voxels of the mask were displaced.
    uncorrected       indices of the frames that stayed as they were, because the registration
                      failed or its result was implausible; their displacement is NaN.
    """

    translations_mm: np.ndarray
    rotations_deg: np.ndarray
    mean_mm: np.ndarray
    uncorrected: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Search:
    """How a search for the best fit goes: its first step, and how many voxels it looks at."""

    step_mm: float
    samples: int
    tolerance: float


_COARSE = _Search(step_mm=2.0, samples=12_000, tolerance=1e-5)
_FINE = _Search(step_mm=0.5, samples=40_000, tolerance=1e-6)


@dataclass(frozen=True, eq=False)
class _Reference:
    """What every frame is registered to."""

    image: sitk.Image
    region: sitk.Image
    centre: tuple[float, ...]
    points: np.ndarray
    factors: tuple[int, ...]


def correct_motion(
    series: DscSeries,
    mask: np.ndarray | None = None,
    progress: Progress = silent,
    cancelled: CancelCheck = never,
    reference_frames: slice = REFERENCE_FRAMES,
) -> tuple[DscSeries, Displacement]:
    """The series with each frame moved back onto the reference, and how far it had moved.

    mask              (K, J, I) bool of the brain; None takes what stands out in the reference.
    reference_frames  frames before the bolus whose mean is the reference.
    Each frame is registered twice: from rest, then finely from the best of its own result and
    those of its neighbours, since a head that has moved stays there and a search that got stuck
    is found out so. Frames are interpolated by cubic B-splines, once.
    Raises InputError where there is no head in the reference, Cancelled where asked to stop.
    """
    reference = _reference(series, mask, reference_frames)
    frames = range(series.frame_count)

    def search(t: int) -> Parameters | None:
        return _registered(_frame(series, t, reference), reference, [_AT_REST], _COARSE)

    coarse = _in_parallel(
        search, frames, part(progress, 0.0, 0.6), cancelled, "Motion correction: searching"
    )

    def refine(t: int) -> Parameters | None:
        starts = [found for found in coarse[max(t - 1, 0) : t + 2] if found is not None]
        moving = _frame(series, t, reference)
        return _registered(moving, reference, [*starts, _AT_REST], _FINE)

    fine = _in_parallel(
        refine, frames, part(progress, 0.6, 0.9), cancelled, "Motion correction: refining"
    )
    displacement = _displacement(fine, reference)
    signal = np.array(series.signal)

    def move(t: int) -> None:
        parameters = fine[t]
        if parameters is not None and displacement.mean_mm[t] >= NEGLIGIBLE_MM:
            signal[t] = _moved(series.signal[t], series.geometry, parameters, reference)

    _in_parallel(move, frames, part(progress, 0.9, 1.0), cancelled, "Motion correction: moving")
    return series.with_signal(signal), displacement


def _in_parallel(
    work: Callable[[int], Result],
    frames: range,
    progress: Progress,
    cancelled: CancelCheck,
    message: str,
) -> list[Result]:
    """`work` for each frame, one thread per core, looking twice a second whether to stop."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(work, t) for t in frames]
        waiting = set(jobs)
        try:
            while waiting:
                stop_if(cancelled)
                _, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                progress(1 - len(waiting) / len(jobs), message)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return [job.result() for job in jobs]


def _displacement(found: list[Parameters | None], reference: _Reference) -> Displacement:
    """How far the head had moved; clears what is implausible from `found`."""
    means = np.full(len(found), np.nan)
    for t, parameters in enumerate(found):
        if parameters is None:
            continue
        transform = _transform(parameters, reference)
        displaced = np.array([transform.TransformPoint(tuple(p)) for p in reference.points])
        mean_mm = float(np.linalg.norm(displaced - reference.points, axis=1).mean())
        if np.isfinite(mean_mm) and mean_mm <= MAXIMUM_DISPLACEMENT_MM:
            means[t] = mean_mm
        else:
            found[t] = None
    values = np.array([parameters or (np.nan,) * 6 for parameters in found])
    return Displacement(
        translations_mm=values[:, 3:],
        rotations_deg=np.rad2deg(values[:, :3]),
        mean_mm=means,
        uncorrected=tuple(int(t) for t in np.flatnonzero(np.isnan(means))),
    )


def _reference(series: DscSeries, mask: np.ndarray | None, frames: slice) -> _Reference:
    import SimpleITK as sitk

    mean = series.signal[frames].mean(axis=0)
    head = mean > _HEAD_SHARE * np.percentile(mean, 99)
    if mask is None:
        mask = head
    if not mask.any() or not head.any():
        raise InputError(
            "There is no head in the first frames to correct motion by; "
            "check the series or give a mask."
        )
    spacing = np.asarray(series.geometry.spacing)
    factors = tuple(
        max(1, round(_GRID_MM / step)) if size > 8 else 1
        for step, size in zip(spacing, reversed(series.geometry.shape), strict=True)
    )
    radius = [max(1, round(_MARGIN_MM / step)) for step in spacing]
    region = sitk.BinaryDilate(image_from_array(mask | head, series.geometry), radius)
    voxels = np.argwhere(mask)[:, ::-1]
    to_lps = series.geometry.voxel_to_lps
    points = voxels[:: max(1, len(voxels) // 2000)] @ to_lps[:3, :3].T + to_lps[:3, 3]
    return _Reference(
        image=_prepared(image_from_array(mean, series.geometry), factors),
        region=sitk.Shrink(region, factors),
        centre=tuple(points.mean(axis=0)),
        points=points,
        factors=factors,
    )


def _prepared(image: sitk.Image, factors: tuple[int, ...]) -> sitk.Image:
    """Smoothed and thinned out to about `_GRID_MM`, so that noise and grid weigh less."""
    import SimpleITK as sitk

    smooth = sitk.DiscreteGaussianImageFilter()
    smooth.SetVariance(
        [
            (_SMOOTHING_VOXELS * factor * step) ** 2
            for factor, step in zip(factors, image.GetSpacing(), strict=True)
        ]
    )
    smooth.SetMaximumKernelWidth(9)
    smooth.SetNumberOfThreads(1)
    return sitk.Shrink(smooth.Execute(image), factors)


def _frame(series: DscSeries, t: int, reference: _Reference) -> sitk.Image:
    return _prepared(image_from_array(series.signal[t], series.geometry), reference.factors)


def _transform(parameters: Parameters, reference: _Reference) -> sitk.Euler3DTransform:
    """From points of the reference to points of the frame."""
    import SimpleITK as sitk

    transform = sitk.Euler3DTransform()
    transform.SetCenter(reference.centre)
    transform.SetParameters(parameters)
    return transform


def _registered(
    moving: sitk.Image, reference: _Reference, starts: list[Parameters], search: _Search
) -> Parameters | None:
    """The best fit near the best of `starts`; None where the search failed."""
    import SimpleITK as sitk

    registration = sitk.ImageRegistrationMethod()
    registration.SetNumberOfThreads(1)
    registration.SetMetricAsMattesMutualInformation(_BINS)
    registration.SetMetricFixedMask(reference.region)
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    share = min(1.0, search.samples / reference.image.GetNumberOfPixels())
    registration.SetMetricSamplingPercentage(share, _SEED)
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetOptimizerAsPowell(
        numberOfIterations=_ITERATIONS,
        stepLength=search.step_mm,
        stepTolerance=_STEP_TOLERANCE_MM,
        valueTolerance=search.tolerance,
    )
    registration.SetOptimizerScalesFromPhysicalShift()

    def metric(parameters: Parameters) -> float:
        registration.SetInitialTransform(_transform(parameters, reference))
        return float(registration.MetricEvaluate(reference.image, moving))

    try:
        start = min(starts, key=metric) if len(starts) > 1 else starts[0]
        transform = _transform(start, reference)
        registration.SetInitialTransform(transform, inPlace=True)
        registration.Execute(reference.image, moving)
    except RuntimeError:
        return None
    return tuple(transform.GetParameters())


def _moved(
    frame: np.ndarray, geometry: Geometry, parameters: Parameters, reference: _Reference
) -> np.ndarray:
    """The frame on the grid of the reference; its edge is continued where it had moved out."""
    import SimpleITK as sitk

    image = image_from_array(frame, geometry)
    resample = sitk.ResampleImageFilter()
    resample.SetReferenceImage(image)
    resample.SetTransform(_transform(parameters, reference))
    resample.SetInterpolator(sitk.sitkBSpline)
    resample.SetUseNearestNeighborExtrapolator(True)
    resample.SetNumberOfThreads(1)
    moved = sitk.GetArrayFromImage(resample.Execute(image))
    return np.clip(moved, frame.min(), frame.max())
