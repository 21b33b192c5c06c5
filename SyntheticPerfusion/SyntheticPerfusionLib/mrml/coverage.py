"""How much of each voxel of a map a segment covers.

Segments are drawn on other grids than the map's. Taking the nearest voxel loses or adds whole map
voxels at the rim: a sphere of 16 mm on a grid of 2x2x5 mm is off by up to a quarter of its volume.
Here each map voxel is divided into small cells and the share of them inside the segment is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .grid import array_from_matrix

if TYPE_CHECKING:
    import vtk
    from slicer import vtkMRMLSegmentationNode, vtkMRMLTransformNode, vtkMRMLVolumeNode

# Cells per voxel and axis: fine enough for the rim, coarse enough for a whole-brain segment.
_FEWEST_CELLS, _MOST_CELLS = 5, 30
_CELL_BUDGET = 20_000_000


def segment_coverage(
    segmentation: vtkMRMLSegmentationNode, segment_id: str, volume: vtkMRMLVolumeNode
) -> np.ndarray:
    """(K, J, I) float32 share of each voxel of `volume` inside the segment, 0 to 1.

    Works on the representation in which the segment was made: voxels (Segment Editor) or surface.
    Linear parent transforms of both are followed. Raises InputError where the segment is empty,
    unknown, or under a warp that is not linear.
    """
    segment = segmentation.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise InputError(f"{segmentation.GetName()} has no segment {segment_id!r}; choose another.")
    volume_to_segmentation = _voxel_to_segmentation(volume, segmentation)
    if segmentation.GetSegmentation().GetSourceRepresentationName() == _labelmap_name():
        coverage = _of_labelmap(segmentation, segment_id, volume, volume_to_segmentation)
    else:
        coverage = _of_surface(segmentation, segment_id, volume, volume_to_segmentation)
    if coverage is None or not coverage.any():
        raise InputError(
            f"Segment {segment.GetName()!r} covers no voxel of {volume.GetName()}; "
            "draw it where the map has voxels."
        )
    return coverage


def _labelmap_name() -> str:
    from slicer import vtkSegmentationConverter

    return vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _voxel_to_segmentation(
    volume: vtkMRMLVolumeNode, segmentation: vtkMRMLSegmentationNode
) -> np.ndarray:
    """4x4: (i, j, k, 1) of the volume to the coordinates the segmentation is stored in."""
    import vtk

    voxel_to_node = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(voxel_to_node)
    return _between(
        volume.GetParentTransformNode(), segmentation.GetParentTransformNode()
    ) @ array_from_matrix(voxel_to_node)


def _between(
    source: vtkMRMLTransformNode | None, target: vtkMRMLTransformNode | None
) -> np.ndarray:
    import vtk
    from slicer import vtkMRMLTransformNode

    for node in (source, target):
        if node is not None and not node.IsTransformToWorldLinear():
            raise InputError(
                f"The transform {node.GetName()} is not linear; "
                "harden it on the segmentation or the map first."
            )
    matrix = vtk.vtkMatrix4x4()
    vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(source, target, matrix)
    return array_from_matrix(matrix)


def _of_labelmap(
    segmentation: vtkMRMLSegmentationNode,
    segment_id: str,
    volume: vtkMRMLVolumeNode,
    volume_to_segmentation: np.ndarray,
) -> np.ndarray | None:
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    image = segmentation.GetBinaryLabelmapInternalRepresentation(segment_id)
    if image is None or image.GetPointData().GetScalars() is None:
        return None
    value = segmentation.GetSegmentation().GetSegment(segment_id).GetLabelValue()
    i, j, k = image.GetDimensions()
    inside = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k, j, i) == value
    if not inside.any():
        return None
    extent = image.GetExtent()
    image_to_segmentation = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(image_to_segmentation)
    shift = np.eye(4)
    shift[:3, 3] = extent[0], extent[2], extent[4]
    array_to_segmentation = array_from_matrix(image_to_segmentation) @ shift
    volume_to_array = np.linalg.inv(array_to_segmentation) @ volume_to_segmentation

    found = np.argwhere(inside)
    low, high = found.min(axis=0)[::-1] - 0.5, found.max(axis=0)[::-1] + 0.5
    box = _voxel_box(volume, np.linalg.inv(volume_to_array), low, high)
    if box is None:
        return None
    # Cells a quarter of a voxel of the labelmap wide: wider ones beat with its voxels.
    width = np.linalg.norm(volume_to_array[:3, :3], axis=0)
    cells = _cells(np.ceil(4.0 * width), box)
    coverage = np.zeros(_shape(volume), np.float32)
    first, stop = box
    rows, columns = slice(first[1], stop[1]), slice(first[0], stop[0])
    for slice_index in range(first[2], stop[2]):
        for k in slice_index + _centres(cells[2]):
            points = _cell_centres(k, first, stop, cells)
            indices = np.floor(points @ volume_to_array[:3, :3].T + volume_to_array[:3, 3] + 0.5)
            hit = _lookup(inside, indices.astype(np.int64))
            coverage[slice_index, rows, columns] += hit.mean(axis=(1, 3)) / cells[2]
    return coverage


def _lookup(inside: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Value of `inside` (K, J, I) at integer (i, j, k) in the last axis; False off the array."""
    size = np.array(inside.shape[::-1])
    on_array = np.all((indices >= 0) & (indices < size), axis=-1)
    i, j, k = np.moveaxis(np.where(on_array[..., None], indices, 0), -1, 0)
    return inside[k, j, i] & on_array


def _of_surface(
    segmentation: vtkMRMLSegmentationNode,
    segment_id: str,
    volume: vtkMRMLVolumeNode,
    volume_to_segmentation: np.ndarray,
) -> np.ndarray | None:
    """Rasterise the closed surface on the cells of the volume's voxels."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    if not segmentation.CreateClosedSurfaceRepresentation():
        return None
    surface = vtk.vtkPolyData()
    segmentation.GetClosedSurfaceRepresentation(segment_id, surface)
    if surface.GetNumberOfPoints() == 0:
        return None
    segmentation_to_volume = np.linalg.inv(volume_to_segmentation)
    points = vtk_to_numpy(surface.GetPoints().GetData())
    in_voxels = points @ segmentation_to_volume[:3, :3].T + segmentation_to_volume[:3, 3]
    box = _clip(volume, in_voxels.min(axis=0), in_voxels.max(axis=0))
    if box is None:
        return None
    first, stop = box
    cells = _cells(np.full(3, 15.0), box)
    stencil = _stencil(
        _in_cells(surface, segmentation_to_volume, first, cells), stop - first, cells
    )
    counts = stencil.reshape(
        stop[2] - first[2], cells[2], stop[1] - first[1], cells[1], stop[0] - first[0], cells[0]
    )
    coverage = np.zeros(_shape(volume), np.float32)
    coverage[first[2] : stop[2], first[1] : stop[1], first[0] : stop[0]] = counts.mean(
        axis=(1, 3, 5)
    )
    return coverage


def _in_cells(
    surface: vtk.vtkPolyData,
    segmentation_to_volume: np.ndarray,
    first: np.ndarray,
    cells: np.ndarray,
) -> vtk.vtkPolyData:
    """The surface in cell numbers counted from the box's first cell centre."""
    import vtk

    from .grid import matrix_from_array

    to_cells = np.diag([*cells.astype(float), 1.0])
    to_cells[:3, 3] = (0.5 - first) * cells - 0.5
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix_from_array(to_cells @ segmentation_to_volume))
    mover = vtk.vtkTransformPolyDataFilter()
    mover.SetInputData(surface)
    mover.SetTransform(transform)
    mover.Update()
    return mover.GetOutput()


def _stencil(surface: vtk.vtkPolyData, size: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(k, j, i) bool: cells whose centre lies inside the surface."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    counts = [int(number) for number in size * cells]
    raster = vtk.vtkPolyDataToImageStencil()
    raster.SetInputData(surface)
    raster.SetOutputSpacing(1.0, 1.0, 1.0)
    raster.SetOutputOrigin(0.0, 0.0, 0.0)
    raster.SetOutputWholeExtent(0, counts[0] - 1, 0, counts[1] - 1, 0, counts[2] - 1)
    painter = vtk.vtkImageStencilToImage()
    painter.SetInputConnection(raster.GetOutputPort())
    painter.SetInsideValue(1)
    painter.SetOutputScalarTypeToUnsignedChar()
    painter.Update()
    scalars = painter.GetOutput().GetPointData().GetScalars()
    return vtk_to_numpy(scalars).reshape(counts[::-1]).astype(bool)


def _shape(volume: vtkMRMLVolumeNode) -> tuple[int, int, int]:
    i, j, k = volume.GetImageData().GetDimensions()
    return k, j, i


def _voxel_box(
    volume: vtkMRMLVolumeNode, array_to_volume: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Voxels of the volume that a box in array coordinates can touch: first and stop (i, j, k)."""
    corners = np.array(
        [[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    )
    in_voxels = corners @ array_to_volume[:3, :3].T + array_to_volume[:3, 3]
    return _clip(volume, in_voxels.min(axis=0), in_voxels.max(axis=0))


def _clip(
    volume: vtkMRMLVolumeNode, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    size = np.array(volume.GetImageData().GetDimensions())
    first = np.clip(np.floor(low + 0.5), 0, size).astype(int)
    stop = np.clip(np.floor(high + 0.5) + 1, 0, size).astype(int)
    return (first, stop) if np.all(stop > first) else None


def _cells(wanted: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Cells per voxel along (i, j, k): as wanted, within limits and the memory budget."""
    voxels = float(np.prod(box[1] - box[0]))
    affordable = max(2.0, np.floor((_CELL_BUDGET / voxels) ** (1.0 / 3.0)))
    return np.minimum(np.clip(wanted, _FEWEST_CELLS, _MOST_CELLS), affordable).astype(int)


def _centres(count: int) -> np.ndarray:
    """(count,) centres of equal cells of a voxel, from its own centre, in voxels."""
    return (np.arange(count) + 0.5) / count - 0.5


def _cell_centres(k: float, first: np.ndarray, stop: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(J, cj, I, ci, 3) voxel coordinates (i, j, k) of the cell centres at height `k`."""
    i = np.arange(first[0], stop[0])[:, None] + _centres(cells[0])
    j = np.arange(first[1], stop[1])[:, None] + _centres(cells[1])
    shape = (*j.shape, *i.shape)
    return np.stack(
        [
            np.broadcast_to(i, shape),
            np.broadcast_to(j[:, :, None, None], shape),
            np.full(shape, k),
        ],
        axis=-1,
    )
