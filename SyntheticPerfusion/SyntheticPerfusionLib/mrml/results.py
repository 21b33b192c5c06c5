"""What the command line wrote, into the scene: maps with legends, the arterial curve and voxels."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..maps.quantity import COLLATERALS, QUANTITIES
from ..series.aif import Aif, AifQuality
from ..series.aif_file import read_aif_csv
from ..series.concentration import Flag
from ..series.images import read_image
from .aif import show_aif_voxels
from .charts import show_aif_curve
from .legend import show_legend
from .maps import put_map
from .phases import dark_where_empty, put_phases

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLScene, vtkMRMLSequenceNode


@dataclass
class LoadedResult:
    """What came into the scene.

    maps    one volume per quantity, in the order in which they were given.
    aif     the arterial curve that was used; None where the method needs none.
    phases  the sequence of the collateral maps, where all five are among the maps.
    report  what the run wrote about itself.
    """

    maps: list[vtkMRMLScalarVolumeNode] = field(default_factory=list)
    aif: Aif | None = None
    phases: vtkMRMLSequenceNode | None = None
    report: dict[str, Any] = field(default_factory=dict)


def load_result(
    scene: vtkMRMLScene,
    result: dict[str, Any],
    method: str,
    series: vtkMRMLSequenceNode | None,
) -> LoadedResult:
    """Load the files that a finished `maps --json-progress` names in its result object.

    Quantities that this version does not know are left in their files.
    """
    loaded = LoadedResult()
    for name, path in result["maps"].items():
        if name not in QUANTITIES:
            continue
        array, geometry = read_image(Path(path))
        if QUANTITIES[name] in COLLATERALS and result.get("mask"):
            array = dark_where_empty(array, _known(result))
        volume = put_map(scene, QUANTITIES[name], method, array, geometry, series)
        show_legend(volume)
        loaded.maps.append(volume)
    if result.get("report"):
        loaded.report = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
    intervals = loaded.report.get("settings", {}).get("phases_s")
    loaded.phases = put_phases(scene, loaded.maps, method, series, intervals)
    if result.get("aif"):
        loaded.aif = _aif(Path(result["aif"]), loaded.report.get("aif") or {})
        show_aif_curve(scene, loaded.aif)
    if result.get("aif_voxels"):
        voxels, geometry = read_image(Path(result["aif_voxels"]))
        show_aif_voxels(scene, voxels != 0, geometry, series)
        if loaded.aif is not None:
            loaded.aif = replace(loaded.aif, voxels=voxels != 0)
    return loaded


def _known(result: dict[str, Any]) -> np.ndarray:
    """(K, J, I) bool: voxels of the brain whose signal could be read."""
    brain, _ = read_image(Path(result["mask"]))
    if not result.get("flags"):
        return brain != 0
    flags, _ = read_image(Path(result["flags"]))
    return (brain != 0) & (flags != Flag.NO_SIGNAL)


def _aif(path: Path, reported: dict[str, Any]) -> Aif:
    """The curve of the file with source and quality as the run judged them on the voxels."""
    aif = read_aif_csv(path, _times_in(path))
    quality = {
        name: math.nan if reported[name] is None else reported[name]
        for name in AifQuality.__dataclass_fields__
        if name in reported
    }
    return replace(
        aif,
        source=reported.get("source", aif.source),
        quality=replace(aif.quality, **quality),
    )


def _times_in(path: Path) -> np.ndarray:
    """Its own frame times: the curve begins at the first frame at steady state."""
    with path.open(encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        return np.loadtxt(file, delimiter=",", usecols=header.index("time_s"), ndmin=1)
