"""Regions drawn on other grids than the map's, and the table of their ratios."""

from __future__ import annotations

import numpy as np
import slicer
from in_slicer.scene_case import (
    COARSE,
    OBLIQUE,
    RADIUS,
    SPHERE_ML,
    SceneCase,
    map_volume,
    painted_segment,
    sphere_segment,
)
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.mrml import coverage, grid, maps, ratio_table
from SyntheticPerfusionLib.series.geometry import Geometry

_C, _S = np.cos(np.pi / 6), np.sin(np.pi / 6)


class CoverageCase(SceneCase):
    def volume_ml(self, weights: np.ndarray, geometry: Geometry) -> float:
        return float(weights.sum()) * geometry.voxel_volume_ml

    def test_a_surface_keeps_its_volume_and_place_on_a_coarse_grid(self) -> None:
        node, segment = sphere_segment(self.scene, (1.0, 2.0, 3.0))
        weights = coverage.segment_coverage(node, segment, map_volume(self.scene, COARSE))
        self.assertAlmostEqual(self.volume_ml(weights, COARSE) / SPHERE_ML, 1.0, delta=0.01)
        k, j, i = np.indices(weights.shape)
        centre = [float((axis * weights).sum() / weights.sum()) for axis in (i, j, k)]
        ras = grid.voxel_to_ras(COARSE) @ [*centre, 1]
        np.testing.assert_allclose(ras[:3], (1, 2, 3), atol=0.1)

    def test_coverage_is_fractional_where_nearest_voxels_are_off(self) -> None:
        geometry = Geometry((9, 20, 20), (2.0, 2.0, 5.0), (-19.0, -19.0, -20.0))
        volume = map_volume(self.scene, geometry)
        node, segment = sphere_segment(self.scene, (0.0, 0.0, 2.5))
        weights = coverage.segment_coverage(node, segment, volume)
        k, j, i = np.indices(geometry.shape)
        points = np.stack([i, j, k, np.ones_like(i)], -1) @ grid.voxel_to_ras(geometry).T
        nearest = np.linalg.norm(points[..., :3] - (0, 0, 2.5), axis=-1) <= RADIUS
        self.assertGreater(abs(self.volume_ml(nearest, geometry) / SPHERE_ML - 1), 0.05)
        self.assertAlmostEqual(self.volume_ml(weights, geometry) / SPHERE_ML, 1.0, delta=0.01)
        self.assertTrue(((weights > 0.02) & (weights < 0.98)).any())

    def test_a_segment_painted_on_a_fine_oblique_grid_keeps_its_volume(self) -> None:
        spacing = 0.7
        size = 30
        k, j, i = np.indices((size, size, size)) * spacing
        middle = (size - 1) / 2 * spacing
        inside = (i - middle) ** 2 + (j - middle) ** 2 + (k - middle) ** 2 <= RADIUS**2
        to_ras = np.eye(4)
        to_ras[:3, :3] = np.array([[_C, -_S, 0], [_S, _C, 0], [0, 0, 1]]) * spacing
        to_ras[:3, 3] = -to_ras[:3, :3] @ np.full(3, (size - 1) / 2) + (1, 2, 3)
        node, segment = painted_segment(self.scene, inside, to_ras)
        weights = coverage.segment_coverage(node, segment, map_volume(self.scene, COARSE))
        painted_ml = inside.sum() * spacing**3 / 1000
        self.assertAlmostEqual(self.volume_ml(weights, COARSE) / painted_ml, 1.0, delta=0.005)

    def test_a_segment_painted_on_the_maps_own_grid_comes_back_as_it_is(self) -> None:
        inside = np.zeros(OBLIQUE.shape, bool)
        inside[1:3, 2:5, 3] = True
        node, segment = painted_segment(self.scene, inside, grid.voxel_to_ras(OBLIQUE))
        weights = coverage.segment_coverage(node, segment, map_volume(self.scene, OBLIQUE))
        np.testing.assert_array_equal(weights, inside)

    def test_half_covered_voxels_weigh_a_half(self) -> None:
        fine = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
        inside = np.array([[[False, True, True, True]]])
        node, segment = painted_segment(self.scene, inside, grid.voxel_to_ras(fine))
        coarse = Geometry((1, 1, 2), (2.0, 1.0, 1.0), (0.5, 0.0, 0.0))
        weights = coverage.segment_coverage(node, segment, map_volume(self.scene, coarse))
        np.testing.assert_allclose(weights.ravel(), (0.5, 1.0), atol=0.11)

    def test_one_of_several_segments_in_a_shared_labelmap(self) -> None:
        first = np.zeros(OBLIQUE.shape, bool)
        first[0, 0, :3] = True
        second = np.zeros(OBLIQUE.shape, bool)
        second[3, 5, 4:] = True
        node, one = painted_segment(self.scene, first, grid.voxel_to_ras(OBLIQUE))
        other, two = painted_segment(self.scene, second, grid.voxel_to_ras(OBLIQUE), "Second")
        node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), two)
        node.GetSegmentation().CollapseBinaryLabelmaps()
        volume = map_volume(self.scene, OBLIQUE)
        np.testing.assert_array_equal(coverage.segment_coverage(node, one, volume), first)
        np.testing.assert_array_equal(coverage.segment_coverage(node, two, volume), second)

    def test_linear_transforms_are_followed(self) -> None:
        node, segment = sphere_segment(self.scene)
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        shift = np.eye(4)
        shift[:3, 3] = 1, 2, 3
        transform.SetMatrixTransformToParent(grid.matrix_from_array(shift))
        node.SetAndObserveTransformNodeID(transform.GetID())
        volume = map_volume(self.scene, COARSE)
        moved = coverage.segment_coverage(node, segment, volume)
        there, there_id = sphere_segment(self.scene, (1.0, 2.0, 3.0))
        np.testing.assert_allclose(
            moved, coverage.segment_coverage(there, there_id, volume), atol=0.01
        )

    def test_a_segment_off_the_map_is_refused(self) -> None:
        node, segment = sphere_segment(self.scene, (500.0, 0.0, 0.0))
        with self.assertRaisesRegex(InputError, "covers no voxel"):
            coverage.segment_coverage(node, segment, map_volume(self.scene, COARSE))

    def test_an_empty_and_an_unknown_segment_are_refused(self) -> None:
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
        empty = node.GetSegmentation().AddEmptySegment("Tumor")
        volume = map_volume(self.scene, COARSE)
        with self.assertRaisesRegex(InputError, "covers no voxel"):
            coverage.segment_coverage(node, empty, volume)
        with self.assertRaisesRegex(InputError, "has no segment 'gone'"):
            coverage.segment_coverage(node, "gone", volume)


class RatioTableCase(SceneCase):
    def setUp(self) -> None:
        super().setUp()
        array = np.full(COARSE.shape, 2.0, "f4")
        array[:, :, 10:] = 6.0
        self.maps = [
            maps.put_map(self.scene, QUANTITIES[name], "oSVD", array * scale, COARSE)
            for name, scale in (("CBV", 1.0), ("CBF", 10.0))
        ]
        self.segmentation = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "ROIs")
        to_ras = grid.voxel_to_ras(COARSE)
        self.ids = []
        for columns in (slice(12, 15), slice(3, 6)):
            inside = np.zeros(COARSE.shape, bool)
            inside[4:6, 8:12, columns] = True
            other, segment = painted_segment(self.scene, inside, to_ras, f"ROI {columns.start}")
            self.segmentation.GetSegmentation().CopySegmentFromSegmentation(
                other.GetSegmentation(), segment
            )
            self.ids.append(segment)
        self.table = self.scene.AddNewNodeByClass("vtkMRMLTableNode", "Ratios")

    def fill(self) -> None:
        ratio_table.fill_ratio_table(self.table, self.maps, self.segmentation, *self.ids)

    def column(self, title: str) -> list:
        array = self.table.GetTable().GetColumnByName(title)
        return [array.GetValue(row) for row in range(array.GetNumberOfValues())]

    def test_ratio_means_voxels_and_volume_of_every_map(self) -> None:
        self.fill()
        self.assertEqual(self.column("Map"), ["CBV (oSVD) [ml/100g]", "CBF (oSVD) [ml/100g/min]"])
        np.testing.assert_allclose(self.column("Tumor mean"), (6, 60), rtol=1e-6)
        np.testing.assert_allclose(self.column("Contralateral mean"), (2, 20), rtol=1e-6)
        np.testing.assert_allclose(self.column("Ratio"), (3, 3), rtol=1e-6)
        np.testing.assert_allclose(self.column("Tumor voxels"), (24, 24), rtol=1e-6)
        np.testing.assert_allclose(self.column("Tumor volume [ml]"), (0.48, 0.48), rtol=1e-6)

    def test_filling_again_renews_the_table(self) -> None:
        self.fill()
        self.fill()
        self.assertEqual(self.table.GetNumberOfRows(), 2)
        self.assertEqual(self.table.GetNumberOfColumns(), len(ratio_table.COLUMNS))

    def test_one_segment_for_both_is_refused(self) -> None:
        self.ids = [self.ids[0]] * 2
        with self.assertRaisesRegex(InputError, "choose two"):
            self.fill()

    def test_regions_that_overlap_are_refused(self) -> None:
        inside = np.zeros(COARSE.shape, bool)
        inside[4:6, 8:12, 13:16] = True
        other, segment = painted_segment(
            self.scene, inside, grid.voxel_to_ras(COARSE), "Overlapping"
        )
        self.segmentation.GetSegmentation().CopySegmentFromSegmentation(
            other.GetSegmentation(), segment
        )
        self.ids[1] = segment
        with self.assertRaisesRegex(InputError, "share 16 voxels"):
            self.fill()

    def test_voxels_without_a_value_are_said(self) -> None:
        array = slicer.util.arrayFromVolume(self.maps[0])
        array[4, :, 12:15] = 0.0
        warnings = ratio_table.fill_ratio_table(self.table, self.maps, self.segmentation, *self.ids)
        self.assertEqual(len(warnings), 1)
        self.assertIn("CBV (oSVD) [ml/100g]: 50% of the tumor region has no value", warnings[0])

    def test_no_map_is_refused(self) -> None:
        self.maps = []
        with self.assertRaisesRegex(InputError, "no map to measure"):
            self.fill()
