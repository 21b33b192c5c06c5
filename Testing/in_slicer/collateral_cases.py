"""Collateral maps in the panel: the two vessels that are asked for, and the slider of phases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
from in_slicer.panel_case import PanelCase, StandInChild, StandInPatient
from in_slicer.scene_case import BALL, painted_segment
from SyntheticPerfusionLib.gui.digital_patient import make_sample
from SyntheticPerfusionLib.maps.quantity import COLLATERALS
from SyntheticPerfusionLib.mrml import grid, maps, phases, sequence
from SyntheticPerfusionLib.series.images import read_image, write_image

METHOD = "collateral-roi"
RAMPS = {item.name: 0.01 * (number + 1) for number, item in enumerate(COLLATERALS)}


class CollateralCase(PanelCase):
    def choose_method(self):
        node = self.choose()
        self.parameters.method = METHOD
        self.settle()
        return node

    def draw(self) -> dict[str, np.ndarray]:
        """A segmentation with both vessels, chosen in the panel; their voxels by name."""
        regions = {name: np.zeros(BALL.shape, bool) for name in ("mca", "sss")}
        regions["mca"][2, 12, 11:14] = True
        regions["sss"][2, 24, 14:18] = True
        node, _ = painted_segment(
            slicer.mrmlScene, regions["mca"], grid.voxel_to_ras(BALL), "Artery"
        )
        other, sinus = painted_segment(
            slicer.mrmlScene, regions["sss"], grid.voxel_to_ras(BALL), "Sinus"
        )
        node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), sinus)
        self.ui.vesselSelector.setCurrentNode(node)
        self.settle()
        self.ui.mcaComboBox.setCurrentIndex(1)
        self.ui.sssComboBox.setCurrentIndex(2)
        self.settle()
        return regions

    def run_phases(self):
        node = self.choose_method()
        self.draw()
        self.stand_in(ramps=RAMPS)
        self.apply()
        return node

    def test_the_vessels_are_asked_for_with_this_method_alone(self) -> None:
        self.choose()
        self.assertFalse(self.ui.vesselFrame.visible)
        self.parameters.method = METHOD
        self.settle()
        self.assertTrue(self.ui.vesselFrame.visible)
        self.assertFalse(self.ui.leakageCheckBox.enabled)
        self.assertIn("needs no arterial input function", self.ui.aifReasonLabel.text)

    def test_apply_says_which_vessel_is_missing(self) -> None:
        self.choose_method()
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertIn("segmentation with both vessels", self.ui.applyButton.toolTip)
        self.panel.vessels.prepare_segments()
        self.parameters.sssId = self.parameters.mcaId
        self.settle()
        self.assertIn("choose two", self.ui.applyButton.toolTip)
        self.draw()
        self.assertTrue(self.ui.applyButton.enabled, self.ui.applyButton.toolTip)

    def test_no_map_lies_over_the_vessels_that_are_drawn(self) -> None:
        node = self.run_phases()
        self.ui.sideBySideButton.click()
        self.settle()

        def over() -> set[str]:
            composites = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
            return {each.GetForegroundVolumeID() for each in composites} - {None}

        self.assertGreater(len(over()), 4)
        self.ui.drawVesselsButton.click()
        self.settle()
        self.assertEqual(slicer.util.selectedModule(), "SegmentEditor")
        self.assertEqual(over(), set())
        shown = self.composite().GetBackgroundVolumeID()
        self.assertEqual(shown, sequence.proxy_volume(node).GetID())
        slicer.util.selectModule("SyntheticPerfusion")
        self.settle()
        self.assertTrue(self.ui.overlayCheckBox.checked)
        self.assertGreater(len(over()), 4)

    def test_the_command_gets_both_regions_on_the_grid_of_the_series(self) -> None:
        self.choose_method()
        regions = self.draw()
        written = {}

        class Reading(StandInChild):
            def start(child, command, environment) -> None:  # noqa: N805
                super().start(command, environment)
                for name in regions:
                    path = Path(command[command.index(f"--{name}") + 1])
                    written[name] = read_image(path)[0] != 0

        self.panel.apply.make_child = lambda: Reading(ramps=RAMPS)
        self.apply()
        for name, voxels in regions.items():
            np.testing.assert_array_equal(written[name], voxels)

    def test_other_methods_get_no_regions(self) -> None:
        self.choose_method()
        self.draw()
        self.parameters.method = "oSVD"
        self.settle()
        self.apply()
        self.assertNotIn("--mca", self.children[-1].command)

    def test_the_five_phases_are_shown_and_scrolled_through(self) -> None:
        node = self.run_phases()
        self.assertEqual(len(list(maps.maps_in(slicer.mrmlScene, node))), 5)
        (sequence_node,) = phases.phases_in(slicer.mrmlScene)
        proxy = sequence.proxy_volume(sequence_node)
        self.assertEqual(self.composite().GetForegroundVolumeID(), proxy.GetID())
        self.assertTrue(self.ui.phaseSlider.visible)
        for number in (3, 1, 4, 0, 2):
            self.ui.phaseSlider.setValue(number)
            self.settle()
            shown = slicer.util.arrayFromVolume(proxy)
            self.assertAlmostEqual(float(shown.max()), 60 * 0.01 * (number + 1), places=4)
            self.assertIs(
                self.ui.mapSelector.currentNode(), phases.map_of_step(sequence_node, number)
            )
            self.assertIn(phases.phase_name(number), self.ui.phaseLabel.text)
            self.assertEqual(self.composite().GetForegroundVolumeID(), proxy.GetID())

    def test_slicers_own_controls_move_the_slider(self) -> None:
        self.run_phases()
        (node,) = phases.phases_in(slicer.mrmlScene)
        sequence.browser_of(node).SelectNextItem(2)
        self.settle()
        self.assertEqual(self.ui.phaseSlider.value, 2)
        self.assertEqual(phases.step_of(self.parameters.overlayMap), 2)

    def test_the_slider_goes_with_maps_that_are_no_phases(self) -> None:
        self.run_phases()
        self.parameters.method = "oSVD"
        self.stand_in()
        self.settle()
        self.apply()
        self.assertFalse(self.ui.phaseSlider.visible)
        self.assertFalse(self.ui.phaseLabel.visible)

    def test_the_sequence_of_maps_is_not_offered_as_a_series(self) -> None:
        node = self.run_phases()
        self.assertEqual(self.ui.seriesSelector.nodeCount(), 1)
        self.assertIs(self.ui.seriesSelector.currentNode(), node)
        self.assertIs(self.widget.logic.onlySeries(), node)

    def test_a_sample_brings_its_vessels(self) -> None:
        class WithVessels(StandInPatient):
            def _finish(child) -> None:  # noqa: N805
                super()._finish()
                folder = Path(child.command[child.command.index("phantom") + 1])
                for name, column in (("mca", 10), ("sss", 20)):
                    region = np.zeros(BALL.shape, np.uint8)
                    region[2, 12, column] = 1
                    write_image(region, BALL, folder / f"{name}.nii.gz")

        *_others, vessels = make_sample("stroke", "Patient", WithVessels)
        self.assertEqual(vessels.GetName(), "Patient, vessels")
        names = [vessels.GetSegmentation().GetNthSegment(n).GetName() for n in range(2)]
        self.assertEqual(names, ["mca", "sss"])
