"""Slices of any matrix on the network's plane and back."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.methods.slice_plane import SlicePlane

RNG = np.random.default_rng(0)


def test_the_same_matrix_keeps_every_value():
    plane = SlicePlane((64, 64), (1.9, 1.9), 64)
    values = RNG.normal(size=(3, 64, 64)).astype(np.float32)
    np.testing.assert_array_equal(plane.to_network(values), values)
    brain = np.ones((64, 64), bool)
    np.testing.assert_array_equal(plane.from_network(values[0], brain), values[0])


def test_a_matrix_twice_as_fine_is_averaged():
    plane = SlicePlane((8, 8), (0.9, 0.9), 4)
    row = np.arange(8.0)[:, None] + np.zeros(8)
    # Means over a tent of two coarse voxels; straight lines stay what they are, but at the ends.
    np.testing.assert_allclose(plane.to_network(row)[1:3], [[2.5] * 4, [4.5] * 4], atol=1e-6)


@pytest.mark.parametrize("shape", [(256, 256), (96, 96), (100, 128), (128, 90)])
def test_straight_lines_come_back_within_the_brain(shape):
    step = (200 / shape[1], 220 / shape[0])
    plane = SlicePlane(shape, step, 128)
    j, i = np.indices(shape, dtype=float)
    y, x = (j - (shape[0] - 1) / 2) * step[1], (i - (shape[1] - 1) / 2) * step[0]
    values, mask = 0.03 * x - 0.02 * y + 7, (x / 70) ** 2 + (y / 80) ** 2 < 1
    there = plane.to_network(values)
    assert there.shape == (128, 128)
    brain = plane.brain(mask)
    assert brain.sum() * (220 / 128) ** 2 == pytest.approx(mask.sum() * np.prod(step), rel=0.03)
    back = plane.from_network(np.where(brain, there, 1000), brain)
    assert np.abs(back - values)[mask].max() < 0.08


def test_a_slice_that_is_not_square_is_not_stretched():
    plane = SlicePlane((64, 32), (3.0, 3.0), 64)
    there = plane.to_network(np.ones((64, 32)))
    np.testing.assert_array_equal(there[:, 16:48], 1)
    assert not there[:, :15].any()
    assert not there[:, 49:].any()


def test_heads_are_seen_the_same_way_up():
    values = RNG.normal(size=(64, 64)).astype(np.float32)
    usual, turned = (SlicePlane((64, 64), (2.0, 2.0), 64, down) for down in (False, True))
    there = turned.to_network(values[::-1])
    np.testing.assert_allclose(there, usual.to_network(values), atol=1e-6)
    brain = np.ones((64, 64), bool)
    np.testing.assert_allclose(turned.from_network(there, brain), values[::-1], atol=1e-6)


@pytest.mark.parametrize("matrix", [64, 200, 256])
def test_every_voxel_of_a_mask_is_seen_however_thin_the_mask(matrix):
    plane = SlicePlane((matrix, matrix), (220 / matrix, 220 / matrix), 64)
    mask = np.zeros((matrix, matrix), bool)
    mask[matrix // 2, matrix // 3] = mask[3, 5] = True
    mask[10:30, matrix - 9] = True
    brain = plane.brain(mask)
    back = plane.from_network(np.where(brain, 7.0, 1000).astype(np.float32), brain)
    np.testing.assert_allclose(back[mask], 7, rtol=1e-5)
    assert plane.to_network(mask)[brain].min() >= 1e-3
