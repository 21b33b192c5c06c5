"""One examination as the network of Hess 2018 sees it: sequences, frame times, bolus.

The same for training, which reads patches with a shift, and for the method, which reads every
voxel of the brain. The paper pads each volume with zeros to one size; voxels are encoded one by
one and what lies outside the brain counts as 0 here, so that no padding is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..series.bolus import BolusTiming, timing_of_curve
from .hess_bolus import early_strong_voxels, patch_weights
from .hess_settings import HessArchitecture, HessPreprocessing
from .hess_window import Window, make_window
from .products import product

_LEAST_SD = 1e-3
"""Least standard deviation as a share of the mean signal, for voxels that do not change."""
_LEAST_BASELINE = 0.05
"""Least baseline of a voxel as a share of the brain's."""


class HessInput:
    """A series, standardised on demand.

    times_s   (T,) seconds since the first acquired frame.
    bolus     timing of the brain's mean curve.
    """

    def __init__(
        self,
        signal: np.ndarray,
        frame_times_s: np.ndarray,
        mask: np.ndarray,
        spacing_mm: tuple[float, float, float],
        architecture: HessArchitecture,
        preprocessing: HessPreprocessing,
        direction: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
    ) -> None:
        """An examination at steady state.

        signal      (T, K, J, I), any float type, arbitrary units; may be memory-mapped.
        mask        (K, J, I) bool, the brain.
        spacing_mm  (i, j, k) voxel size; direction as in series.geometry.Geometry.
        Raises InputError where the brain shows no bolus.
        """
        self._frames = signal.reshape(len(signal), -1)
        self._inside = np.flatnonzero(mask)
        self._shape = mask.shape
        self._architecture, self._preprocessing = architecture, preprocessing
        self.times_s = np.asarray(frame_times_s, float)
        mean = np.array(
            [np.nanmean(frame[self._inside], dtype=np.float64) for frame in self._frames]
        )
        self.bolus: BolusTiming = timing_of_curve(mean, self.times_s)
        self._scale = self.bolus.baseline
        self._baseline = self._voxel_baselines()
        self._moments = self._brain_moments()
        self._code_of = self._code_source(spacing_mm, direction)

    def window(self, shift: int = 0) -> Window:
        """The frames of the sequence, moved to later ones by `shift`."""
        return make_window(
            self.times_s,
            self.bolus.peak,
            self._architecture.frames,
            self._preprocessing.smoothing_frames,
            shift,
        )

    def times(self, window: Window) -> np.ndarray:
        """(N,) float32 frame times as the network takes them."""
        return window.times_for_network(self._preprocessing.frame_time_unit_s)

    def sequences(self, window: Window, voxels: np.ndarray) -> np.ndarray:
        """(V, N) float32 sequences of flat voxel indices (V,), standardised and smoothed."""
        curves = self._curves(voxels)
        return np.ascontiguousarray(self._standardised(curves, voxels, window).T)

    def bolus_input(self, window: Window) -> dict[str, np.ndarray]:
        """What the bolus characterisation takes, by name; empty without one.

        "patch": patch (N, D, H, W) float32. "attention": curves (M, N) and features (M, F).
        """
        return self._code_of(window)

    def _curves(self, voxels: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self._frames[:, voxels].astype(np.float32)) / np.float32(self._scale)

    def _voxel_baselines(self) -> np.ndarray | None:
        """(K*J*I,) mean baseline of each voxel over the brain's, where it is wanted."""
        if self._preprocessing.standardisation != "baseline":
            return None
        frames = self._frames[self.bolus.baseline_start : self.bolus.baseline_stop]
        mean = np.nan_to_num(np.mean(frames, axis=0, dtype=np.float32)) / np.float32(self._scale)
        return np.maximum(mean, _LEAST_BASELINE)

    def _brain_moments(self) -> np.ndarray | None:
        """(2, T) mean and mean square of each frame over the brain, where they are wanted."""
        if self._preprocessing.standardisation == "voxel":
            return None
        moments = np.empty((2, len(self._frames)))
        divisor = (
            self._scale if self._baseline is None else self._scale * self._baseline[self._inside]
        )
        for n, frame in enumerate(self._frames):
            values = np.nan_to_num(frame[self._inside].astype(np.float32)) / divisor
            moments[:, n] = values.mean(), np.mean(values * values)
        return moments

    def _standardised(self, curves: np.ndarray, voxels: np.ndarray, window: Window) -> np.ndarray:
        """(N, V) of curves (T, V) at the flat indices `voxels`.

        Mean and variance are those of the sequence as padded, before smoothing.
        """
        if self._baseline is not None:
            curves = curves / self._baseline[voxels]
        if self._moments is None:
            return _each_standardised(curves, window)
        mean, square = self._moments @ (window.counts / window.counts.sum())
        return _smoothed(curves, mean, square, window)

    def _code_source(
        self, spacing_mm: tuple[float, float, float], direction: tuple[float, ...]
    ) -> Callable[[Window], dict[str, np.ndarray]]:
        if self._architecture.code == "patch":
            return self._patch_source(spacing_mm, direction)
        if self._architecture.code == "attention":
            chosen = early_strong_voxels(
                self._frames, self._inside, self.times_s, self.bolus, self._preprocessing.candidates
            )
            return lambda window: {
                "curves": np.ascontiguousarray(_each_standardised(chosen.curves, window).T),
                "features": chosen.features,
            }
        return lambda window: {}

    def _patch_source(
        self, spacing_mm: tuple[float, float, float], direction: tuple[float, ...]
    ) -> Callable[[Window], dict[str, np.ndarray]]:
        preprocessing, size = self._preprocessing, self._architecture.patch
        voxels, weights = patch_weights(
            self._shape,
            spacing_mm,
            direction,
            preprocessing.patch_centre_mm,
            size,
            preprocessing.patch_step_mm,
        )
        curves = self._curves(voxels)

        def of(window: Window) -> dict[str, np.ndarray]:
            samples = self._standardised(curves, voxels, window) @ weights
            return {"patch": samples.reshape(-1, *size)}

        return of


def _each_standardised(curves: np.ndarray, window: Window) -> np.ndarray:
    """(N, V) sequences of curves (T, V), each by its own mean and variance."""
    share = window.counts / window.counts.sum()
    mean, square = (product(share, one.astype(share.dtype)) for one in (curves, curves * curves))
    return _smoothed(curves, mean, square, window)


def _smoothed(
    curves: np.ndarray, mean: np.ndarray, square: np.ndarray, window: Window
) -> np.ndarray:
    """(N, V) float32 sequences of curves (T, V) with this mean and mean square."""
    sd = np.sqrt(np.maximum(square - mean**2, 0))
    sd = np.maximum(sd, _LEAST_SD * np.maximum(np.abs(mean), _LEAST_SD))
    # Means are taken off in front of the product, which rounds large sums otherwise.
    standardised = ((curves - mean) / sd).astype(np.float32)
    # Voxel by voxel in memory, as the network reads it.
    return product(standardised.T, window.weights.T).T
