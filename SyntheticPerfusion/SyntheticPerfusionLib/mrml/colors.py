"""The colour table of perfusion maps: black, blue, green, yellow, red, as on most consoles.

Slicer's own rainbows begin at a saturated hue, so that no perfusion looks like some perfusion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..maps.colours import PERFUSION_RAINBOW, PERFUSION_RAINBOW_STOPS

if TYPE_CHECKING:
    from slicer import vtkMRMLColorTableNode, vtkMRMLScene

COLOR_COUNT = 256


def perfusion_rainbow() -> np.ndarray:
    """(256, 3) float64 red, green, blue from 0 to 1."""
    positions = [position for position, _ in PERFUSION_RAINBOW_STOPS]
    channels = np.array([color for _, color in PERFUSION_RAINBOW_STOPS])
    scale = np.linspace(0.0, 1.0, COLOR_COUNT)
    return np.stack([np.interp(scale, positions, channel) for channel in channels.T], axis=1)


def color_table(scene: vtkMRMLScene, name: str) -> vtkMRMLColorTableNode:
    """The colour node called `name`; KeyError where the scene has none and it is not ours."""
    for number in range(scene.GetNumberOfNodesByClass("vtkMRMLColorNode")):
        node = scene.GetNthNodeByClass(number, "vtkMRMLColorNode")
        if node.GetName() == name:
            return node
    if name != PERFUSION_RAINBOW:
        raise KeyError(name)
    return _make_perfusion_rainbow(scene)


def _make_perfusion_rainbow(scene: vtkMRMLScene) -> vtkMRMLColorTableNode:
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetName(PERFUSION_RAINBOW)
    node.SetTypeToUser()
    node.SetNumberOfColors(COLOR_COUNT)
    for index, (red, green, blue) in enumerate(perfusion_rainbow()):
        node.SetColor(index, str(index), red, green, blue, 1.0)
    node.GetLookupTable().SetRange(0, COLOR_COUNT - 1)
    node.SetDescription("Perfusion maps: black, blue, green, yellow, red.")
    node.SetAttribute("Category", "Continuous")
    return scene.AddNode(node)
