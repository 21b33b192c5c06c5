"""Series from files into the scene and onto the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

from ..mrml import sequence
from ..resources import RESOURCE_FOLDERS, resource
from ..series.read import read_series
from .requirements import ensure_packages


def load_series(
    path: Path, echo_time_s: float | None = None, repetition_time_s: float | None = None
) -> Any:
    """Read a file or a DICOM folder with the library's reader; returns its sequence node.

    Raises InputError where there is no usable series.
    """
    if path.is_dir() or path.suffix.lower() in (".dcm", ".ima"):
        ensure_packages(resource("requirements.txt", RESOURCE_FOLDERS))
    series = read_series(path, echo_time_s, repetition_time_s)
    node, _ = sequence.sequence_from_series(series, slicer.mrmlScene)
    show_series(node)
    return node


def show_series(node: Any) -> None:
    """Show the current frame in the slice views and the browser in Slicer's toolbar."""
    browser = sequence.browse(node)
    if hasattr(slicer.modules, "sequences"):
        slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
        slicer.modules.sequences.setToolBarVisible(True)
    proxy = sequence.proxy_volume(node)
    if proxy is None:
        return
    proxy.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=proxy, foreground=None, label=None, fit=True)
