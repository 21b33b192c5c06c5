"""What the cases share: an empty scene to begin with, and small things to put into it."""

from __future__ import annotations

import unittest

import numpy as np
import slicer
import vtk
from SyntheticPerfusionLib.mrml import grid
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

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


BALL = Geometry((6, 32, 32), (6.0, 6.0, 6.0), (-93.0, -93.0, -15.0))
FRAMES, STEP_S = 40, 1.5


def bolus_series(echo_time_s: float | None = 0.03) -> DscSeries:
    """A ball of tissue through which a bolus passes, with an early, strong artery in it."""
    k, j, i = np.indices(BALL.shape)
    ball = ((i - 15.5) / 11) ** 2 + ((j - 15.5) / 13) ** 2 + ((k - 2.5) / 4) ** 2 < 1
    artery = ball & (abs(i - 12) < 1.5) & (abs(j - 12) < 1.5)
    times = np.arange(FRAMES) * STEP_S

    def passage(start: float, width: float) -> np.ndarray:
        late = np.clip(times - start, 0, None) / width
        return late**3 * np.exp(3 - 3 * late / 1.0) / 1.0

    tissue, arterial = passage(14.0, 8.0), passage(13.0, 4.0)
    relaxation = np.where(artery, 60.0, 9.0)[None] * np.where(
        artery[None], arterial[:, None, None, None], tissue[:, None, None, None]
    )
    noise = np.random.default_rng(3).normal(0.0, 3.0, (FRAMES, *BALL.shape))
    signal = np.where(ball, 500.0, 0.0) * np.exp(-0.03 * relaxation) + np.abs(noise)
    return DscSeries(
        signal.astype(np.float32),
        times,
        BALL,
        echo_time_s,
        "set by the test",
        "set by the test" if echo_time_s else "",
        "Ball",
    )
