"""Maps on the screen: the pixels of a slice, and layouts of several slices."""

from __future__ import annotations

import numpy as np
import vtk
from in_slicer.scene_case import OBLIQUE, SceneCase
from in_slicer.slice_case import SliceCase
from SyntheticPerfusionLib.maps.quantity import COLLATERALS, QUANTITIES
from SyntheticPerfusionLib.mrml import colors, maps, overlay, side_by_side


class OverlayCase(SliceCase):
    """The pixels of an axial slice, against the colour table and the blending rule."""

    VIEW = "OverlayCase"

    def setUp(self) -> None:
        super().setUp()
        self.map = maps.put_map(
            self.scene, QUANTITIES["CBF"], "oSVD", self.ramp(100.0), self.geometry
        )

    def test_an_opaque_overlay_shows_the_colors_of_the_table(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 1.0, ["OverlayCase"])
        # Two steps of the table: the display pipeline rounds value and table index separately.
        np.testing.assert_allclose(self.row(), self.expected_ramp(), atol=14)

    def test_opacity_blends_map_and_anatomy(self) -> None:
        overlay.show_overlay(self.scene, self.map, self.anatomy, 0.4, ["OverlayCase"])
        expected = 0.4 * self.expected_ramp() + 0.6 * 127.5
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

    def test_bars_of_views_are_narrow_so_phases_have_short_names(self) -> None:
        layout = self.scene.AddNewNodeByClass("vtkMRMLLayoutNode")
        ones = np.ones(OBLIQUE.shape, "f4")
        shown = [maps.put_map(self.scene, item, "roi", ones, OBLIQUE) for item in COLLATERALS]
        shown.append(maps.put_map(self.scene, QUANTITIES["CBF"], "oSVD", ones, OBLIQUE))
        side_by_side.show_side_by_side(layout, shown, None)
        said = layout.GetCurrentLayoutDescription()
        for name in ("Art", "Cap", "EV", "LV", "Del", "CBF"):
            self.assertIn(f">{name}</property>", said)

    def test_views_that_are_there_are_called_by_the_maps_they_show_now(self) -> None:
        layout = self.scene.AddNewNodeByClass("vtkMRMLLayoutNode")
        view = self.scene.CreateNodeByClass("vtkMRMLSliceNode")
        view.SetSingletonTag("Perfusion1")
        view.SetLayoutName("Perfusion1")
        view = self.scene.AddNode(view)
        ones = np.ones(OBLIQUE.shape, "f4")
        for item, name in ((COLLATERALS[0], "Art"), (QUANTITIES["CBF"], "CBF")):
            volume = maps.put_map(self.scene, item, "roi", ones, OBLIQUE)
            side_by_side.show_side_by_side(layout, [volume], None)
            self.assertEqual(view.GetLayoutLabel(), name)
