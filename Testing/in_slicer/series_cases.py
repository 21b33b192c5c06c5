"""A series in the scene: voxels, grid, timing, and what is refused."""

from __future__ import annotations

import os
import tempfile

import numpy as np
import slicer
import vtk
from in_slicer.scene_case import OBLIQUE, SceneCase, small_series
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.mrml import maps, sequence, timing


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
        np.testing.assert_allclose(times.frames.times_s, [0, 1.5, 3.0, 4.6])
        self.assertEqual(times.frames.source, "MultiVolume.FrameLabels, in ms")
        self.label(node, "0,1.5,3,4.6", "DeltaStartTime", "sec")
        np.testing.assert_allclose(timing.read_timing(node).frames.times_s, [0, 1.5, 3.0, 4.6])

    def test_a_label_that_counts_is_no_time(self) -> None:
        node = self.frames()
        self.label(node, "1,2,3,4", "TemporalPositionIdentifier", "count")
        self.assertIsNone(timing.read_timing(node).frames)
        node.SetAttribute("MultiVolume.DICOM.RepetitionTime", "1500")
        times = timing.read_timing(node)
        np.testing.assert_allclose(times.frames.times_s, [0, 1.5, 3.0, 4.5])
        self.assertEqual(times.frames.source, "MultiVolume.DICOM.RepetitionTime")

    def test_an_echo_time_label_is_no_frame_time(self) -> None:
        node = self.frames()
        self.label(node, "10,20,30,40", "EchoTime", "ms")
        self.assertIsNone(timing.read_timing(node).frames)

    def test_index_with_a_time_unit_goes_before_repetition_time(self) -> None:
        node = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Timed")
        node.SetIndexName("time")
        node.SetIndexUnit("ms")
        for value in ("100", "1600", "3100"):
            node.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), value)
        node.SetAttribute("DICOM.RepetitionTime", "9000")
        times = timing.read_timing(node)
        np.testing.assert_allclose(times.frames.times_s, [0, 1.5, 3.0])
        self.assertEqual(times.frames.source, "sequence index, in ms")
        self.assertEqual(times.frames.warnings, ())

    def test_an_index_of_whole_seconds_from_zero_is_doubted(self) -> None:
        node = self.frames()
        node.SetIndexUnit("s")
        self.assertIn("often a frame number", timing.read_timing(node).frames.warnings[0])

    def test_what_is_given_by_hand_goes_before_everything(self) -> None:
        node = self.frames()
        self.label(node, "0,1500,3000,4500", "AcquisitionTime", "ms")
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "45")
        times = timing.read_timing(node, frame_interval_s=2.0, echo_time_s=0.03)
        np.testing.assert_allclose(times.frames.times_s, [0, 2, 4, 6])
        self.assertEqual(times.frames.source, "set by hand")
        self.assertEqual((times.echo.seconds, times.echo.source), (0.03, "set by hand"))

    def test_echo_time_is_read_in_milliseconds(self) -> None:
        node = self.frames()
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "29.5")
        times = timing.read_timing(node)
        self.assertAlmostEqual(times.echo.seconds, 0.0295)
        self.assertEqual(times.echo.source, "MultiVolume.DICOM.EchoTime")

    def test_echo_time_in_seconds_is_not_taken_for_milliseconds(self) -> None:
        node = self.frames()
        node.SetAttribute("MultiVolume.DICOM.EchoTime", "0.03")
        with self.assertRaisesRegex(InputError, "impossible for a DSC series"):
            timing.read_timing(node)

    def test_labels_that_are_no_times_of_these_frames_are_passed_over(self) -> None:
        for labels in ("0,1500,3000", "a,b,c,d", "0,0,0,0"):
            node = self.frames()
            self.label(node, labels, "AcquisitionTime", "ms")
            self.assertIsNone(timing.read_timing(node).frames)
            node.SetAttribute("MultiVolume.DICOM.RepetitionTime", "1500")
            np.testing.assert_allclose(timing.read_timing(node).frames.times_s, [0, 1.5, 3.0, 4.5])

    def test_a_series_without_times_asks_for_them(self) -> None:
        node, _ = sequence.sequence_from_series(small_series(), self.scene)
        node.SetIndexUnit("")
        with self.assertRaisesRegex(InputError, "give the time between frames in the panel"):
            sequence.series_from_sequence(node)
