"""Slider and vessel regions of the panel on slicer-core's scene, with stand-ins for the widgets.

They prove what the sections do with the scene and the parameters; the widgets are for level 5.
"""

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from in_slicer.scene_case import OBLIQUE, painted_segment, small_series
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.quantity import COLLATERALS, QUANTITIES
from SyntheticPerfusionLib.mrml import grid, maps, phases, sequence


class Widget:
    """Keeps what it is told; a click or a move calls who is connected."""

    def __init__(self):
        self.visible, self.enabled, self.value, self.text = True, True, 0, ""
        self.items, self.index, self.blocked, self.called = [], 0, False, {}

    def connect(self, signal, called):
        self.called[signal.partition("(")[0]] = called

    def emit(self, signal, *values):
        if not self.blocked:
            self.called[signal](*values)

    def setVisible(self, visible):  # noqa: N802
        self.visible = visible

    def setEnabled(self, enabled):  # noqa: N802
        self.enabled = enabled

    def setText(self, text):  # noqa: N802
        self.text = text

    def blockSignals(self, blocked):  # noqa: N802
        before, self.blocked = self.blocked, blocked
        return before

    def setValue(self, value):  # noqa: N802
        if value != self.value:
            self.value = value
            self.emit("valueChanged", value)

    def clear(self):
        self.items = []

    def addItem(self, text, data):  # noqa: N802
        self.items.append((text, data))

    def itemData(self, index):  # noqa: N802
        return self.items[index][1]

    def setCurrentIndex(self, index):  # noqa: N802
        self.index = index
        self.emit("currentIndexChanged", index)


@pytest.fixture
def scene():
    slicer.mrmlScene.Clear()
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear()


@pytest.fixture
def series(scene):
    node, _ = sequence.sequence_from_series(small_series(), scene)
    return node


class Slid:
    """The slider with a panel around it that brings it in line after each change."""

    def __init__(self, series):
        from SyntheticPerfusionLib.gui.phase_slider import PhaseSlider

        self.ui = SimpleNamespace(
            phaseSlider=Widget(), phaseLabel=Widget(), phaseTitleLabel=Widget()
        )
        self.section = PhaseSlider(self.ui)
        self.parameters = SimpleNamespace(series=series, overlayMap=None)
        self.section.set_parameters(self.parameters)

    def choose(self, volume):
        self.parameters.overlayMap = volume
        self.bring_in_line()

    def bring_in_line(self):
        self.section.update()
        if self.parameters.overlayMap is not None:
            return phases.show_phase_of(self.parameters.overlayMap)
        return None


def put_phases(scene, series, method="collateral-roi", times=None):
    volumes = [
        maps.put_map(scene, item, method, np.full(OBLIQUE.shape, n + 1, "f4"), OBLIQUE, series)
        for n, item in enumerate(COLLATERALS)
    ]
    phases.put_phases(scene, volumes, method, series, times)
    return volumes


TIMES = {name: (10.0 + n, 11.0 + n) for n, name in enumerate(
    ("arterial", "capillary", "early_venous", "late_venous", "delay")
)}  # fmt: skip


def shown_value(volume):
    return float(slicer.util.arrayFromVolume(phases.shown_volume(volume)).mean())


def test_the_slider_chooses_the_phase_that_the_views_show(scene, series):
    volumes = put_phases(scene, series, times=TIMES)
    slid = Slid(series)
    assert not slid.ui.phaseSlider.visible
    slid.choose(volumes[0])
    assert slid.ui.phaseSlider.visible
    assert slid.ui.phaseLabel.text == "arterial, 10.0 to 11.0 s"
    for number in (1, 4, 2, 0, 3):
        slid.ui.phaseSlider.setValue(number)
        assert slid.parameters.overlayMap is volumes[number]
        slid.bring_in_line()
        assert shown_value(volumes[number]) == number + 1
    assert slid.ui.phaseLabel.text == "late venous, 13.0 to 14.0 s"


def test_the_slider_follows_the_map_and_slicers_own_controls(scene, series):
    volumes = put_phases(scene, series)
    slid = Slid(series)
    slid.choose(volumes[2])
    assert slid.ui.phaseSlider.value == 2
    assert slid.ui.phaseLabel.text == "early venous"
    assert shown_value(volumes[2]) == 3
    browser = sequence.browser_of(phases.phases_of(volumes[2]))
    browser.SelectNextItem()
    assert slid.parameters.overlayMap is volumes[3]
    slid.bring_in_line()
    assert slid.ui.phaseSlider.value == 3


def test_the_slider_goes_with_maps_that_are_no_phases(scene, series):
    volumes = put_phases(scene, series)
    flow = maps.put_map(scene, QUANTITIES["CBF"], "oSVD", volumes_array(), OBLIQUE, series)
    slid = Slid(series)
    slid.choose(volumes[1])
    browser = sequence.browser_of(phases.phases_of(volumes[1]))
    slid.choose(flow)
    assert not slid.ui.phaseSlider.visible
    browser.SetSelectedItemNumber(4)
    assert slid.parameters.overlayMap is flow
    slid.choose(None)
    assert not slid.ui.phaseLabel.visible


def volumes_array():
    return np.ones(OBLIQUE.shape, "f4")


def test_the_sequences_of_two_methods_are_kept_apart(scene, series):
    ours, theirs = put_phases(scene, series), put_phases(scene, series, "net")
    slid = Slid(series)
    slid.choose(ours[0])
    sequence.browser_of(phases.phases_of(theirs[0])).SetSelectedItemNumber(4)
    assert slid.parameters.overlayMap is ours[0]
    slid.choose(theirs[1])
    assert phases.shown_step(phases.phases_of(theirs[1])) == 1
    sequence.browser_of(phases.phases_of(ours[0])).SetSelectedItemNumber(3)
    assert slid.parameters.overlayMap is theirs[1]


def test_nothing_is_listened_to_once_the_scene_is_closed(scene, series):
    volumes = put_phases(scene, series)
    slid = Slid(series)
    slid.choose(volumes[0])
    browser = sequence.browser_of(phases.phases_of(volumes[0]))
    slid.section.set_parameters(None)
    browser.SetSelectedItemNumber(2)
    assert slid.parameters.overlayMap is volumes[0]
    assert not slid.ui.phaseSlider.visible


class Vessels:
    """The regions of a segmentation, as the panel has them."""

    def __init__(self, series):
        from SyntheticPerfusionLib.gui.vessel_regions import VesselRegions

        self.ui = SimpleNamespace(
            vesselFrame=Widget(),
            mcaComboBox=Widget(),
            sssComboBox=Widget(),
            drawVesselsButton=Widget(),
        )
        self.section = VesselRegions(self.ui, lambda: sequence.series_from_sequence(series))
        self.parameters = SimpleNamespace(
            series=series, vesselSegmentation=None, mcaId="", sssId=""
        )
        self.section.set_parameters(self.parameters)


def drawn(scene, voxels, name):
    inside = np.zeros(OBLIQUE.shape, bool)
    inside[voxels] = True
    return inside, painted_segment(scene, inside, grid.voxel_to_ras(OBLIQUE), name)


def test_what_is_missing_is_said_until_both_vessels_are_chosen(scene, series):
    artery, (node, mca) = drawn(scene, (1, 2, slice(2, 4)), "Artery")
    sinus, (other, copied) = drawn(scene, (2, slice(3, 5), 6), "Sinus")
    node.GetSegmentation().CopySegmentFromSegmentation(other.GetSegmentation(), copied)
    vessels = Vessels(series)
    section, parameters = vessels.section, vessels.parameters
    assert "segmentation with both vessels" in section.missing()
    parameters.vesselSegmentation = node
    section.update(True, True)
    assert vessels.ui.vesselFrame.visible
    assert [text for text, _ in vessels.ui.mcaComboBox.items[1:]] == ["Artery", "Sinus"]
    assert "middle cerebral artery" in section.missing()
    vessels.ui.mcaComboBox.setCurrentIndex(1)
    assert parameters.mcaId == mca
    assert "sagittal sinus" in section.missing()
    vessels.ui.sssComboBox.setCurrentIndex(1)
    assert "choose two" in section.missing()
    vessels.ui.sssComboBox.setCurrentIndex(2)
    assert section.missing() == ""
    found = section.regions()
    assert list(found) == ["mca", "sss"]
    np.testing.assert_array_equal(found["mca"], artery)
    np.testing.assert_array_equal(found["sss"], sinus)


def test_the_vessels_are_asked_for_only_where_the_method_needs_them(scene, series):
    vessels = Vessels(series)
    vessels.section.update(False, True)
    assert not vessels.ui.vesselFrame.visible
    vessels.section.update(True, False)
    assert not vessels.ui.drawVesselsButton.enabled


def test_segments_to_draw_in_are_made_once_and_refused_while_they_are_empty(scene, series):
    vessels = Vessels(series)
    for _ in range(2):
        vessels.section.prepare_segments()
        segmentation = vessels.parameters.vesselSegmentation.GetSegmentation()
        names = [segmentation.GetNthSegment(n).GetName() for n in range(2)]
        assert names == ["MCA, healthy side", "Sagittal sinus"]
        assert segmentation.GetNumberOfSegments() == 2
    assert vessels.section.missing() == ""
    with pytest.raises(InputError, match="covers no voxel"):
        vessels.section.regions()
