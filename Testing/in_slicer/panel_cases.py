"""The panel, clicked through by script. Needs the Slicer application: no other level proves it.

Most cases put a stand-in in the place of the child process; one runs the real command line.
"""

from __future__ import annotations

import struct
import sys
import time
import unittest
from pathlib import Path
from tempfile import mkdtemp

# ctest in Slicer knows this folder only.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import qt
import slicer
from in_slicer.collateral_cases import CollateralCase
from in_slicer.network_cases import NetworkCase
from in_slicer.panel_case import PanelCase, StandInChild, StandInPatient
from in_slicer.scene_case import BALL, FRAMES, bolus_series, painted_segment
from in_slicer.training_cases import TrainingCase
from SyntheticPerfusionLib.gui.cli_job import CANCELLED
from SyntheticPerfusionLib.gui.digital_patient import make_sample
from SyntheticPerfusionLib.mrml import grid, maps, sequence, side_by_side
from SyntheticPerfusionLib.series.brain_mask import brain_mask
from SyntheticPerfusionLib.series.images import read_image, write_image

__all__ = ["ClassicalCase", "CollateralCase", "NetworkCase", "TrainingCase"]


class ClassicalCase(PanelCase):
    def test_apply_says_what_is_missing(self) -> None:
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertIn("Choose a series first.", self.ui.applyButton.toolTip)
        self.choose(bolus_series(echo_time_s=None))
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertIn("echo time is not stored", self.ui.applyButton.toolTip)
        self.ui.echoTimeSpinBox.setValue(30.0)
        self.settle()
        self.assertTrue(self.ui.applyButton.enabled)
        self.assertIn("set by hand", self.ui.echoTimeLabel.text)

    def test_a_file_without_frame_times_is_loaded_and_they_are_asked_for(self) -> None:
        path = self.written("untimed.nii")
        header = bytearray(path.read_bytes())
        # NIfTI-1: pixdim[4], the time between frames, and xyzt_units.
        header[92:96], header[123] = struct.pack("<f", 0.0), 2
        path.write_bytes(header)
        path.with_suffix(".json").unlink()
        self.load(path)
        self.assertEqual(self.ui.frameIntervalLabel.text, "not stored: type it")
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertIn("give the time between frames", self.ui.applyButton.toolTip)
        self.assertFalse(self.ui.logSection.collapsed)
        self.ui.frameIntervalSpinBox.setValue(1.5)
        self.ui.echoTimeSpinBox.setValue(30.0)
        self.settle()
        self.assertTrue(self.ui.applyButton.enabled, self.ui.applyButton.toolTip)

    def test_a_file_that_is_no_series_is_refused_and_nothing_changes(self) -> None:
        path = Path(mkdtemp(dir=slicer.app.temporaryPath)) / "volume.nii"
        write_image(bolus_series().signal[0], BALL, path)
        self.load(path)
        self.assertIsNone(self.parameters.series)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode"), 0)

    def test_what_was_typed_for_one_series_is_not_taken_for_the_next(self) -> None:
        self.choose()
        self.ui.echoTimeSpinBox.setValue(45.0)
        self.ui.frameIntervalSpinBox.setValue(2.0)
        self.settle()
        self.assertIn("set by hand", self.ui.echoTimeLabel.text)
        self.choose()
        self.assertEqual(self.ui.echoTimeLabel.text, "30 ms, set by the test")
        self.assertEqual(self.ui.frameIntervalLabel.text, "1.5 s, set by the test")
        self.assertEqual(self.ui.echoTimeSpinBox.value, 0.0)

    def test_an_impossible_echo_time_is_refused_in_milliseconds(self) -> None:
        self.choose()
        self.ui.echoTimeSpinBox.setValue(0.03)
        self.settle()
        self.assertIn("0.03 ms is impossible", self.ui.bolusLabel.text)
        self.assertIn("type one from 1 to 300 ms", self.ui.applyButton.toolTip)

    def test_texts_get_the_room_they_need_when_the_chart_comes_and_goes(self) -> None:
        label = self.ui.bolusLabel
        self.choose()
        self.assertGreaterEqual(label.height, label.heightForWidth(label.width))
        for milliseconds in (0.03, 30.0):
            self.ui.echoTimeSpinBox.setValue(milliseconds)
            self.settle()
            self.assertEqual(label.height, label.heightForWidth(label.width))
        # Slicer lays a panel out differently once it has been left.
        slicer.util.selectModule("Data")
        self.settle()
        slicer.util.selectModule("SyntheticPerfusion")
        self.settle()
        self.ui.showAifButton.click()
        self.settle()
        self.assertEqual(label.height, label.heightForWidth(label.width))
        self.assertGreaterEqual(label.y, self.ui.brainCurveFrame.geometry.bottom())

    def test_series_is_described_with_where_its_timing_came_from(self) -> None:
        self.choose()
        self.assertEqual(self.ui.echoTimeLabel.text, "30 ms, set by the test")
        self.assertEqual(self.ui.frameIntervalLabel.text, "1.5 s, set by the test")
        self.assertIn("40 frames of 32 x 32 x 6", self.ui.bolusLabel.text)
        self.assertIn("bolus arrives", self.ui.bolusLabel.text)
        chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), 4)

    def test_a_series_without_a_bolus_is_said_and_not_computed(self) -> None:
        still = bolus_series()
        self.choose(still.with_signal(np.repeat(still.signal[:1], FRAMES, axis=0)))
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertTrue(self.ui.bolusLabel.text)
        # Slicer makes tooltips rich text, so that they wrap.
        self.assertIn(self.ui.bolusLabel.text, self.ui.applyButton.toolTip)

    def test_apply_brings_maps_with_colors_legend_curve_and_voxels(self) -> None:
        node = self.choose()
        self.apply()
        names = [volume.GetName() for volume in maps.maps_in(slicer.mrmlScene, node)]
        self.assertEqual(names, ["CBF (oSVD) [ml/100g/min]", "Tmax (oSVD) [s]"])
        self.assertEqual(self.ui.mapsList.count, 2)
        self.assertEqual(self.ui.mapSelector.currentNode().GetName(), names[0])
        self.assertEqual(
            self.composite().GetForegroundVolumeID(), self.parameters.overlayMap.GetID()
        )
        self.assertEqual(
            self.composite().GetBackgroundVolumeID(), sequence.proxy_volume(node).GetID()
        )
        self.assertAlmostEqual(self.composite().GetForegroundOpacity(), 0.8)
        self.assertIsNotNone(slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLColorLegendDisplayNode"))
        self.assertIsNotNone(slicer.mrmlScene.GetFirstNodeByName("AIF voxels"))
        self.assertIn("automatic: 3 voxels, peak 50 1/s", self.ui.aifQualityLabel.text)
        self.assertIn("a flank is cut off", self.ui.aifQualityLabel.text)
        self.assertIn("; saturated.", self.ui.aifQualityLabel.text)
        self.assertIn("The first frame was dropped.", self.ui.logText.toPlainText())
        self.assertTrue(self.ui.seriesSection.collapsed)
        self.assertFalse(self.ui.mapsSection.collapsed)
        self.assertFalse(self.ui.logSection.collapsed)
        self.assertEqual(self.ui.applyButton.text, "Apply")

    def test_the_command_gets_what_was_chosen(self) -> None:
        self.choose()
        self.parameters.method = "cSVD"
        self.ui.motionCheckBox.setChecked(True)
        self.ui.leakageCheckBox.setChecked(True)
        self.ui.smoothingSpaceSpinBox.setValue(3.5)
        self.settle()
        self.apply()
        command = self.children[0].command
        self.assertEqual(command[command.index("--method") + 1], "cSVD")
        self.assertEqual(command[command.index("--device") + 1], "auto")
        self.assertIn("--motion-correction", command)
        self.assertIn("--leakage-correction", command)
        self.assertEqual(command[command.index("--smooth-space") + 1], "3.5")
        self.assertNotIn("--smooth-time", command)
        self.assertNotIn("--aif", command)

    def test_nothing_is_left_of_the_files_of_a_run(self) -> None:
        self.choose()
        self.apply()
        command = self.children[0].command
        self.assertFalse(Path(command[command.index("--output") + 1]).parent.exists())

    def test_cancel_kills_the_child_and_leaves_the_scene_alone(self) -> None:
        node = self.choose()
        self.stand_in(steps=1_000_000)
        self.ui.applyButton.click()
        self.wait(lambda: self.ui.progressBar.value == 500)
        self.assertEqual(self.ui.applyButton.text, "Cancel")
        self.assertTrue(self.ui.applyButton.enabled)
        self.ui.applyButton.click()
        self.settle()
        self.assertTrue(self.children[-1].killed)
        self.assertFalse(self.panel.apply.running)
        self.assertEqual(self.ui.applyButton.text, "Apply")
        self.assertEqual(list(maps.maps_in(slicer.mrmlScene, node)), [])

    def test_closing_the_scene_ends_the_run(self) -> None:
        self.choose()
        self.stand_in(steps=1_000_000)
        self.ui.applyButton.click()
        self.settle()
        slicer.mrmlScene.Clear()
        self.settle()
        self.assertTrue(self.children[-1].killed)
        self.assertFalse(self.panel.apply.running)

    def test_closing_the_scene_brings_the_panel_back_to_its_beginning(self) -> None:
        self.choose()
        self.apply()
        slicer.mrmlScene.Clear()
        self.settle()
        self.assertFalse(self.ui.seriesSection.collapsed)
        self.assertTrue(self.ui.mapsSection.collapsed)
        self.assertEqual(self.ui.logText.toPlainText(), "")

    def test_the_programs_sentence_is_shown(self) -> None:
        self.choose()
        self.stand_in(ends="There is no bolus in the series.")
        self.apply()
        self.assertIn("There is no bolus in the series.", self.ui.logText.toPlainText())
        self.assertTrue(self.ui.applyButton.enabled)

    def test_aif_from_a_segment(self) -> None:
        self.choose()
        self.ui.aifSourceComboBox.setCurrentIndex(1)
        self.settle()
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertIn("artery", self.ui.applyButton.toolTip)
        inside = np.zeros(BALL.shape, bool)
        inside[2, 11:14, 11:14] = True
        node, _ = painted_segment(slicer.mrmlScene, inside, grid.voxel_to_ras(BALL), "Artery")
        self.ui.aifSegmentationSelector.setCurrentNode(node)
        self.settle()
        self.assertEqual(self.ui.aifSegmentComboBox.itemText(1), "Artery")
        self.ui.aifSegmentComboBox.setCurrentIndex(1)
        self.settle()
        self.assertTrue(self.ui.applyButton.enabled)
        self.ui.showAifButton.click()
        self.settle()
        self.assertIn("9 voxels", self.ui.aifQualityLabel.text)
        for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            if view.GetOrientation() == "Axial":
                self.assertAlmostEqual(
                    view.GetSliceOffset(), grid.voxel_to_ras(BALL)[2] @ (0, 0, 2, 1)
                )
        written = {}

        class Reading(StandInChild):
            def start(child, command, environment) -> None:  # noqa: N805
                super().start(command, environment)
                path = Path(command[command.index("--aif") + 1])
                written["voxels"], _ = read_image(path)

        self.panel.apply.make_child = Reading
        self.apply()
        np.testing.assert_array_equal(written["voxels"] != 0, inside)

    def test_a_mask_drawn_by_the_person_is_used(self) -> None:
        self.choose()
        self.assertTrue(self.ui.editMaskButton.enabled)
        self.panel.mask.prepare()
        self.settle()
        self.assertIs(self.ui.maskSelector.currentNode(), self.parameters.maskSegmentation)
        written = {}

        class Reading(StandInChild):
            def start(child, command, environment) -> None:  # noqa: N805
                super().start(command, environment)
                path = Path(command[command.index("--mask") + 1])
                written["mask"], _ = read_image(path)

        self.panel.apply.make_child = Reading
        self.apply()
        found = brain_mask(self.panel.series.series())
        np.testing.assert_array_equal(written["mask"] != 0, found)

    def test_the_curve_under_the_cursor_is_drawn_and_taken_away(self) -> None:
        self.choose()
        self.ui.cursorCurveCheckBox.setChecked(True)
        self.settle()
        crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        k, j, i = 2, 14, 17
        crosshair.SetCursorPositionRAS((grid.voxel_to_ras(BALL) @ (i, j, k, 1))[:3])
        chart = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode")
        self.wait(lambda: chart.GetNumberOfPlotSeriesNodes() == 5)
        table = chart.GetNthPlotSeriesNode(4).GetTableNode().GetTable()
        drawn = [table.GetColumnByName("Signal").GetValue(frame) for frame in range(FRAMES)]
        np.testing.assert_allclose(drawn, self.panel.series.series().signal[:, k, j, i])
        self.ui.cursorCurveCheckBox.setChecked(False)
        self.settle()
        self.assertEqual(chart.GetNumberOfPlotSeriesNodes(), 4)

    def test_display_fields_change_all_maps_of_the_quantity(self) -> None:
        self.choose()
        self.apply()
        volume = self.parameters.overlayMap
        display = volume.GetScalarVolumeDisplayNode()
        self.ui.windowRange.setValues(10.0, 50.0)
        self.settle()
        self.assertAlmostEqual(display.GetWindowLevelMin(), 10.0)
        self.assertAlmostEqual(display.GetWindowLevelMax(), 50.0)
        self.ui.thresholdRange.setValues(20.0, 80.0)
        self.settle()
        self.assertAlmostEqual(display.GetLowerThreshold(), 20.0)
        self.assertAlmostEqual(display.GetUpperThreshold(), 80.0)
        self.ui.opacitySlider.value = 0.3
        self.settle()
        self.assertAlmostEqual(self.composite().GetForegroundOpacity(), 0.3)
        self.ui.overlayCheckBox.setChecked(False)
        self.settle()
        self.assertIsNone(self.composite().GetForegroundVolumeID())
        self.ui.overlayCheckBox.setChecked(True)
        self.ui.resetDisplayButton.click()
        self.settle()
        self.assertAlmostEqual(display.GetWindowLevelMax(), 100.0)

    def test_side_by_side_and_back(self) -> None:
        self.choose()
        self.apply()
        layout = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
        before = layout.GetViewArrangement()
        self.ui.sideBySideButton.click()
        waited = time.monotonic() + 0.5
        self.wait(lambda: time.monotonic() > waited)
        shown = {
            composite.GetLayoutName(): composite.GetForegroundVolumeID()
            for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        }
        scales = []
        for name, volume in zip(
            ("Perfusion1", "Perfusion2"), maps.maps_in(slicer.mrmlScene), strict=True
        ):
            self.assertEqual(shown[name], volume.GetID())
            logic = slicer.app.layoutManager().sliceWidget(name).sliceLogic()
            self.assertEqual(logic.GetSliceNode().GetLayoutLabel(), maps.quantity_of(volume).name)
            node = logic.GetSliceNode()
            seen = np.array(node.GetFieldOfView()[:2])
            scales.append(seen[0] / node.GetDimensions()[0])
            logic.FitSliceToAll()
            # The whole slice, larger by a pixel at most where the views are not equally wide.
            np.testing.assert_allclose(seen, node.GetFieldOfView()[:2], rtol=0.02)
        np.testing.assert_allclose(scales, scales[0])
        self.ui.singleViewButton.click()
        self.settle()
        self.assertEqual(layout.GetViewArrangement(), before)

    def test_the_maps_that_came_last_are_ticked_until_the_person_says_otherwise(self) -> None:
        def ticked() -> list[str]:
            items = [self.ui.mapsList.item(row) for row in range(self.ui.mapsList.count)]
            return [item.text() for item in items if item.checkState() == qt.Qt.Checked]

        self.choose()
        self.apply()
        first = ticked()
        self.assertEqual(len(first), 2)
        self.parameters.method = "cSVD"
        self.settle()
        self.apply()
        self.assertEqual(self.ui.mapsList.count, 4)
        second = ticked()
        self.assertEqual(len(second), 2)
        self.assertFalse(set(first) & set(second))
        # Maps that are made anew are where they were, and so are the ticks.
        self.ui.mapsList.item(0).setCheckState(qt.Qt.Checked)
        self.apply()
        self.assertEqual(len(ticked()), 3)
        # Those of a method that nothing is ticked of take their place.
        self.ui.mapsList.item(0).setCheckState(qt.Qt.Unchecked)
        self.parameters.method = "oSVD"
        self.settle()
        self.apply()
        self.assertEqual(ticked(), first)

    def test_the_maps_of_the_chosen_series_are_listed(self) -> None:
        one = self.choose()
        self.apply()
        self.ui.sideBySideButton.click()
        self.settle()
        layout = slicer.app.layoutManager().layoutLogic().GetLayoutNode()
        self.choose()
        self.assertFalse(side_by_side.is_side_by_side(layout))
        self.assertEqual(self.ui.mapsList.count, 0)
        self.apply()
        self.assertEqual(self.ui.mapsList.count, 2)
        self.ui.seriesSelector.setCurrentNode(one)
        self.settle()
        self.assertEqual(self.ui.mapsList.count, 2)
        self.ui.sideBySideButton.click()
        self.settle()
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        shown = {each.GetLayoutName(): each.GetForegroundVolumeID() for each in composites}
        expected = [volume.GetID() for volume in maps.maps_in(slicer.mrmlScene, one)]
        self.assertEqual([shown["Perfusion1"], shown["Perfusion2"]], expected)
        # A map that goes leaves its view empty, and the others where they are.
        slicer.mrmlScene.RemoveNode(slicer.mrmlScene.GetNodeByID(expected[0]))
        self.ui.opacitySlider.value = 0.6
        self.settle()
        composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        shown = {each.GetLayoutName(): each.GetForegroundVolumeID() for each in composites}
        self.assertEqual([shown["Perfusion1"], shown["Perfusion2"]], [None, expected[1]])

    def test_views_side_by_side_keep_their_maps(self) -> None:
        self.choose()
        self.apply()
        self.ui.sideBySideButton.click()
        self.settle()
        volumes = list(maps.maps_in(slicer.mrmlScene))

        def shown() -> list[str]:
            composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
            by_name = {each.GetLayoutName(): each for each in composites}
            return [by_name[f"Perfusion{n}"].GetForegroundVolumeID() for n in (1, 2)]

        expected = [volume.GetID() for volume in volumes]
        self.ui.mapSelector.setCurrentNode(volumes[1])
        self.ui.opacitySlider.value = 0.5
        self.settle()
        self.assertEqual(shown(), expected)
        # The Segment Editor does so with its source volume.
        slicer.util.selectModule("Data")
        slicer.util.setSliceViewerLayers(background=volumes[0], foreground=None)
        slicer.util.selectModule("SyntheticPerfusion")
        self.settle()
        self.assertEqual(shown(), expected)
        self.ui.singleViewButton.click()

    def test_drawing_opens_the_segment_editor_on_the_map(self) -> None:
        self.choose()
        self.apply()
        self.ui.drawButton.click()
        self.settle()
        self.assertEqual(slicer.util.selectedModule(), "SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        self.assertIs(editor.segmentationNode(), self.parameters.roiSegmentation)
        self.assertIs(editor.sourceVolumeNode(), self.parameters.overlayMap)
        self.assertEqual(editor.currentSegmentID(), self.parameters.tumorId)
        slicer.util.selectModule("SyntheticPerfusion")
        self.settle()
        self.assertEqual(
            self.composite().GetForegroundVolumeID(), self.parameters.overlayMap.GetID()
        )

    def test_what_charts_are_made_of_is_not_listed_as_data(self) -> None:
        self.choose()
        self.apply()
        shown = [
            node.GetName()
            for kind in ("vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode")
            for node in slicer.util.getNodesByClass(kind)
            if not node.GetHideFromEditors()
        ]
        self.assertEqual(sorted(set(shown)), ["Arterial input function", "Brain mean signal"])

    def test_ratio_of_two_segments(self) -> None:
        self.choose()
        self.apply()
        self.assertFalse(self.ui.measureButton.enabled)
        self.panel.ratio.prepare_segments()
        self.settle()
        segmentation = self.parameters.roiSegmentation
        ids = (self.parameters.tumorId, self.parameters.contralateralId)
        for segment, columns in zip(ids, (slice(20, 24), slice(6, 10)), strict=True):
            inside = np.zeros(BALL.shape, np.uint8)
            inside[2:4, 12:16, columns] = 1
            slicer.util.updateSegmentBinaryLabelmapFromArray(
                inside, segmentation, segment, self.parameters.overlayMap
            )
        self.settle()
        self.assertTrue(self.ui.measureButton.enabled)
        self.ui.measureButton.click()
        self.settle()
        table = self.parameters.ratioTable
        self.assertEqual(table.GetNumberOfRows(), 2)
        self.assertAlmostEqual(float(table.GetCellText(0, 1)), 21.5 / 7.5, places=3)
        self.assertAlmostEqual(float(table.GetCellText(0, 4)), 32.0, places=3)

    def test_choices_survive_saving_and_loading_the_scene(self) -> None:
        self.choose()
        self.apply()
        self.ui.echoTimeSpinBox.setValue(31.5)
        self.ui.opacitySlider.value = 0.25
        self.parameters.method = "Tikhonov"
        self.ui.deviceComboBox.setCurrentIndex(3)
        self.settle()
        path = str(Path(mkdtemp(dir=slicer.app.temporaryPath)) / "PanelCase.mrb")
        self.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        self.settle()
        self.assertEqual(self.parameters.method, "oSVD")
        early: list[bool] = []
        update = self.panel.series.update

        def watched() -> None:
            early.append(bool(slicer.mrmlScene.IsImporting()))
            update()

        self.panel.series.update = watched
        slicer.util.loadScene(path)
        self.settle()
        del self.panel.series.update
        self.assertTrue(early)
        self.assertFalse(any(early), "the series was read before it was loaded")
        self.assertFalse(self.ui.mapsSection.collapsed)
        self.assertEqual(self.parameters.series.GetName(), "Ball")
        self.assertAlmostEqual(self.ui.echoTimeSpinBox.value, 31.5)
        self.assertAlmostEqual(self.parameters.overlayOpacity, 0.25)
        self.assertEqual(self.parameters.method, "Tikhonov")
        chosen = self.ui.methodTree.selectedItems()[0].text(0)
        self.assertEqual(chosen, "Tikhonov regularisation")
        self.assertEqual(self.parameters.device.name, "Cpu")
        self.assertEqual(self.parameters.overlayMap.GetName(), "CBF (oSVD) [ml/100g/min]")
        colors = self.parameters.overlayMap.GetScalarVolumeDisplayNode().GetColorNode()
        self.assertEqual(colors.GetName(), "PerfusionRainbow")
        self.assertTrue(self.ui.applyButton.enabled)

    def test_the_real_command_line_makes_maps(self) -> None:
        node = self.choose()
        self.panel.apply.make_child = self.make_child_before
        self.ui.deviceComboBox.setCurrentIndex(3)
        self.settle()
        self.ui.applyButton.click()
        self.wait(lambda: not self.panel.apply.running, 300.0)
        self.settle()
        names = [maps.quantity_of(volume).name for volume in maps.maps_in(slicer.mrmlScene, node)]
        for name in ("CBF", "CBV", "MTT", "Tmax", "TTP"):
            self.assertIn(name, names, self.ui.logText.toPlainText())

    def test_a_digital_patient_is_made_and_loaded_with_its_regions(self) -> None:
        series, anatomy, regions = make_sample("glioma-high", "Patient", StandInPatient)
        self.assertEqual(series.GetName(), "Patient")
        self.assertEqual(sequence.proxy_volume(series).GetName(), "Patient")
        self.assertEqual(sequence.browser_of(series).GetName(), "Patient browser")
        self.assertEqual(series.GetNumberOfDataNodes(), FRAMES)
        self.assertEqual(anatomy.GetName(), "Patient, anatomy")
        segmentation = regions.GetSegmentation()
        names = [segmentation.GetNthSegment(number).GetName() for number in (0, 1)]
        self.assertEqual(names, ["tumor", "reference"])
        self.ui.seriesSelector.setCurrentNode(series)
        self.settle()
        self.assertTrue(self.ui.applyButton.enabled)

    def test_stopping_a_sample_leaves_nothing_and_is_no_error(self) -> None:
        class Stopped(StandInPatient):
            def exit_code(self):
                return CANCELLED

        self.assertEqual(make_sample("stroke", "Patient", Stopped), [])
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceNode"), 0)

    def test_reloading_brings_a_working_panel(self) -> None:
        self.widget.onReload()
        self.widget = slicer.modules.SyntheticPerfusionWidget
        self.ui, self.panel = self.widget.ui, self.widget.panel
        self.make_child_before = self.panel.apply.make_child
        self.stand_in()
        node = self.choose()
        self.apply()
        self.assertEqual(len(list(maps.maps_in(slicer.mrmlScene, node))), 2)


if __name__ == "__main__":
    unittest.main()
