"""What the module does to a MRML scene, as unittest cases.

pytest runs them on slicer-core's scene and the self test in Slicer on the application's: what
passes without Slicer is what passes in it. They use `slicer.mrmlScene` and nothing of the panel.
"""

from __future__ import annotations

import os
import tempfile
import unittest

import numpy as np
import slicer
import vtk
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.mrml import (
    aif,
    charts,
    colors,
    coverage,
    grid,
    legend,
    maps,
    overlay,
    ratio_table,
    sequence,
    side_by_side,
    timing,
)
from SyntheticPerfusionLib.series.aif import Aif, AifQuality
from SyntheticPerfusionLib.series.bolus import BolusTiming
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from vtk.util.numpy_support import vtk_to_numpy

__all__ = [
    "AifCase",
    "ChartCase",
    "ColorCase",
    "CoverageCase",
    "MapCase",
    "OverlayCase",
    "RatioTableCase",
    "SequenceCase",
    "SideBySideCase",
    "TimingCase",
]

# Oblique and left-handed: i and j turned by 30 degrees, k against their cross product.
_C, _S = np.cos(np.pi / 6), np.sin(np.pi / 6)
OBLIQUE = Geometry(
    shape=(4, 6, 8),
    spacing=(2.0, 2.5, 5.0),
    origin=(-30.0, 12.0, 7.0),
    direction=(_C, -_S, 0.0, _S, _C, 0.0, 0.0, 0.0, -1.0),
)


def small_series(geometry: Geometry = OBLIQUE, frames: int = 5) -> DscSeries:
    """A series whose every voxel has its own value."""
    shape = (frames, *geometry.shape)
    return DscSeries(
        signal=np.arange(np.prod(shape), dtype=np.float32).reshape(shape),
        frame_times_s=np.array([0.0, 1.5, 3.0, 4.6, 6.0])[:frames],
        geometry=geometry,
        echo_time_s=0.0301,
        frame_times_source="BIDS sidecar RepetitionTime",
        echo_time_source="BIDS sidecar EchoTime",
        name="Small series",
    )


class SceneCase(unittest.TestCase):
    """Begins with an empty scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()
        self.scene = slicer.mrmlScene


class SequenceCase(SceneCase):
    def test_series_comes_back_from_the_scene_the_same(self) -> None:
        series = small_series()
        node, _ = sequence.sequence_from_series(series, self.scene)
        back = sequence.series_from_sequence(node)
        np.testing.assert_array_equal(back.signal, series.signal)
        np.testing.assert_allclose(back.frame_times_s, series.frame_times_s, atol=1e-6)
        self.assertAlmostEqual(back.echo_time_s, 0.0301, places=9)
        self.assertTrue(back.geometry.matches(series.geometry, 1e-6))
        self.assertEqual(back.frame_times_source, "BIDS sidecar RepetitionTime")
        self.assertEqual(back.echo_time_source, "BIDS sidecar EchoTime")

    def test_voxels_lie_in_ras_where_the_affine_puts_them(self) -> None:
        node, _ = sequence.sequence_from_series(small_series(), self.scene)
        matrix = vtk.vtkMatrix4x4()
        node.GetNthDataNode(0).GetIJKToRASMatrix(matrix)
        ras = matrix.MultiplyPoint((3, 2, 1, 1))[:3]
        lps = OBLIQUE.voxel_to_lps @ (3, 2, 1, 1)
        np.testing.assert_allclose(ras, lps[:3] * (-1, -1, 1), atol=1e-6)

    def test_proxy_shows_the_sequence_and_survives_a_map(self) -> None:
        series = small_series()
        node, _ = sequence.sequence_from_series(series, self.scene)
        proxy = sequence.proxy_volume(node)
        self.assertIsNotNone(proxy)
        maps.put_map(
            self.scene, QUANTITIES["CBF"], "oSVD", np.ones(OBLIQUE.shape, "f4"), OBLIQUE, node
        )
        for item in range(series.frame_count):
            frame = slicer.util.arrayFromVolume(node.GetNthDataNode(item))
            np.testing.assert_array_equal(frame, series.signal[item])

    def test_frames_on_different_grids_are_refused(self) -> None:
        node, _ = sequence.sequence_from_series(small_series(), self.scene)
        node.GetNthDataNode(2).SetOrigin(0, 0, 0)
        with self.assertRaisesRegex(InputError, "Frame 2 of .* another grid"):
            sequence.series_from_sequence(node)

    def test_sequence_of_something_else_is_refused(self) -> None:
        node = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Transforms")
        for index in ("0", "1"):
            node.SetDataNodeAtValue(slicer.vtkMRMLLinearTransformNode(), index)
        with self.assertRaisesRegex(InputError, "choose a sequence of scalar volumes"):
            sequence.series_from_sequence(node)

    def test_single_frame_is_refused(self) -> None:
        node, _ = sequence.sequence_from_series(small_series(frames=1), self.scene)
        with self.assertRaisesRegex(InputError, "has 1 frames"):
            sequence.series_from_sequence(node)

    def test_sequence_file_of_slicer_gives_the_same_series(self) -> None:
        series = small_series()
        node, _ = sequence.sequence_from_series(series, self.scene)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "series.seq.nrrd")
            storage = slicer.vtkMRMLVolumeSequenceStorageNode()
            self.scene.AddNode(storage)
            storage.SetFileName(path)
            self.assertTrue(storage.WriteData(node))
            loaded = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Loaded")
            self.assertTrue(storage.ReadData(loaded))
        back = sequence.series_from_sequence(loaded)
        np.testing.assert_allclose(back.frame_times_s, series.frame_times_s, atol=1e-6)
        self.assertAlmostEqual(back.echo_time_s, 0.0301, places=9)
        # Slicer turns left-handed grids into right-handed ones: compare in the patient.
        k, j, i = np.indices(back.geometry.shape)
        there = np.stack([i, j, k, np.ones_like(i)], -1) @ back.geometry.voxel_to_lps.T
        i, j, k, _ = np.moveaxis(there @ np.linalg.inv(OBLIQUE.voxel_to_lps).T, -1, 0)
        indices = [np.rint(axis).astype(int) for axis in (k, j, i)]
        np.testing.assert_allclose(np.stack(indices), np.stack([k, j, i]), atol=1e-3)
        np.testing.assert_array_equal(back.signal, series.signal[:, *indices])


class TimingCase(SceneCase):
    def frames(self, count: int = 4) -> slicer.vtkMRMLSequenceNode:
        node = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Frames")
        node.SetIndexName("frame")
        node.SetIndexUnit("")
        for item in range(count):
            node.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), str(item))
        return node

    def label(self, node, labels: str, tag: str, unit: str) -> None:
        node.SetAttribute("MultiVolume.FrameLabels", labels)
        node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagName", tag)
        node.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagUnits", unit)

    def test_frame_labels_go_first_and_their_unit_counts(self) -> None:
        node = self.frames()
        node.SetIndexUnit("s")
        node.SetAttribute("MultiVolume.DICOM.RepetitionTime", "9000")
        self.label(node, "500,2000,3500,5100", "AcquisitionTime", "ms")
        times = timing.read_timing(node)
        np.testing.assert_allclose(times.frame_times_s, [0, 1.5, 3.0, 4.6])
        self.assertIn("AcquisitionTime, ms", times.frame_times_source)
        self.label(node, "0,1.5,3,4.6", "DeltaStartTime", "sec")
        np.testing.assert_allclose(timing.read_timing(node).frame_times_s, [0, 1.5, 3.0, 4.6])

    def test_a_label_that_counts_is_no_time(self) -> None:
        node = self.frames()
        self.label(node, "1,2,3,4", "TemporalPositionIdentifier", "count")
        self.assertIsNone(timing.read_timing(node).frame_times_s)
        node.SetAttribute("MultiVolume.DICOM.RepetitionTime", "1500")
        times = timing.read_timing(node)
        np.testing.assert_allclose(times.frame_times_s, [0, 1.5, 3.0, 4.5])
        self.assertEqual(times.frame_times_source, "MultiVolume.DICOM.RepetitionTime (1500 ms)")

    def test_an_echo_time_label_is_no_frame_time(self) -> None:
        node = self.frames()
        self.label(node, "10,20,30,40", "EchoTime", "ms")
        self.assertIsNone(timing.read_timing(node).frame_times_s)

    def test_index_with_a_time_unit_goes_before_repetition_time(self) -> None:
        node = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Timed")
        node.SetIndexName("time")
        node.SetIndexUnit("ms")
        for value in ("100", "1600", "3100"):
            node.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), value)
        node.SetAttribute("DICOM.RepetitionTime", "9000")
        times = timing.read_timing(node)
        np.testing.assert_allclose(times.frame_times_s, [0, 1.5, 3.0])
        self.assertEqual(times.frame_times_source, "sequence index time (ms)")
        self.assertEqual(times.warnings, ())

    def test_an_index_of_whole_seconds_from_zero_is_doubted(self) -> None:
        node = self.frames()
        node.SetIndexUnit("s")
        self.assertIn("often a frame number", timing.read_timing(node).warnings[0])

    def test_what_is_given_by_hand_goes_before_everything(self) -> None:
        node = self.frames()
        self.label(node, "0,1500,3000,4500", "AcquisitionTime", "ms")
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "45")
        times = timing.read_timing(node, frame_interval_s=2.0, echo_time_s=0.03)
        np.testing.assert_allclose(times.frame_times_s, [0, 2, 4, 6])
        self.assertEqual(times.frame_times_source, "set by hand")
        self.assertEqual((times.echo_time_s, times.echo_time_source), (0.03, "set by hand"))

    def test_echo_time_is_read_in_milliseconds(self) -> None:
        node = self.frames()
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "29.5")
        times = timing.read_timing(node)
        self.assertAlmostEqual(times.echo_time_s, 0.0295)
        self.assertIn("29.5 ms", times.echo_time_source)

    def test_echo_time_in_seconds_is_not_taken_for_milliseconds(self) -> None:
        node = self.frames()
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "0.03")
        with self.assertRaisesRegex(InputError, r"0\.03 ms, expected 1 to 500 ms"):
            timing.read_timing(node)

    def test_labels_for_another_number_of_frames_are_refused(self) -> None:
        node = self.frames()
        self.label(node, "0,1500,3000", "AcquisitionTime", "ms")
        with self.assertRaisesRegex(InputError, "3 values for 4 frames"):
            timing.read_timing(node)

    def test_labels_that_are_no_numbers_are_refused(self) -> None:
        node = self.frames(2)
        self.label(node, "a,b", "AcquisitionTime", "ms")
        with self.assertRaisesRegex(InputError, "expected numbers"):
            timing.read_timing(node)

    def test_a_series_without_times_asks_for_them(self) -> None:
        node, _ = sequence.sequence_from_series(small_series(), self.scene)
        node.SetIndexUnit("")
        with self.assertRaisesRegex(InputError, "give the time between frames in the panel"):
            sequence.series_from_sequence(node)


class ColorCase(SceneCase):
    def test_perfusion_table_runs_from_black_to_red(self) -> None:
        node = colors.color_table(self.scene, "PerfusionRainbow")
        self.assertEqual(node.GetNumberOfColors(), 256)
        color = [0.0] * 4
        node.GetColor(0, color)
        self.assertEqual(color, [0, 0, 0, 1])
        node.GetColor(255, color)
        np.testing.assert_allclose(color, (0.9, 0, 0, 1), atol=1 / 255)

    def test_it_is_made_once(self) -> None:
        first = colors.color_table(self.scene, "PerfusionRainbow")
        self.assertIs(colors.color_table(self.scene, "PerfusionRainbow"), first)

    def test_every_quantity_names_a_table_that_is_there(self) -> None:
        for quantity in QUANTITIES.values():
            self.assertIsNotNone(colors.color_table(self.scene, quantity.colour_table))

    def test_an_unknown_table_is_an_error(self) -> None:
        with self.assertRaises(KeyError):
            colors.color_table(self.scene, "No such table")


class MapCase(SceneCase):
    def setUp(self) -> None:
        super().setUp()
        self.series, _ = sequence.sequence_from_series(small_series(), self.scene)
        self.array = np.linspace(0, 20, np.prod(OBLIQUE.shape), dtype="f4").reshape(OBLIQUE.shape)

    def put(self, name: str = "Tmax", method: str = "oSVD", scale: float = 1.0):
        return maps.put_map(
            self.scene, QUANTITIES[name], method, self.array * scale, OBLIQUE, self.series
        )

    def test_map_lies_on_the_series_voxel_for_voxel(self) -> None:
        volume = self.put()
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), self.array)
        here, there = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(here)
        self.series.GetNthDataNode(0).GetIJKToRASMatrix(there)
        np.testing.assert_allclose(
            grid.array_from_matrix(here), grid.array_from_matrix(there), atol=1e-9
        )

    def test_name_has_method_and_unit(self) -> None:
        self.assertEqual(self.put().GetName(), "Tmax (oSVD) [s]")
        self.assertEqual(self.put("rCBV").GetName(), "rCBV (oSVD)")

    def test_window_colors_and_codes_are_those_of_the_quantity(self) -> None:
        volume = self.put("CBF")
        display = volume.GetScalarVolumeDisplayNode()
        self.assertEqual(display.GetColorNode().GetName(), "PerfusionRainbow")
        self.assertAlmostEqual(display.GetWindowLevelMin(), 0.0)
        self.assertAlmostEqual(display.GetWindowLevelMax(), 100.0)
        self.assertEqual(display.GetInterpolate(), 0)
        self.assertEqual(volume.GetVoxelValueUnits().GetCodeValue(), "mL/(100.g)/min")
        self.assertEqual(volume.GetVoxelValueUnits().GetCodingSchemeDesignator(), "UCUM")
        self.assertEqual(
            volume.GetVoxelValueQuantity().GetCodeValue(), QUANTITIES["CBF"].dicom_code[0]
        )

    def test_every_unit_has_a_code(self) -> None:
        for name in QUANTITIES:
            self.assertIsNotNone(self.put(name).GetVoxelValueUnits(), name)

    def test_applying_again_renews_the_map_and_keeps_its_window(self) -> None:
        first = self.put()
        maps.set_window(first, 0, 6)
        again = self.put(scale=2.0)
        self.assertIs(again, first)
        np.testing.assert_array_equal(slicer.util.arrayFromVolume(again), self.array * 2)
        self.assertAlmostEqual(again.GetScalarVolumeDisplayNode().GetWindowLevelMax(), 6.0)

    def test_another_method_gives_another_map(self) -> None:
        self.assertIsNot(self.put(method="cSVD"), self.put(method="oSVD"))
        self.assertEqual(len(list(maps.maps_in(self.scene, self.series))), 2)

    def test_map_lies_beside_the_series_in_the_subject_hierarchy(self) -> None:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
        study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
        proxy = sequence.proxy_volume(self.series)
        item = hierarchy.GetItemByDataNode(proxy)
        if item:
            hierarchy.SetItemParent(item, study)
        else:
            hierarchy.CreateItem(study, proxy)
        volume = self.put()
        self.assertEqual(hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume)), study)

    def test_map_follows_the_transform_of_the_series(self) -> None:
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        sequence.proxy_volume(self.series).SetAndObserveTransformNodeID(transform.GetID())
        self.assertEqual(self.put().GetTransformNodeID(), transform.GetID())

    def test_legend_names_quantity_unit_and_method(self) -> None:
        volume = self.put()
        node = legend.show_legend(volume)
        self.assertEqual(node.GetTitleText(), "Tmax [s]\noSVD")
        self.assertTrue(node.GetVisibility())
        self.assertIs(legend.show_legend(volume, False), node)
        self.assertFalse(node.GetVisibility())

    def test_maps_survive_saving_and_loading_the_scene(self) -> None:
        self.put()
        text_before = maps.find_map(self.scene, "Tmax", "oSVD", self.series).GetDescription()
        self.scene.SetSaveToXMLString(1)
        self.scene.Commit()
        xml = self.scene.GetSceneXMLString()
        loaded = slicer.vtkMRMLScene()
        slicer.vtkMRMLScene.CopyRegisteredNodesToScene(self.scene, loaded)
        loaded.SetLoadFromXMLString(1)
        loaded.SetSceneXMLString(xml)
        loaded.Import()
        (volume,) = maps.maps_in(loaded)
        self.assertEqual(volume.GetDescription(), text_before)
        self.assertEqual(maps.quantity_of(volume).name, "Tmax")
        self.assertEqual(volume.GetNodeReference(maps.SERIES_ROLE).GetName(), self.series.GetName())


class OverlayCase(SceneCase):
    """The pixels of an axial slice, against the colour table and the blending rule."""

    SIZE = 16

    def setUp(self) -> None:
        super().setUp()
        size = self.SIZE
        self.geometry = Geometry(shape=(3, size, size), spacing=(1.0, 1.0, 1.0))
        columns = np.broadcast_to(np.arange(size, dtype="f4"), self.geometry.shape)
        self.map = maps.put_map(
            self.scene, QUANTITIES["CBF"], "oSVD", columns * 100.0 / (size - 1), self.geometry
        )
        self.anatomy = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Anatomy")
        grid.put_array(self.anatomy, np.full(self.geometry.shape, 50, "f4"), self.geometry)
        self.anatomy.CreateDefaultDisplayNodes()
        display = self.anatomy.GetScalarVolumeDisplayNode()
        display.SetAutoWindowLevel(0)
        display.SetWindowLevelMinMax(0, 100)
        display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLScene(self.scene)
        self.logic.AddSliceNode("OverlayCase")

    def tearDown(self) -> None:
        # Slice views outlive a cleared scene; the next case wants a fresh one.
        nodes = (self.logic.GetSliceCompositeNode(), self.logic.GetSliceNode())
        self.logic.SetMRMLScene(None)
        for node in nodes:
            self.scene.RemoveNode(node)
        super().tearDown()

    def row(self) -> np.ndarray:
        """(16, 3) red, green, blue of a row of the slice, one pixel per voxel, voxel 0 first."""
        node = self.logic.GetSliceNode()
        size = self.SIZE
        to_ras = vtk.vtkMatrix4x4()
        self.map.GetIJKToRASMatrix(to_ras)
        centre = to_ras.MultiplyPoint(((size - 1) / 2, (size - 1) / 2, 1, 1))
        node.SetOrientationToAxial()
        node.SetDimensions(size, size, 1)
        node.SetFieldOfView(size, size, 1)
        matrix = node.GetSliceToRAS()
        for axis in range(3):
            matrix.SetElement(axis, 3, centre[axis])
        node.UpdateMatrices()
        blend = self.logic.GetBlend()
        self.logic.UpdatePipeline()
        blend.Update()
        image = blend.GetOutput()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars())
        self.image = pixels.reshape(size, size, -1)
        row = self.image[size // 2, :, :3].astype(float)
        # The pipeline's axial plane runs from the patient's right to left, as does LPS.
        x_to_ras = vtk.vtkMatrix4x4()
        x_to_ras.DeepCopy(node.GetXYToRAS())
        return row if x_to_ras.GetElement(0, 0) < 0 else row[::-1]

    def expected_map(self) -> np.ndarray:
        """(16, 3) colours that the table gives the ramp 0..100 in the window 0..100."""
        steps = np.arange(self.SIZE) / (self.SIZE - 1)
        return 255 * colors.perfusion_rainbow()[np.rint(steps * 255).astype(int)]

    def test_an_opaque_overlay_shows_the_colors_of_the_table(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 1.0, ["OverlayCase"])
        expected = self.expected_map()
        expected[0] = 127.5  # the voxel without a value is see-through
        # Two steps of the table: the display pipeline rounds value and table index separately.
        np.testing.assert_allclose(self.row(), expected, atol=14)

    def test_opacity_blends_map_and_anatomy(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 0.4, ["OverlayCase"])
        expected = 0.4 * self.expected_map() + 0.6 * 127.5
        expected[0] = 127.5
        np.testing.assert_allclose(self.row(), expected, atol=7)
        overlay.set_opacity(self.scene, 0.0, ["OverlayCase"])
        np.testing.assert_allclose(self.row(), 127.5, atol=1)

    def test_threshold_shows_only_what_lies_above_it(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 1.0, ["OverlayCase"])
        maps.set_threshold(self.map, 50.0, None)
        row = self.row()
        is_anatomy = np.all(np.abs(row - 127.5) <= 1, axis=1)
        np.testing.assert_array_equal(is_anatomy, np.arange(16) * 100 / 15 < 50)

    def test_window_stretches_the_colors(self) -> None:
        overlay.show_overlay(self.scene, self.map, None, 1.0, ["OverlayCase"])
        maps.set_window(self.map, 0.0, 50.0)
        row = self.row()
        top = 255 * colors.perfusion_rainbow()[255]
        np.testing.assert_allclose(row[8:], np.broadcast_to(top, (8, 3)), atol=1)
        self.assertGreater(np.abs(row[4] - top).max(), 50)

    def test_other_views_are_left_alone(self) -> None:
        composite = self.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        composite.SetLayoutName("Elsewhere")
        overlay.show_overlay(self.scene, self.map, self.anatomy, 0.5, ["OverlayCase"])
        self.assertIsNone(composite.GetForegroundVolumeID())

    def test_nothing_can_be_overlaid_too(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 1.0, ["OverlayCase"])
        overlay.show_overlay(self.scene, None, self.anatomy, 1.0, ["OverlayCase"])
        np.testing.assert_allclose(self.row(), 127.5, atol=1)


class SideBySideCase(SceneCase):
    def test_layout_has_a_labelled_view_per_map(self) -> None:
        for count in range(1, 10):
            root = vtk.vtkXMLUtilities.ReadElementFromString(
                side_by_side.layout_description([f"Map {n}" for n in range(count)])
            )
            views = [
                row.GetNestedElement(cell).GetNestedElement(0)
                for item in range(root.GetNumberOfNestedElements())
                for row in [root.GetNestedElement(item).GetNestedElement(0)]
                for cell in range(row.GetNumberOfNestedElements())
            ]
            self.assertEqual(
                [view.GetAttribute("singletontag") for view in views],
                side_by_side.view_names(count),
            )

    def test_each_view_shows_its_map_and_is_linked(self) -> None:
        shown = [
            maps.put_map(
                self.scene, QUANTITIES[name], "oSVD", np.ones(OBLIQUE.shape, "f4"), OBLIQUE
            )
            for name in ("CBF", "CBV", "MTT", "Tmax")
        ]
        composites = []
        for name in side_by_side.view_names(4):
            composite = self.scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
            composite.SetLayoutName(name)
            composites.append(composite)
        side_by_side.fill_side_by_side(self.scene, shown, None, 0.8)
        for composite, volume in zip(composites, shown, strict=True):
            self.assertEqual(composite.GetForegroundVolumeID(), volume.GetID())
            self.assertAlmostEqual(composite.GetForegroundOpacity(), 0.8)
            self.assertTrue(composite.GetLinkedControl())

    def test_the_layout_node_takes_the_description(self) -> None:
        layout = self.scene.AddNewNodeByClass("vtkMRMLLayoutNode")
        volume = maps.put_map(
            self.scene, QUANTITIES["CBF"], "oSVD", np.ones(OBLIQUE.shape, "f4"), OBLIQUE
        )
        number = side_by_side.show_side_by_side(layout, [volume, volume], None)
        self.assertEqual(layout.GetViewArrangement(), number)
        self.assertIn("Perfusion2", layout.GetCurrentLayoutDescription())


RADIUS = 8.0
SPHERE_ML = 4.0 / 3.0 * np.pi * RADIUS**3 / 1000.0


def sphere_segment(scene, centre=(0.0, 0.0, 0.0), name="Sphere"):
    """A segmentation with a sphere of 16 mm made as a surface."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    source = vtk.vtkSphereSource()
    source.SetRadius(RADIUS)
    source.SetCenter(centre)
    source.SetThetaResolution(96)
    source.SetPhiResolution(96)
    source.Update()
    node.SetSourceRepresentationToClosedSurface()
    segment = node.AddSegmentFromClosedSurfaceRepresentation(source.GetOutput(), name)
    return node, segment


def painted_segment(scene, inside, image_to_ras, name="Painted"):
    """A segmentation with one segment drawn as voxels (K, J, I) bool on a grid of its own."""
    image = slicer.vtkOrientedImageData()
    k, j, i = inside.shape
    image.SetDimensions(i, j, k)
    image.GetPointData().SetScalars(
        vtk.util.numpy_support.numpy_to_vtk(inside.astype("u1").ravel(), deep=True)
    )
    image.SetGeometryFromImageToWorldMatrix(grid.matrix_from_array(image_to_ras))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    return node, node.AddSegmentFromBinaryLabelmapRepresentation(image, name)


def map_volume(scene, geometry, array=None):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Map")
    grid.put_array(volume, np.zeros(geometry.shape, "f4") if array is None else array, geometry)
    return volume


# The perfusion grid of a usual series, shifted so that no voxel centre falls on the sphere's.
COARSE = Geometry((9, 20, 20), (2.0, 2.0, 5.0), (-19.3, -18.6, -21.7))


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

    def test_no_map_is_refused(self) -> None:
        self.maps = []
        with self.assertRaisesRegex(InputError, "no map to measure"):
            self.fill()


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
        np.testing.assert_array_equal(aif.voxels_of_segment(node, segment, volume), inside)
