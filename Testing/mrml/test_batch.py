"""From a sequence node through the real command line in a child process and back into the scene."""

import numpy as np
import pytest
import slicer
from in_slicer.scene_case import BALL, FRAMES, bolus_series
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.gui.batch import compute_maps
from SyntheticPerfusionLib.mrml import grid, maps, phases, sequence


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


def test_two_regions_give_the_five_phases_as_maps_and_as_a_sequence(scene):
    node, _ = sequence.sequence_from_series(bolus_series(), scene)
    artery, sinus = np.zeros((2, *BALL.shape), bool)
    artery[2, 11:14, 11:14] = True
    sinus[2, 20:23, 16:20] = True
    volumes = compute_maps(node, "collateral-roi", "cpu", regions={"mca": artery, "sss": sinus})
    assert [phases.step_of(volume) for volume in volumes] == [0, 1, 2, 3, 4]
    (steps,) = phases.phases_in(scene)
    for number, volume in enumerate(volumes):
        step = slicer.util.arrayFromVolume(steps.GetNthDataNode(number))
        np.testing.assert_array_equal(step, slicer.util.arrayFromVolume(volume))
    times = [phases.time_of_step(steps, number) for number in range(5)]
    assert [start for start, _ in times[1:]] == [end for _, end in times[:-1]]
    in_artery = [float(slicer.util.arrayFromVolume(volume)[artery].mean()) for volume in volumes]
    assert in_artery[0] > 2 * in_artery[4]


def test_the_command_lines_sentence_reaches_the_script(scene):
    series = bolus_series()
    still = series.with_signal(np.repeat(series.signal[:1], FRAMES, axis=0))
    node, _ = sequence.sequence_from_series(still, scene)
    with pytest.raises(InputError) as caught:
        compute_maps(node, "oSVD", "cpu")
    assert "\n" not in str(caught.value)
    assert not list(maps.maps_in(scene))
