"""Sample data: digital patients, made here by the library and not downloaded.

They come with an anatomical volume and with regions drawn: of gliomas those of the ratio, of all
those in the artery and the sinus that collateral maps need.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..errors import Cancelled
from ..mrml import sequence
from ..mrml.grid import put_array
from ..mrml.segments import add_segment
from ..series.images import read_image
from .child import ChildProcess, PopenChild
from .cli_command import cli_command, cli_environment
from .cli_job import CliJob, Listener
from .errors_shown import errors_shown
from .loading import load_series
from .requirements import ensure_torch

_POLL_MS = 100
_SEEDS = {"stroke": 7, "glioma-high": 1, "glioma-low": 2}
"""Of each kind one that shows well what ails it, and every head another."""
_ROIS = {"tumor": (0.9, 0.2, 0.2), "reference": (0.2, 0.6, 0.9)}
_VESSELS = {"mca": (0.9, 0.2, 0.2), "sss": (0.2, 0.4, 0.9)}


def make_sample(
    kind: str, name: str, make_child: Callable[[], ChildProcess] = PopenChild
) -> list[Any]:
    """Make a digital patient and load it; returns its nodes, the series first.

    The panel stays alive meanwhile; closing the progress window stops the work.
    """
    with errors_shown(_("The sample cannot be made.")), suppress(Cancelled):
        ensure_torch()
        folder = Path(mkdtemp(prefix="SyntheticPerfusion-", dir=slicer.app.temporaryPath))
        try:
            seed = str(_SEEDS.get(kind, 0))
            _run(["phantom", str(folder), "--patient", kind, "--seed", seed], make_child)
            return _load(folder, name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return []


def _run(arguments: list[str], make_child: Callable[[], ChildProcess]) -> None:
    """Run the command line to its end in an event loop of its own; raises Cancelled."""
    failures: list[str] = []
    cancelled: list[bool] = []
    loop = qt.QEventLoop()
    job = CliJob(
        make_child(),
        Listener(failed=failures.append, cancelled=lambda: cancelled.append(True)),
        has_result=False,
    )
    window = slicer.util.createProgressDialog(
        labelText=_("Making a digital patient..."), maximum=0, windowTitle=_("Sample data")
    )
    window.connect("canceled()", job.cancel)
    timer = qt.QTimer()
    timer.setInterval(_POLL_MS)
    timer.connect("timeout()", lambda: loop.quit() if job.poll() else None)
    job.start(cli_command(arguments), cli_environment())
    timer.start()
    loop.exec_()
    timer.stop()
    window.close()
    if cancelled:
        raise Cancelled
    if failures:
        raise RuntimeError(failures[0])


def _load(folder: Path, name: str) -> list[Any]:
    series = load_series(folder / "dsc.nii.gz")
    sequence.rename(series, slicer.mrmlScene.GenerateUniqueName(name))
    nodes = [series]
    if (folder / "anatomy.nii.gz").is_file():
        array, geometry = read_image(folder / "anatomy.nii.gz")
        volume = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLScalarVolumeNode", slicer.mrmlScene.GenerateUniqueName(f"{name}, anatomy")
        )
        put_array(volume, array, geometry)
        volume.CreateDefaultDisplayNodes()
        nodes.append(volume)
    for colors, called in ((_ROIS, "ROIs"), (_VESSELS, "vessels")):
        if all((folder / f"{region}.nii.gz").is_file() for region in colors):
            nodes.append(_load_regions(folder, colors, f"{name}, {called}"))
    return nodes


def _load_regions(folder: Path, colors: Mapping[str, tuple[float, float, float]], name: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLSegmentationNode", slicer.mrmlScene.GenerateUniqueName(name)
    )
    node.CreateDefaultDisplayNodes()
    for region, color in colors.items():
        array, geometry = read_image(folder / f"{region}.nii.gz")
        add_segment(node, array, geometry, region, color)
    return node
