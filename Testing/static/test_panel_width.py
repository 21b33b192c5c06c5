"""The panel in 450 pixels, drawn with plain Qt widgets in the place of Slicer's.

Labels, buttons and spin boxes find room; how Slicer's own widgets look is for level 5.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
QtWidgets = pytest.importorskip("PySide6.QtWidgets", reason="needs PySide6 to draw the panel")
QtUiTools = pytest.importorskip("PySide6.QtUiTools", reason="needs PySide6 to draw the panel")

PANEL = (
    Path(__file__).resolve().parents[2] / "SyntheticPerfusion/Resources/UI/SyntheticPerfusion.ui"
)
WIDTH = 450
LONG_NAME = "12: ep2d_perf_DSC p2 moco, 60 frames, 1.8 x 1.8 x 5 mm, recorded twice"


def row(parent, *kinds):
    widget = QtWidgets.QWidget(parent)
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for kind in kinds:
        layout.addWidget(kind())
    return widget


def node_combo_box(parent):
    # Slicer's node selectors shorten long names instead of growing.
    widget = QtWidgets.QComboBox(parent)
    widget.addItem(LONG_NAME)
    widget.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
    return widget


STAND_INS = {
    "qMRMLWidget": QtWidgets.QWidget,
    "ctkCollapsibleButton": QtWidgets.QGroupBox,
    "qMRMLNodeComboBox": node_combo_box,
    "qMRMLColorTableComboBox": node_combo_box,
    "qMRMLTableView": QtWidgets.QTableView,
    "ctkPathLineEdit": lambda parent: row(parent, QtWidgets.QLineEdit, QtWidgets.QToolButton),
    "ctkSliderWidget": lambda parent: row(parent, QtWidgets.QSlider, QtWidgets.QDoubleSpinBox),
    "ctkSearchBox": QtWidgets.QLineEdit,
    "ctkRangeWidget": lambda parent: row(
        parent, QtWidgets.QDoubleSpinBox, QtWidgets.QSlider, QtWidgets.QDoubleSpinBox
    ),
}


class Loader(QtUiTools.QUiLoader):
    def createWidget(self, name, parent=None, object_name=""):  # noqa: N802
        if name not in STAND_INS:
            return super().createWidget(name, parent, object_name)
        widget = STAND_INS[name](parent)
        widget.setObjectName(object_name)
        return widget


@pytest.fixture
def panel():
    application = QtWidgets.QApplication.instance() or QtWidgets.QApplication([])
    loader = Loader()
    widget = loader.load(str(PANEL))
    assert widget is not None
    yield widget
    widget.deleteLater()
    application.processEvents()


def test_it_fits(panel):
    assert panel.minimumSizeHint().width() <= WIDTH


def test_it_fits_with_long_texts_and_wraps_them(panel):
    for name in (
        "echoTimeLabel", "frameIntervalLabel", "bolusLabel", "methodLabel", "brokenModelsLabel",
        "rangeLabel", "aifReasonLabel",
    ):  # fmt: skip
        label = panel.findChild(QtWidgets.QLabel, name)
        label.setText(" ".join(["MultiVolume.FrameLabels (AcquisitionTime, ms)"] * 4))
        assert label.wordWrap(), name
    tree = panel.findChild(QtWidgets.QTreeWidget, "methodTree")
    tree.addTopLevelItem(QtWidgets.QTreeWidgetItem(["Tmax by a network of its own (tmax-x)" * 3]))
    assert panel.minimumSizeHint().width() <= WIDTH


def test_wrapped_texts_ask_for_the_height_that_they_need(panel):
    # Qt notes it when a text is set; a size policy that is set after it takes it back.
    found = [label for label in panel.findChildren(QtWidgets.QLabel) if label.wordWrap()]
    written = [label for label in found if label.text() not in ("", "-")]
    assert {"researchLabel", "trainingGuideLabel"} <= {label.objectName() for label in written}
    for label in written:
        assert label.sizePolicy().hasHeightForWidth(), label.objectName()


def test_steps_come_in_the_order_in_which_they_are_taken(panel):
    panel.setFixedWidth(WIDTH)
    panel.show()
    QtWidgets.QApplication.processEvents()
    names = ["researchLabel", "seriesSection", "aifSection", "methodSection", "applyButton"]
    names += ["mapsSection", "ratioSection", "trainingSection", "logSection"]
    tops = [panel.findChild(QtWidgets.QWidget, name).y() for name in names]
    assert tops == sorted(tops)
    assert len(set(tops)) == len(tops)
    button = panel.findChild(QtWidgets.QWidget, "applyButton")
    assert button.width() > 0.9 * WIDTH
    assert not button.isEnabled()
