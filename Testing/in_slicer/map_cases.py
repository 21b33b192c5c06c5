"""Maps in the scene: grid, colors, units, legends, and where they lie."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from in_slicer.scene_case import OBLIQUE, SceneCase, small_series
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.mrml import colors, grid, legend, maps, sequence


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

    def test_a_flow_map_on_another_scale_gets_a_window_in_which_it_shows(self) -> None:
        # A ramp from 0 to 600: 2.2 times its median, in round figures.
        volume = self.put("CBF", scale=30.0)
        self.assertEqual(maps.usual_window(volume), (0.0, 670.0))
        self.assertAlmostEqual(volume.GetScalarVolumeDisplayNode().GetWindowLevelMax(), 670.0)

    def test_vessels_do_not_darken_tissue_in_a_flow_map_on_another_scale(self) -> None:
        volume = self.put("CBF", scale=30.0)
        array = self.array * 30.0
        array[array > 450.0] *= 20.0
        slicer.util.updateVolumeFromArray(volume, array)
        self.assertEqual(maps.usual_window(volume), (0.0, 670.0))

    def test_labels_of_a_legend_are_numbers_without_powers_of_ten(self) -> None:
        for scale in (1.0, 30.0, 300.0):
            volume = self.put("CBF", f"times {scale:g}", scale=scale)
            label = legend.show_legend(volume).GetLabelFormat()
            top = maps.usual_window(volume)[1]
            self.assertNotIn("e", label % top)
            self.assertAlmostEqual(float(label % top), top)

    def test_times_keep_their_window_whatever_the_map(self) -> None:
        self.assertEqual(maps.usual_window(self.put("Tmax", scale=30.0)), (0.0, 12.0))

    def test_zero_is_see_through_in_every_map(self) -> None:
        for name in QUANTITIES:
            display = self.put(name).GetScalarVolumeDisplayNode()
            self.assertTrue(display.GetApplyThreshold(), name)
            self.assertGreater(display.GetLowerThreshold(), 0.0, name)
        self.assertIsNone(maps.lowest_value(QUANTITIES["K2"]))

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
        # Left on, it would keep Slicer from saving any scene after the self test.
        self.addCleanup(self.scene.SetSaveToXMLString, 0)
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
