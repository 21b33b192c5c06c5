"""Tumour over contralateral tissue, for every map, as a table in the scene."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from .coverage import segment_coverage
from .grid import geometry_of
from .maps import SERIES_ROLE
from .tables import fill_table

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode

COLUMNS = (
    "Map",
    "Ratio",
    "Tumor mean",
    "Contralateral mean",
    "Tumor voxels",
    "Contralateral voxels",
    "Tumor volume [ml]",
    "Contralateral volume [ml]",
)


def fill_ratio_table(
    table: vtkMRMLTableNode,
    maps: Sequence[vtkMRMLScalarVolumeNode],
    segmentation: vtkMRMLSegmentationNode,
    tumor_id: str,
    contralateral_id: str,
) -> tuple[str, ...]:
    """One row per map: means, ratio, and how many voxels and millilitres they rest on.

    Voxel counts are sums of fractional coverage. The ratio is NaN where the contralateral mean
    is 0. Returns sentences the person should read. Raises InputError where no map is given, both
    segments are the same, or they overlap.
    """
    from slicer.util import arrayFromVolume

    from ..analysis.roi_ratio import RoiRatio, roi_ratio, roi_statistics

    if not maps:
        raise InputError("There is no map to measure; press Apply first.")
    if tumor_id == contralateral_id:
        raise InputError("Tumor and contralateral are the same segment; choose two.")
    rows: list[tuple[str | float, ...]] = []
    warnings: list[str] = []
    weights = {}
    for volume in maps:
        geometry = geometry_of(volume)
        grid = (volume.GetNodeReferenceID(SERIES_ROLE), geometry, volume.GetTransformNodeID())
        if grid not in weights:
            weights[grid] = (
                segment_coverage(segmentation, tumor_id, volume),
                segment_coverage(segmentation, contralateral_id, volume),
            )
            # On a map of ones only the regions themselves can be at fault.
            roi_ratio(np.ones(geometry.shape), *weights[grid], geometry)
        array = arrayFromVolume(volume)
        tumor, contralateral = (roi_statistics(array, weight, geometry) for weight in weights[grid])
        ratio = tumor.mean / contralateral.mean if contralateral.mean else float("nan")
        found = RoiRatio(tumor, contralateral, ratio)
        warnings += [f"{volume.GetName()}: {text}" for text in found.warnings]
        rows.append(
            (
                volume.GetName(),
                ratio,
                tumor.mean,
                contralateral.mean,
                tumor.voxels,
                contralateral.voxels,
                tumor.volume_ml,
                contralateral.volume_ml,
            )
        )
    fill_table(table, dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True)))
    _label(table)
    return tuple(warnings)


def _label(table: vtkMRMLTableNode) -> None:
    """Have the names of maps and columns shown as headers, which stay while the rest scrolls."""
    table.SetUseFirstColumnAsRowHeader(True)
    table.SetUseColumnTitleAsColumnHeader(True)
