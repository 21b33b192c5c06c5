"""DSC-MRI perfusion maps in Slicer: the module that people click through.

Only the introduction: what Slicer needs to know of the module, the parameters that are stored in
scenes, and who does the work. Everything else is in SyntheticPerfusionLib, which is imported when
the panel is opened and not before: Slicer imports this file at every start.
"""

import os
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import slicer
from slicer import (
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLSequenceNode,
    vtkMRMLTableNode,
)
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class SyntheticPerfusion(ScriptedLoadableModule):
    """Introduces the module to Slicer."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Synthetic Perfusion")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Quantification")]
        self.parent.dependencies = ["Sequences", "Segmentations", "Colors", "SampleData"]
        self.parent.contributors = ["SyntheticPerfusion contributors"]
        self.parent.helpText = _(
            "Perfusion maps (CBF, CBV, MTT, Tmax, TTP and more) from a DSC-MRI series, laid over "
            "the image, with units, and measured in regions of interest. Choose or load a series, "
            "check its timing and its arterial input function, choose a method and press Apply. "
            "For research only: not a medical device."
        )
        self.parent.acknowledgementText = _(
            "The methods follow published work, which each method names in the panel."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData():
    """Offer the digital patients in the Sample Data module."""
    from SyntheticPerfusionLib.gui import sample_data

    sample_data.register(str(Path(__file__).parent / "Resources/Icons/SyntheticPerfusion.png"))


class AifSource(Enum):
    """Where the arterial input function comes from. Names are stored in scenes: never rename."""

    Automatic = "automatic"
    Segment = "segment"
    File = "file"

    def label(self):
        """How the choice reads in the panel."""
        return {
            AifSource.Automatic: _("Automatic"),
            AifSource.Segment: _("Segment"),
            AifSource.File: _("CSV file"),
        }[self]


class Device(Enum):
    """Where methods run; the value is the command line's. Names are stored in scenes."""

    Auto = "auto"
    Cuda = "cuda"
    Mps = "mps"
    Cpu = "cpu"

    def label(self):
        """How the choice reads in the panel."""
        return {
            Device.Auto: _("Automatic"),
            Device.Cuda: _("NVIDIA graphics card (CUDA)"),
            Device.Mps: _("Apple graphics (MPS)"),
            Device.Cpu: _("Processor (CPU)"),
        }[self]


class TrainingData(Enum):
    """What a model is trained on. Names are stored in scenes: never rename."""

    Configured = "configured"
    Folder = "folder"

    def label(self):
        """How the choice reads in the panel."""
        return {
            TrainingData.Configured: _("What the configuration names"),
            TrainingData.Folder: _("Patients of my own"),
        }[self]


@parameterNodeWrapper
class SyntheticPerfusionParameterNode:
    """What the person chose. It is saved with the scene, so names stay as they are.

    series                            the DSC series.
    echoTimeMs, frameIntervalS        typed by hand; 0 takes what is stored with the series.
    cursorCurve                       whether the voxel under the mouse is drawn too.
    aifSource, aifSegmentation, aifSegmentId, aifFile  where the arterial curve comes from.
    method, device                    how and where maps are made.
    vesselSegmentation, mcaId, sssId  the artery and the sinus that divide time, for the method that
                                      needs them.
    maskSegmentation                  brain mask; none for the automatic one.
    correctMotion, correctLeakage     what is corrected.
    smoothingTimeS, smoothingSpaceMm  smoothing; 0 for none.
    overlayMap, background            map laid over an image; no background takes the series.
    overlayVisible, overlayOpacity, legendVisible  how it is shown.
    roiSegmentation, tumorId, contralateralId, ratioTable  the regions and what was measured.
    trainingStart, trainingConfiguration  what a training begins with.
    trainingData, trainingFolder  what is learned from.
    trainingName, trainingEpochs, trainingDevice, trainingRuns  the new model; how and where it is
                                      trained. No epochs, no folder of runs: the usual.
    """

    series: vtkMRMLSequenceNode
    echoTimeMs: Annotated[float, WithinRange(0, 500)] = 0.0
    frameIntervalS: Annotated[float, WithinRange(0, 60)] = 0.0
    cursorCurve: bool = False
    aifSource: AifSource = AifSource.Automatic
    aifSegmentation: vtkMRMLSegmentationNode
    aifSegmentId: str = ""
    aifFile: Path = Path()
    method: str = "oSVD"
    device: Device = Device.Auto
    vesselSegmentation: vtkMRMLSegmentationNode
    mcaId: str = ""
    sssId: str = ""
    maskSegmentation: vtkMRMLSegmentationNode
    correctMotion: bool = False
    correctLeakage: bool = False
    smoothingTimeS: Annotated[float, WithinRange(0, 10)] = 0.0
    smoothingSpaceMm: Annotated[float, WithinRange(0, 10)] = 0.0
    overlayMap: vtkMRMLScalarVolumeNode
    background: vtkMRMLScalarVolumeNode
    overlayVisible: bool = True
    overlayOpacity: Annotated[float, WithinRange(0, 1)] = 0.8
    legendVisible: bool = True
    roiSegmentation: vtkMRMLSegmentationNode
    tumorId: str = ""
    contralateralId: str = ""
    ratioTable: vtkMRMLTableNode
    trainingStart: str = ""
    trainingConfiguration: Path = Path()
    trainingData: TrainingData = TrainingData.Configured
    trainingFolder: Path = Path()
    trainingName: str = ""
    trainingEpochs: Annotated[int, WithinRange(0, 10000)] = 0
    trainingDevice: Device = Device.Auto
    trainingRuns: Path = Path()


class SyntheticPerfusionWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel's place in Slicer; SyntheticPerfusionLib.gui.panel does the work."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._guiTag = None

    def setup(self):
        """Build the panel when it is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        from SyntheticPerfusionLib.gui.panel import Panel

        widget = slicer.util.loadUI(self.resourcePath("UI/SyntheticPerfusion.ui"))
        self.layout.addWidget(widget)
        self.ui = slicer.util.childWidgetVariables(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.logic = SyntheticPerfusionLogic()
        self.panel = Panel(self.ui)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.StartImportEvent, self.onSceneStartImport)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self):
        """End the background processes when the module goes away."""
        self.setParameterNode(None)
        if self.panel is not None:
            self.panel.close()
        self.removeObservers()

    def enter(self):
        """Bring the panel in line with the scene each time it is opened."""
        self.initializeParameterNode()
        self.panel.vessels.drawn()

    def exit(self):
        """Keep observing: maps may still be coming from the background."""

    def onSceneStartClose(self, caller, event):
        """Let go of the parameters of the scene that is being closed."""
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        """Begin anew if the panel is open."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneStartImport(self, caller, event):
        """Let go: selectors pick among half-loaded nodes, and would overwrite what is loaded."""
        self.setParameterNode(None)

    def onSceneEndImport(self, caller, event):
        """Take over the parameters that came with a loaded scene."""
        if self.parent.isEntered:
            self.initializeParameterNode()
            self.panel.fold(self._parameterNode.overlayMap is not None)

    def initializeParameterNode(self):
        """Work on the scene's parameters, with the only series chosen if there is one."""
        self.setParameterNode(self.logic.getParameterNode())
        if self._parameterNode.series is None:
            series = self.logic.onlySeries()
            if series is not None:
                self._parameterNode.series = series

    def setParameterNode(self, parameterNode):
        """Show and observe these parameters; None lets go of them."""
        import vtk

        modified = vtk.vtkCommand.ModifiedEvent
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, modified, self.onParametersModified)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, modified, self.onParametersModified)
        if self.panel is not None:
            self.panel.set_parameters(parameterNode)

    def onParametersModified(self, caller=None, event=None):
        """Bring the panel in line with the parameters."""
        if self.panel is not None:
            self.panel.update()

    def onReload(self):
        """Reload the library too, in developer mode."""
        for name in [name for name in sys.modules if name.split(".")[0] == "SyntheticPerfusionLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class SyntheticPerfusionLogic(ScriptedLoadableModuleLogic):
    """The same work for scripts: `loadSeries`, `computeMaps`. Raises; shows no message box."""

    def getParameterNode(self):
        """The typed parameters of the scene."""
        return SyntheticPerfusionParameterNode(super().getParameterNode())

    def onlySeries(self):
        """The sequence of scalar volumes, where the scene has just one; else None."""
        from SyntheticPerfusionLib.mrml.sequence import holds_phases

        found = [
            node
            for node in slicer.util.getNodesByClass("vtkMRMLSequenceNode")
            if node.GetDataNodeClassName() == "vtkMRMLScalarVolumeNode" and not holds_phases(node)
        ]
        return found[0] if len(found) == 1 else None

    def loadSeries(self, path, echoTimeS=None, repetitionTimeS=None):
        """Load a 4D NIfTI, NRRD or .seq.nrrd file or a DICOM folder; returns its sequence node."""
        from SyntheticPerfusionLib.gui.loading import load_series

        return load_series(Path(path), echoTimeS, repetitionTimeS)

    def computeMaps(self, series, method="oSVD", device="auto", **options):
        """Maps of a sequence node, as volume nodes; waits for them. Options as in MapsJob."""
        from SyntheticPerfusionLib.gui.batch import compute_maps

        return compute_maps(series, method, device, **options)


class SyntheticPerfusionTest(ScriptedLoadableModuleTest):
    """The cases of Testing/in_slicer, which pytest runs without Slicer as far as it can."""

    def setUp(self):
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self, **kwargs):
        """Run every case on Slicer's own scene and panel; raises where one fails."""
        import unittest

        folder = Path(__file__).resolve().parent.parent / "Testing"
        if not (folder / "in_slicer").is_dir():
            folder = Path(os.environ.get("SYNTHETIC_PERFUSION_TESTING", folder))
        if not (folder / "in_slicer").is_dir():
            self.delayDisplay("Skipped: the test cases are not installed with the module.")
            return
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        suite = unittest.defaultTestLoader.loadTestsFromNames(
            ["in_slicer.scene_cases", "in_slicer.panel_cases"]
        )
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
        if not result.wasSuccessful():
            raise AssertionError(f"{len(result.failures + result.errors)} cases failed")
