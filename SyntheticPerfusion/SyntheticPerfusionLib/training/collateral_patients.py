"""The patients of a collateral training: input and targets of each, kept in memory once made.

A patient is drawn as a whole, or as a box of a given size: three dimensions are what the network
is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..errors import InputError
from ..methods.collateral_input import (
    Canvas,
    CollateralInput,
    canvas_around,
    centred_canvas,
    collateral_input,
    upright,
)
from ..methods.collateral_scale import PhaseScale
from ..methods.collateral_settings import QUANTITIES, CollateralPreprocessing
from ..phantom.truth import TissueLabel
from .opened_once import OpenedOnce, counted_with_vessels
from .patients import TrainingPatient

_WRONG_DEPTH = 2
"""Slices with which gradients of convolutions three slices deep are wrong in bfloat16 on CPUs
(torch 2.13 reads memory there that nobody wrote); with one slice and with three they are right."""
_ROBUST_PERCENTILE = 99.5
_LESIONS = (TissueLabel.CORE, TissueLabel.PENUMBRA)
_EVERY = 7
"""Of the voxels of each patient, one in so many tells the highest value of a map: no divisor of
usual numbers of columns, so that all columns have their say."""


@dataclass(frozen=True, eq=False)
class PhaseExample:
    """What the network is given and should say.

    volume  (points, K, J, I) float32.
    places  (V,) int64: where the voxels that count lie in (K, J, I), flat.
    target  (V, 5) float32 in the maps' unit.
    weight  (V,) float32 of each in the loss: 1, or that of a lesion.
    """

    volume: np.ndarray
    places: np.ndarray
    target: np.ndarray
    weight: np.ndarray


class PhasePatient:
    """A training patient, opened when it is first wanted."""

    def __init__(
        self,
        patient: TrainingPatient,
        points: int,
        preprocessing: CollateralPreprocessing,
        median_width: int = 1,
        vessels: bool = True,
        lesion_weight: float = 1.0,
    ) -> None:
        """A patient with five collateral maps.

        median_width  of the filter of the targets in the plane, in voxels; 1: none.
        vessels       whether the large vessels of a digital patient count, whose curves have
                      phases as all others have.
        lesion_weight of core and penumbra of a digital patient.
        """
        self.patient = patient
        self._vessels = vessels
        self._points, self._preprocessing = points, preprocessing
        self._median_width, self._lesion_weight = median_width, lesion_weight
        self.input = OpenedOnce(patient, self._opened)

    def _opened(self) -> CollateralInput:
        patient = self.patient
        made = collateral_input(
            patient.signal,
            patient.frame_times_s,
            np.asarray(patient.mask),
            self._points,
            self._preprocessing,
            patient.direction,
        )
        # Half the memory, and finer than the noise.
        return CollateralInput(made.voxels, made.values.astype(np.float16))

    @cached_property
    def _counted(self) -> np.ndarray:
        """(3, V) the voxels whose targets count, of those that the network sees."""
        counted = np.asarray(self.patient.counted)
        if self._vessels:
            counted = counted_with_vessels(self.patient, QUANTITIES)
        if self._preprocessing.mask == "paper":
            seen = np.zeros(counted.shape, bool)
            shape, direction = counted.shape, self.patient.direction
            seen[tuple(upright(self.input().voxels, shape, direction))] = True
            counted = counted & seen
        return np.stack(np.nonzero(counted))

    @cached_property
    def counted(self) -> np.ndarray:
        """(3, V) the same voxels in an upright head."""
        return upright(self._counted, self.patient.mask.shape, self.patient.direction)

    @cached_property
    def target(self) -> np.ndarray:
        """(V, 5) float32 of those voxels."""
        where = tuple(self._counted)
        size = (1, self._median_width, self._median_width)
        columns = []
        for name in QUANTITIES:
            values = np.asarray(self.patient.targets[name], np.float32)
            if self._median_width > 1:
                values = ndimage.median_filter(values, size)
            columns.append(values[where])
        return np.stack(columns, axis=1)

    @cached_property
    def weight(self) -> np.ndarray:
        """(V,) float32 weights of those voxels in the loss."""
        labels = self.patient.labels
        if labels is None:
            return np.ones(self._counted.shape[1], np.float32)
        lesion = np.isin(labels[tuple(self._counted)], _LESIONS)
        return np.where(lesion, self._lesion_weight, 1).astype(np.float32)

    def whole(self, multiple: int) -> Canvas:
        """The canvas that holds all of the brain."""
        return canvas_around(self.input().voxels, multiple)

    def part(self, crop: tuple[int, int, int], multiple: int, rng: np.random.Generator) -> Canvas:
        """A canvas of `crop` slices, rows and columns, 0 standing for all that hold brain.

        Rows and columns are those in the middle; fewer slices than there are begin anywhere. Two
        are given an empty third, see _WRONG_DEPTH.
        """
        all_of_it = self.whole(multiple)
        shape = tuple(wanted or whole for wanted, whole in zip(crop, all_of_it.shape, strict=True))
        slices = shape[0] + (shape[0] == _WRONG_DEPTH)
        centred = centred_canvas(self.input().voxels, (slices, shape[1], shape[2]))
        spare = all_of_it.shape[0] - slices
        if spare <= 0:
            return centred
        start = all_of_it.origin[0] + int(rng.integers(spare + 1))
        return Canvas((start, *centred.origin[1:]), centred.shape)

    def example(self, canvas: Canvas, flipped: bool = False) -> PhaseExample:
        """The patient on a canvas; left and right exchanged where `flipped`."""
        volume = self.input().volume(canvas)
        held, places = canvas.places(self.counted)
        if flipped:
            volume = np.ascontiguousarray(volume[..., ::-1])
            columns = canvas.shape[2]
            places = places + (columns - 1 - 2 * (places % columns))
        return PhaseExample(volume, places, self.target[held], self.weight[held])


def robust_scale(patients: Sequence[PhasePatient]) -> PhaseScale:
    """Of each phase, the value that one counted voxel in two hundred of these patients exceeds."""
    values = np.concatenate([one.target[::_EVERY] for one in patients])
    if not len(values):
        raise InputError("No voxel of the training patients counts; check their brain masks.")
    highest = np.percentile(values, _ROBUST_PERCENTILE, axis=0)
    if not (highest > 0).all():
        raise InputError("A phase shows no tracer in the training patients; check their maps.")
    return PhaseScale(tuple(float(value) for value in highest))
