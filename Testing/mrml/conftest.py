"""The MRML scene of the slicer-core package, set up as the application sets it up."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

slicer = pytest.importorskip("slicer", reason="needs slicer-core: pip install slicer-core")

# The package has no translations, which leave a text as it is where there is none.
sys.modules.setdefault("slicer.i18n", ModuleType("slicer.i18n")).tr = lambda text: text


@pytest.fixture(scope="session", autouse=True)
def mrml_scene():
    """A scene with the logics that the application attaches to it, as `slicer.mrmlScene`."""
    scene = slicer.vtkMRMLScene()
    slicer.mrmlScene = scene
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    logics = [
        slicer.vtkSlicerColorLogic(),
        slicer.vtkSlicerSequencesLogic(),
        slicer.vtkSlicerSegmentationsModuleLogic(),
        slicer.vtkSlicerVolumesLogic(),
        slicer.vtkSlicerSubjectHierarchyModuleLogic(),
    ]
    for logic in logics:
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
    yield scene
    scene.Clear(1)
    for logic in logics:
        logic.SetMRMLScene(None)
    application.SetMRMLScene(None)
