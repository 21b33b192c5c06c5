"""An empty figure, and a figure as a PNG file. matplotlib (the extra `report`) is loaded here only,
and only when a picture is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..maps.colours import PERFUSION_RAINBOW, PERFUSION_RAINBOW_STOPS
from ..series.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def require_matplotlib() -> None:
    """Raise InputError where pictures cannot be drawn."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError(
            "Pictures need the package matplotlib, which is not installed; "
            'install it with: pip install "synthetic-perfusion[report]"'
        )


def new_figure(width: float, height: float, colour: str) -> Figure:
    """A figure of that size in inches; InputError where pictures cannot be drawn."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, facecolor=colour)
    FigureCanvasAgg(figure)
    return figure


def perfusion_colours() -> Any:
    """The colour map of perfusion maps; what is missing is clear."""
    from matplotlib.colors import LinearSegmentedColormap

    table = LinearSegmentedColormap.from_list(PERFUSION_RAINBOW, list(PERFUSION_RAINBOW_STOPS))
    return table.with_extremes(bad=(0.0, 0.0, 0.0, 0.0))


def save(figure: Figure, path: Path) -> Path:
    """Write the figure to `path` as PNG, whole or not at all."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", facecolor=figure.get_facecolor())
    return path
