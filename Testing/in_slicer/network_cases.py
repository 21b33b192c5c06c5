"""Networks in the panel: listed from model folders, described by their cards, warned of."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import slicer
import slicer.packaging
from in_slicer.panel_case import PanelCase
from in_slicer.scene_case import bolus_series
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.model_registry import USER_FOLDER_VARIABLE
from SyntheticPerfusionLib.mrml import maps
from unit.small_models import small_model

NAME = "mean-of-voxel"


class NetworkCase(PanelCase):
    """The person's model folder holds one tiny network."""

    def setUp(self) -> None:
        self.folder = Path(mkdtemp())
        os.environ[USER_FOLDER_VARIABLE] = str(self.folder)
        self.addCleanup(os.environ.pop, USER_FOLDER_VARIABLE)
        self.addCleanup(shutil.rmtree, self.folder)
        super().setUp()
        small_model(self.folder)
        self.ui.rescanButton.click()
        self.settle()

    def tearDown(self) -> None:
        super().tearDown()
        self.ui.methodSearchBox.setText("")

    def pick(self, name: str) -> None:
        """Choose a method as the person does."""
        for item in self.panel.method.list._items():
            if item.data(0, 0x0100) == name:
                self.ui.methodTree.setCurrentItem(item)
        self.settle()

    def headings(self) -> list[str]:
        tree = self.ui.methodTree
        return [tree.topLevelItem(row).text(0) for row in range(tree.topLevelItemCount)]

    def test_a_model_that_came_while_the_panel_is_open_is_found_by_rescan(self) -> None:
        self.assertIn("Your own models", self.headings())
        self.assertEqual(self.panel.method.list.names()[-1], NAME)
        small_model(self.folder, "another")
        self.assertNotIn("another", self.panel.method.list.names())
        self.ui.rescanButton.click()
        self.assertIn("another", self.panel.method.list.names())

    def test_a_broken_model_is_named_with_the_reason(self) -> None:
        self.assertTrue(self.ui.brokenModelsLabel.isHidden())
        model = small_model(self.folder, "broken")
        model.weights_file.unlink()
        self.ui.rescanButton.click()
        self.settle()
        self.assertNotIn("broken", self.panel.method.list.names())
        self.assertFalse(self.ui.brokenModelsLabel.isHidden())
        self.assertIn("broken/weights.safetensors are missing", self.ui.brokenModelsLabel.text)

    def test_a_search_for_a_map_leaves_the_methods_that_give_it(self) -> None:
        self.pick(NAME)
        self.ui.methodSearchBox.setText("time to peak")
        self.settle()
        self.assertIn(NAME, self.panel.method.list.names())
        self.ui.methodSearchBox.setText("tikhonov")
        self.settle()
        self.assertEqual(self.panel.method.list.names(), ["Tikhonov"])
        self.assertEqual(self.parameters.method, NAME)
        self.ui.methodSearchBox.setText("")
        self.settle()
        self.assertIn(NAME, self.panel.method.list.names())

    def test_a_heading_cannot_be_chosen(self) -> None:
        self.pick(NAME)
        self.ui.methodTree.setCurrentItem(self.ui.methodTree.topLevelItem(0))
        self.settle()
        self.assertEqual(self.parameters.method, NAME)

    def test_the_card_is_shown_for_networks_alone(self) -> None:
        self.assertTrue(self.ui.modelCardSection.isHidden())
        self.pick(NAME)
        self.assertFalse(self.ui.modelCardSection.isHidden())
        said = self.ui.modelCardBrowser.toPlainText()
        for part in (
            "research",
            "frame interval 1 to 2 s",
            "It measures nothing.",
            "error [s]",
            "1.5",
            "Apache-2.0",
            str(self.folder / NAME),
        ):
            self.assertIn(part, said)

    def test_a_web_address_in_the_card_can_be_clicked_and_nothing_in_it_is_markup(self) -> None:
        changes = {"paper": "Hess A et al. 2018, doi:10.1117/12.2287820. <b>x</b>"}
        small_model(self.folder, "cited", changes)
        self.ui.rescanButton.click()
        self.pick("cited")
        html = self.ui.modelCardBrowser.toHtml()
        self.assertIn('href="https://doi.org/10.1117/12.2287820"', html)
        self.assertIn("<b>x</b>", self.ui.modelCardBrowser.toPlainText())

    def test_a_series_outside_the_models_range_is_said_above_apply_and_not_forbidden(self) -> None:
        self.choose()
        self.pick(NAME)
        self.assertTrue(self.ui.rangeFrame.isHidden())
        slow = bolus_series()
        self.choose(replace(slow, frame_times_s=slow.frame_times_s * 2.0))
        self.assertFalse(self.ui.rangeFrame.isHidden())
        self.assertIn("repetition time is 3 s", self.ui.rangeLabel.text)
        self.assertIn("repetition time is 3 s", self.ui.applyButton.toolTip)
        self.assertTrue(self.ui.applyButton.enabled)
        self.pick("oSVD")
        self.assertTrue(self.ui.rangeFrame.isHidden())

    def test_what_a_network_does_not_need_is_not_asked_for(self) -> None:
        self.choose(bolus_series(echo_time_s=None))
        self.ui.aifSourceComboBox.setCurrentIndex(1)
        self.ui.leakageCheckBox.setChecked(True)
        self.settle()
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertTrue(self.ui.aifReasonLabel.isHidden())
        self.pick(NAME)
        self.assertTrue(self.ui.applyButton.enabled, self.ui.applyButton.toolTip)
        self.assertEqual(
            self.ui.aifReasonLabel.text, "Mean of the voxel needs no arterial input function."
        )
        self.assertFalse(self.ui.aifReasonLabel.isHidden())
        for widget in (self.ui.aifSourceComboBox, self.ui.showAifButton, self.ui.leakageCheckBox):
            self.assertFalse(widget.enabled)
        self.assertEqual(self.ui.echoTimeLabel.text, "not stored; the method needs none")
        self.apply()
        command = self.children[-1].command
        self.assertEqual(command[command.index("--method") + 1], NAME)
        self.assertNotIn("--aif", command)
        self.assertNotIn("--leakage-correction", command)
        self.pick("oSVD")
        self.assertTrue(self.ui.aifSourceComboBox.enabled)
        self.assertEqual(self.ui.echoTimeLabel.text, "not stored: type it")

    def test_what_networks_need_is_installed_at_apply_and_not_before(self) -> None:
        asked: list[str] = []

        def note(requirements, requester) -> None:
            asked.extend(str(item) for item in requirements)

        self.addCleanup(setattr, slicer.packaging, "pip_ensure", slicer.packaging.pip_ensure)
        slicer.packaging.pip_ensure = note
        self.choose()
        self.apply()
        self.assertEqual(asked, [])
        self.pick(NAME)
        self.assertEqual(asked, [])
        self.apply()
        self.assertEqual(asked, ["jsonschema>=4.18", "safetensors>=0.4"])

    def test_maps_of_networks_get_windows_and_colors_of_their_own(self) -> None:
        node = self.choose()
        self.pick(NAME)
        ramps = {"Tmax_uncertainty": 0.2, "RBF": 0.1, "misfit": 0.1, "delay": 0.2}
        self.stand_in(ramps=ramps)
        self.apply()
        shown = {maps.quantity_of(item).name: item for item in maps.maps_in(slicer.mrmlScene, node)}
        self.assertEqual(set(shown), set(ramps))
        self.assertEqual(
            shown["Tmax_uncertainty"].GetName(), "Tmax_uncertainty (mean-of-voxel) [s^2]"
        )
        for name, volume in shown.items():
            display = volume.GetScalarVolumeDisplayNode()
            window = (display.GetWindowLevelMin(), display.GetWindowLevelMax())
            self.assertEqual(window, QUANTITIES[name].display_range)
            self.assertEqual(display.GetColorNode().GetName(), QUANTITIES[name].colour_table)
            self.assertIsNotNone(
                slicer.modules.colors.logic().GetColorLegendDisplayNode(volume), name
            )

    def test_a_model_that_is_gone_is_said_and_apply_waits(self) -> None:
        self.choose()
        self.pick(NAME)
        shutil.rmtree(self.folder / NAME)
        self.ui.rescanButton.click()
        self.settle()
        self.assertIn("is not installed here", self.ui.methodLabel.text)
        self.assertFalse(self.ui.applyButton.enabled)
        self.assertTrue(self.ui.modelCardSection.isHidden())
