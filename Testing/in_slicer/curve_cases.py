"""Curves as charts, and arterial voxels as outlines."""

from __future__ import annotations

import numpy as np
from in_slicer.scene_case import OBLIQUE, SceneCase, map_volume, painted_segment
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.mrml import aif, brain, charts, coverage, grid, probe, segments
from SyntheticPerfusionLib.series.aif import Aif, AifQuality
from SyntheticPerfusionLib.series.bolus import BolusTiming


class ChartCase(SceneCase):
    def bolus(self) -> BolusTiming:
        signal = np.array([130, 100, 101, 99, 80, 50, 70, 90, 95, 96], float)
        return BolusTiming(
            first_steady=1,
            baseline_start=1,
            baseline_stop=4,
            arrival=4,
            peak=5,
            arrival_time_s=6.0,
            peak_time_s=7.5,
            baseline=100.0,
            drop=0.5,
            mean_signal=signal,
        )

    def value(self, curve, row: int) -> tuple[float, float]:
        table = curve.GetTableNode().GetTable()
        return tuple(
            table.GetColumnByName(name).GetValue(row)
            for name in (curve.GetXColumnName(), curve.GetYColumnName())
        )

    def test_brain_curve_marks_baseline_arrival_and_peak(self) -> None:
        chart = charts.show_brain_curve(self.scene, np.arange(10) * 1.5, self.bolus())
        curves = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
        self.assertEqual(
            [curve.GetName() for curve in curves],
            ["Brain mean", "Baseline", "Bolus arrival", "Bolus peak"],
        )
        mean, baseline, arrival, peak = curves
        self.assertEqual(self.value(mean, 5), (7.5, 50.0))
        self.assertEqual(
            (self.value(baseline, 0), self.value(baseline, 1)), ((1.5, 100), (4.5, 100))
        )
        self.assertEqual((self.value(arrival, 0)[0], self.value(arrival, 1)[0]), (6.0, 6.0))
        self.assertEqual(self.value(peak, 0), (7.5, 50.0))

    def test_showing_again_makes_no_further_nodes(self) -> None:
        charts.show_brain_curve(self.scene, np.arange(10) * 1.5, self.bolus())
        count = self.scene.GetNumberOfNodes()
        charts.show_brain_curve(self.scene, np.arange(10) * 2.0, self.bolus())
        self.assertEqual(self.scene.GetNumberOfNodes(), count)

    def test_a_node_of_the_persons_with_the_same_name_is_left_alone(self) -> None:
        own = self.scene.AddNewNodeByClass("vtkMRMLTableNode", charts.BRAIN_CURVE)
        charts.show_brain_curve(self.scene, np.arange(10) * 1.5, self.bolus())
        self.assertEqual(own.GetNumberOfColumns(), 0)

    def test_aif_curve(self) -> None:
        chart = charts.show_aif_curve(self.scene, make_aif())
        self.assertEqual(self.value(chart.GetNthPlotSeriesNode(0), 1), (1.5, 20.0))


def make_aif(voxels: np.ndarray | None = None) -> Aif:
    return Aif(
        times_s=np.arange(4) * 1.5,
        concentration=np.array([0.0, 20.0, 5.0, 1.0]),
        source="test",
        quality=AifQuality(1.5, 20.0, 2.0, False, 0.05),
        voxels=voxels,
    )


class AifCase(SceneCase):
    def test_chosen_voxels_are_outlined_where_they_are(self) -> None:
        voxels = np.zeros(OBLIQUE.shape, bool)
        voxels[2, 3, 4:6] = True
        node = aif.show_aif_voxels(self.scene, voxels, OBLIQUE)
        segment = node.GetSegmentation().GetNthSegmentID(0)
        weights = coverage.segment_coverage(node, segment, map_volume(self.scene, OBLIQUE))
        np.testing.assert_array_equal(weights, voxels)

    def test_showing_again_replaces_them(self) -> None:
        voxels = np.zeros(OBLIQUE.shape, bool)
        voxels[2, 3, 4:6] = True
        first = aif.show_aif_voxels(self.scene, voxels, OBLIQUE)
        again = aif.show_aif_voxels(self.scene, np.roll(voxels, 1, axis=0), OBLIQUE)
        self.assertIs(first, again)
        self.assertEqual(again.GetSegmentation().GetNumberOfSegments(), 1)

    def test_voxels_of_a_segment_are_those_it_fills_by_half(self) -> None:
        inside = np.zeros(OBLIQUE.shape, bool)
        inside[1, 2:4, 3:6] = True
        node, segment = painted_segment(self.scene, inside, grid.voxel_to_ras(OBLIQUE))
        volume = map_volume(self.scene, OBLIQUE)
        np.testing.assert_array_equal(segments.voxels_of_segment(node, segment, volume), inside)


class ProbeCase(SceneCase):
    def test_the_voxel_at_a_place_is_found_through_grid_and_transform(self) -> None:
        volume = map_volume(self.scene, OBLIQUE)
        ras = (grid.voxel_to_ras(OBLIQUE) @ (5.3, 2.4, 0.6, 1))[:3]
        self.assertEqual(probe.voxel_at(volume, ras), (1, 2, 5))
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        shift = np.eye(4)
        shift[:3, 3] = 10, 20, 30
        transform.SetMatrixTransformToParent(grid.matrix_from_array(shift))
        volume.SetAndObserveTransformNodeID(transform.GetID())
        self.assertEqual(probe.voxel_at(volume, np.add(ras, (10, 20, 30))), (1, 2, 5))

    def test_there_is_none_outside(self) -> None:
        ras = (grid.voxel_to_ras(OBLIQUE) @ (-0.6, 0, 0, 1))[:3]
        self.assertIsNone(probe.voxel_at(map_volume(self.scene, OBLIQUE), ras))


class BrainCase(SceneCase):
    def test_a_mask_goes_into_the_scene_and_comes_back(self) -> None:
        mask = np.zeros(OBLIQUE.shape, bool)
        mask[1:3, 2:5, 3:7] = True
        node = brain.add_brain_mask(self.scene, mask, OBLIQUE)
        back = brain.brain_mask_of(node, map_volume(self.scene, OBLIQUE))
        np.testing.assert_array_equal(back, mask)

    def test_a_mask_without_a_segment_is_refused(self) -> None:
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
        with self.assertRaisesRegex(InputError, "Empty has no segment"):
            brain.brain_mask_of(node, map_volume(self.scene, OBLIQUE))
