"""A chart inside the panel."""

from __future__ import annotations

from typing import Any

import slicer

_OWNER = "SyntheticPerfusion"


class PlotFrame:
    """Shows a plot chart node in a frame of the panel, hidden while there is none.

    The view node is the module's own, kept out of saved scenes and of the layout.
    """

    def __init__(self, frame: Any, name: str) -> None:
        self._frame = frame
        self._name = name
        self._view: Any = None
        self._view_node: Any = None
        frame.setVisible(False)

    def show(self, chart: Any) -> None:
        """Show a chart node; None hides the frame."""
        self._frame.setVisible(chart is not None)
        if chart is None:
            return
        if self._view is None:
            self._view = slicer.qMRMLPlotView()
            self._view.setMRMLScene(slicer.mrmlScene)
            self._frame.layout().addWidget(self._view)
        node = self._ensure_view_node()
        self._view.setMRMLPlotViewNode(node)
        node.SetPlotChartNodeID(chart.GetID())

    def clear(self) -> None:
        """Forget the view node; the scene it was in is being closed."""
        self._frame.setVisible(False)
        if self._view is not None:
            self._view.setMRMLPlotViewNode(None)
        self._view_node = None

    def _ensure_view_node(self) -> Any:
        if self._view_node is None:
            node = slicer.vtkMRMLPlotViewNode()
            node.SetSingletonTag(self._name)
            node.SetLayoutName(self._name)
            node.SetSaveWithScene(False)
            node.SetHideFromEditors(True)
            # A view that another node owns is left alone by the layout manager.
            owner = slicer.mrmlScene.GetSingletonNode(_OWNER, "vtkMRMLScriptedModuleNode")
            if owner is not None:
                node.SetAndObserveParentLayoutNodeID(owner.GetID())
            self._view_node = slicer.mrmlScene.AddNode(node)
        return self._view_node
