"""Series from files into the scene and onto the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer

from ..errors import InputError
from ..mrml import sequence
from ..series.dsc_series import DscSeries
from ..series.read import read_series
from .requirements import ensure_packages


def load_series(
    path: Path, echo_time_s: float | None = None, repetition_time_s: float | None = None
) -> Any:
    """Read a file or a DICOM folder with the library's reader; returns its sequence node.

    Raises InputError where there is no usable series.
    """
    _ensure_reader(path)
    return _put_into_scene(read_series(path, echo_time_s, repetition_time_s))


def load_series_to_complete(path: Path, say: Callable[[str], None]) -> Any:
    """As `load_series`; times that are missing or impossible are left out, for the person to type.

    say(text)  tells the person what is wrong with the times.
    """
    _ensure_reader(path)
    try:
        return _put_into_scene(read_series(path))
    except InputError as error:
        refusal = error
    # Readable with times made up, so the times alone are at fault; none of these is kept.
    for echo_time_s, interval_s in ((None, 1.0), (0.03, None), (0.03, 1.0)):
        try:
            series = read_series(path, echo_time_s, interval_s)
        except InputError:
            continue
        say(str(refusal))
        if echo_time_s is not None:
            series = replace(series, echo_time_s=None, echo_time_source="")
        return _put_into_scene(series, timed=interval_s is None)
    raise refusal


def _ensure_reader(path: Path) -> None:
    if path.is_dir() or path.suffix.lower() in (".dcm", ".ima"):
        ensure_packages(("dcm2niix",))


def _put_into_scene(series: DscSeries, timed: bool = True) -> Any:
    node, _ = sequence.sequence_from_series(series, slicer.mrmlScene, timed)
    show_series(node)
    return node


def show_in_toolbar(node: Any) -> None:
    """Have Slicer's toolbar scroll through this sequence."""
    browser = sequence.browse(node)
    if hasattr(slicer.modules, "sequences"):
        slicer.modules.sequences.setToolBarActiveBrowserNode(browser)
        slicer.modules.sequences.setToolBarVisible(True)


def show_series(node: Any) -> None:
    """Show the current frame in the slice views and the browser in Slicer's toolbar."""
    show_in_toolbar(node)
    proxy = sequence.proxy_volume(node)
    if proxy is None:
        return
    proxy.CreateDefaultDisplayNodes()
    slicer.util.setSliceViewerLayers(background=proxy, foreground=None, label=None, fit=True)
