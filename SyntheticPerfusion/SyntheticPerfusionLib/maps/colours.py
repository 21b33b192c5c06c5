"""The colours of maps, stated once for the panel and for pictures."""

from __future__ import annotations

PERFUSION_RAINBOW = "PerfusionRainbow"

PERFUSION_RAINBOW_STOPS: tuple[tuple[float, tuple[float, float, float]], ...] = (
    (0.00, (0.00, 0.00, 0.00)),
    (0.12, (0.10, 0.00, 0.45)),
    (0.30, (0.00, 0.25, 1.00)),
    (0.45, (0.00, 0.80, 0.85)),
    (0.58, (0.05, 0.80, 0.15)),
    (0.75, (1.00, 0.95, 0.00)),
    (0.88, (1.00, 0.45, 0.00)),
    (1.00, (0.90, 0.00, 0.00)),
)
"""Position on the scale and colour (red, green, blue), each from 0 to 1: black, blue, green,
yellow, red, as on most consoles. It begins at black, so that no perfusion looks like none."""
