"""From a sequence node through the real command line in a child process and back into the scene."""

import numpy as np
import pytest
import slicer
from in_slicer.scene_case import BALL, FRAMES, bolus_series
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.gui.batch import compute_maps
from SyntheticPerfusionLib.mrml import grid, maps, sequence


@pytest.fixture
def scene():
    slicer.mrmlScene.Clear()
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear()


def test_maps_of_a_sequence_lie_on_it_with_their_curve_and_voxels(scene):
    node, _ = sequence.sequence_from_series(bolus_series(), scene)
    volumes = compute_maps(node, "oSVD", "cpu")
    by_name = {maps.quantity_of(volume).name: volume for volume in volumes}
    assert {"CBF", "CBV", "MTT", "Tmax", "TTP"} <= set(by_name)
    assert grid.geometry_of(by_name["CBF"]).matches(BALL, 1e-3)
    flow = slicer.util.arrayFromVolume(by_name["CBF"])
    assert np.median(flow[2, 12:20, 16:20]) > 0
    assert flow[0, 0, 0] == 0
    assert by_name["Tmax"].GetName() == "Tmax (oSVD) [s]"
    assert scene.GetFirstNodeByName("AIF voxels").GetSegmentation().GetNumberOfSegments() == 1
    assert scene.GetFirstNodeByName("Arterial input function") is not None


def test_the_command_lines_sentence_reaches_the_script(scene):
    series = bolus_series()
    still = series.with_signal(np.repeat(series.signal[:1], FRAMES, axis=0))
    node, _ = sequence.sequence_from_series(still, scene)
    with pytest.raises(InputError) as caught:
        compute_maps(node, "oSVD", "cpu")
    assert "\n" not in str(caught.value)
    assert not list(maps.maps_in(scene))
