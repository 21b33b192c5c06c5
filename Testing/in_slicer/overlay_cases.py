"""Maps on the screen: the pixels of a slice, and layouts of several slices."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from in_slicer.scene_case import OBLIQUE, SceneCase
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.mrml import colors, grid, maps, overlay, side_by_side
from SyntheticPerfusionLib.series.geometry import Geometry
from vtk.util.numpy_support import vtk_to_numpy


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
