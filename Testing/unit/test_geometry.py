"""Grids in patient space: any right-angled affine survives files and comparisons."""

import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.images import image_from_array, read_image, write_image

SHAPE = (3, 4, 5)
RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@st.composite
def geometries(draw) -> Geometry:
    """Oblique grids of either handedness, axes in any order, voxels of 0.5 to 8 mm."""
    quaternion = np.array([draw(st.floats(-1, 1)) for _ in range(4)])
    if np.linalg.norm(quaternion) < 0.1:
        quaternion = np.array([1.0, 0, 0, 0])
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    direction = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    direction = direction[:, draw(st.permutations(range(3)))]
    direction = direction * np.array([draw(st.sampled_from([-1.0, 1.0])), 1.0, 1.0])
    spacing = tuple(draw(st.floats(0.5, 8)) for _ in range(3))
    origin = tuple(draw(st.floats(-200, 200)) for _ in range(3))
    return Geometry(SHAPE, spacing, origin, tuple(direction.ravel().tolist()))


@given(geometries())
def test_every_voxel_lies_where_simpleitk_says(geometry):
    image = image_from_array(np.zeros(SHAPE, np.float32), geometry)
    for k, j, i in [(0, 0, 0), (2, 0, 1), (1, 3, 4)]:
        ours = geometry.voxel_to_lps @ [i, j, k, 1]
        theirs = image.TransformIndexToPhysicalPoint((i, j, k))
        np.testing.assert_allclose(ours[:3], theirs, atol=1e-9)
    assert Geometry.of_image(image) == geometry


@given(geometries())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_map_survives_a_nifti_voxel_for_voxel(geometry):
    array = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.nii.gz"
        write_image(array, geometry, path)
        back, grid = read_image(path)
        there = nib.load(path)
        values = np.asarray(there.dataobj).T
    np.testing.assert_array_equal(back, array)
    assert grid.matches(geometry)
    np.testing.assert_allclose(there.affine, RAS_FROM_LPS @ geometry.voxel_to_lps, atol=2e-3)
    np.testing.assert_array_equal(values, array)


@given(geometries())
def test_four_axes_lie_like_three(geometry):
    frame = image_from_array(np.zeros(SHAPE, np.float32), geometry)
    assert Geometry.of_image(sitk.JoinSeries([frame, frame])).matches(geometry, 1e-9)


@given(geometries(), st.sampled_from(range(3)), st.floats(0.05, 3))
def test_shifted_grid_does_not_match(geometry, axis, shift):
    origin = list(geometry.origin)
    origin[axis] += shift
    moved = Geometry(geometry.shape, geometry.spacing, tuple(origin), geometry.direction)
    assert geometry.matches(geometry)
    assert not geometry.matches(moved)
    assert geometry.matches(moved, tolerance_mm=shift + 1e-6)


@given(geometries(), st.sampled_from(range(3)))
def test_mirrored_grid_does_not_match(geometry, axis):
    direction = np.reshape(geometry.direction, (3, 3)).copy()
    direction[:, axis] *= -1
    mirrored = Geometry(
        geometry.shape, geometry.spacing, geometry.origin, tuple(direction.ravel().tolist())
    )
    assert not geometry.matches(mirrored)


@given(geometries())
def test_volume_of_a_voxel_is_the_determinant(geometry):
    volume = abs(np.linalg.det(geometry.voxel_to_lps[:3, :3])) / 1000
    assert geometry.voxel_volume_ml == pytest.approx(volume, rel=1e-9)


def test_other_shape_does_not_match():
    assert not Geometry((3, 4, 5), (1, 1, 1)).matches(Geometry((3, 4, 6), (1, 1, 1)))


def test_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        image_from_array(np.zeros((2, 2, 2)), Geometry((3, 4, 5), (1, 1, 1)))
