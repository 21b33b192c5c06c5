"""What the cases share that look at the pixels of a slice."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from in_slicer.scene_case import SceneCase
from SyntheticPerfusionLib.mrml import colors, grid
from SyntheticPerfusionLib.series.geometry import Geometry
from vtk.util.numpy_support import vtk_to_numpy


class SliceCase(SceneCase):
    """A slice view of its own, and an anatomy of one grey to lay maps over."""

    SIZE = 16
    VIEW = "SliceCase"

    def setUp(self) -> None:
        super().setUp()
        size = self.SIZE
        self.geometry = Geometry(shape=(3, size, size), spacing=(1.0, 1.0, 1.0))
        self.anatomy = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Anatomy")
        grid.put_array(self.anatomy, np.full(self.geometry.shape, 50, "f4"), self.geometry)
        self.anatomy.CreateDefaultDisplayNodes()
        display = self.anatomy.GetScalarVolumeDisplayNode()
        display.SetAutoWindowLevel(0)
        display.SetWindowLevelMinMax(0, 100)
        display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLScene(self.scene)
        self.logic.AddSliceNode(self.VIEW)

    def tearDown(self) -> None:
        # Slice views outlive a cleared scene; the next case wants a fresh one.
        nodes = (self.logic.GetSliceCompositeNode(), self.logic.GetSliceNode())
        self.logic.SetMRMLScene(None)
        for node in nodes:
            self.scene.RemoveNode(node)
        super().tearDown()

    def ramp(self, highest: float) -> np.ndarray:
        """A map that rises from 0 to `highest` from column to column."""
        columns = np.arange(self.SIZE, dtype="f4") * highest / (self.SIZE - 1)
        return np.broadcast_to(columns, self.geometry.shape)

    def row(self) -> np.ndarray:
        """(16, 3) red, green, blue of a row of the slice, one pixel per voxel, voxel 0 first."""
        node = self.logic.GetSliceNode()
        size = self.SIZE
        to_ras = vtk.vtkMatrix4x4()
        self.anatomy.GetIJKToRASMatrix(to_ras)
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

    def expected_ramp(self, share: float = 1.0) -> np.ndarray:
        """(16, 3) colours of a ramp from 0 to `share` of the window; over anatomy where it is 0."""
        steps = share * np.arange(self.SIZE) / (self.SIZE - 1)
        expected = 255 * colors.perfusion_rainbow()[np.rint(steps * 255).astype(int)]
        expected[0] = 127.5
        return expected
