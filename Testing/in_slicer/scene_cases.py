"""What the module does to a MRML scene, as unittest cases.

pytest runs them on slicer-core's scene and the self test in Slicer on the application's: what
passes without Slicer is what passes in it. They use `slicer.mrmlScene` and nothing of the panel.
"""

import sys
from pathlib import Path

# ctest in Slicer knows this folder only.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from in_slicer.curve_cases import AifCase, BrainCase, ChartCase, ProbeCase
from in_slicer.map_cases import ColorCase, MapCase
from in_slicer.overlay_cases import OverlayCase, SideBySideCase
from in_slicer.phase_cases import PhaseCase, PhaseOverlayCase
from in_slicer.region_cases import CoverageCase, RatioTableCase
from in_slicer.series_cases import SequenceCase, TimingCase

__all__ = [
    "AifCase",
    "BrainCase",
    "ChartCase",
    "ColorCase",
    "CoverageCase",
    "MapCase",
    "OverlayCase",
    "PhaseCase",
    "PhaseOverlayCase",
    "ProbeCase",
    "RatioTableCase",
    "SequenceCase",
    "SideBySideCase",
    "TimingCase",
]
