"""Parts of the benchmarks that figures hang on: shifts, counted operations, comparisons."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.hess_input import HessInput
from SyntheticPerfusionLib.methods.hess_settings import HessArchitecture, HessPreprocessing
from SyntheticPerfusionLib.methods.networks.hess import HessNetwork
from SyntheticPerfusionLib.methods.networks.over_time import over_time
from SyntheticPerfusionLib.series.bolus import timing_of_curve
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import box_picture
import chosen_methods
import glioma_scans
import line_pictures
import markdown
import one_run
import phae_grading
import real_slice
import shift_curve


@pytest.fixture(scope="module")
def dip():
    """A series of one voxel with a bolus at frame 14, numbered by its own signal."""
    times = np.arange(40) * 1.5
    signal = 1000 - 400 * np.exp(-0.5 * ((times - 21) / 3) ** 2) + np.arange(40) * 1e-3
    series = DscSeries(signal[:, None, None, None], times, Geometry((1, 1, 1), (2, 2, 5)), 0.03)
    return series, timing_of_curve(signal, times)


def curve(series):
    return series.signal[:, 0, 0, 0]


def test_a_scan_begun_later_lacks_its_first_frames_and_reflects_its_last(dip):
    series, bolus = dip
    moved = shift_curve.begun_earlier(series, -5, bolus)
    np.testing.assert_array_equal(curve(moved)[:-5], curve(series)[5:])
    np.testing.assert_array_equal(curve(moved)[-5:], curve(series)[-2:-7:-1])
    np.testing.assert_array_equal(moved.frame_times_s, series.frame_times_s)


def test_a_scan_begun_earlier_has_baseline_before_the_bolus_alone(dip):
    series, bolus = dip
    moved = shift_curve.begun_earlier(series, 20, bolus)
    np.testing.assert_array_equal(curve(moved)[20:], curve(series)[:-20])
    steady = curve(series)[bolus.baseline_start : bolus.baseline_stop]
    assert curve(moved)[:20].min() >= steady.min()
    assert np.abs(np.diff(curve(moved)[:21])).max() <= np.ptp(steady)


def test_a_network_sees_its_sequence_later(dip):
    series, _ = dip
    mask = np.ones((1, 1, 1), bool)
    architecture = HessArchitecture(code="none", frames=48)
    found = HessInput(
        series.signal, series.frame_times_s, mask, (2, 2, 5), architecture, HessPreprocessing()
    )
    usual = found.window()
    with shift_curve.reflected(7):
        moved = found.window()
    np.testing.assert_array_equal(moved.weights, found.window(7).weights)
    assert moved.times_s[7] == usual.times_s[0]
    np.testing.assert_array_equal(found.window().weights, usual.weights)


def test_shifts_that_lose_the_bolus_are_told(dip):
    _, bolus = dip
    assert shift_curve.keeps_bolus(bolus, 40, 0)
    assert not shift_curve.keeps_bolus(bolus, 40, 20)
    assert not shift_curve.keeps_bolus(bolus, 40, -12)


def test_operations_of_a_product_are_counted():
    a, b = torch.rand(8, 16), torch.rand(16, 4)
    assert one_run.operations(lambda: a @ b) == 2 * 8 * 16 * 4


def test_operations_of_volumes_and_over_time_are_counted():
    volume = torch.rand(1, 3, 4, 8, 8)
    kernel, back = torch.rand(5, 3, 3, 3, 3), torch.rand(3, 5, 3, 2, 2)
    functional = torch.nn.functional
    stride, padding = (1, 2, 2), (1, 0, 0)

    def work():
        with torch.inference_mode():
            functional.conv3d(volume, kernel, padding=1)
            functional.conv_transpose3d(volume, back, stride=stride, padding=padding)

    voxels = 4 * 8 * 8
    assert one_run.operations(work) == 2 * 3 * 5 * (27 + 12) * voxels
    # Four results over eight points: the first and the last have a tap beyond the ends.
    sequences, weight = torch.rand(8, 2, 6), torch.rand(3, 2, 4)
    taps = 3 + 4 + 4 + 3
    assert one_run.operations(lambda: over_time(sequences, weight)) == 2 * 2 * 3 * taps * 6


def test_operations_in_threads_are_counted():
    from SyntheticPerfusionLib.methods import classical

    def work():
        for _ in classical.in_parallel(
            lambda n: torch.rand(n, 3) @ torch.rand(3, 2), [5, 7], "cpu"
        ):
            pass

    before = classical.in_parallel
    assert one_run.operations(work) == 2 * (5 + 7) * 3 * 2
    assert classical.in_parallel is before


def test_a_network_that_says_what_its_layers_ask_for_is_believed():
    assert one_run.operations_per_voxel(torch.nn.Identity(), lambda: 7) == 7
    network = HessNetwork(HessArchitecture())
    assert one_run.operations_per_voxel(network, lambda: 7) == network.operations


def test_a_product_has_a_rate():
    wall, core = one_run.product_rate("float32", "cpu")
    assert wall > 1e8
    assert core > 1e8


def maps_of(method, **values):
    geometry = Geometry((1, 20, 20), (2, 2, 5))
    arrays = {QUANTITIES[name]: value for name, value in values.items()}
    return PerfusionMaps(arrays, geometry, np.ones(geometry.shape, bool), method)


def test_a_relative_flow_is_held_against_flow():
    rng = np.random.default_rng(0)
    flow = rng.uniform(10, 60, (1, 20, 20)).astype(np.float32)
    noise = rng.uniform(0, 1, flow.shape).astype(np.float32)
    found = real_slice.comparison(
        {"oSVD": maps_of("oSVD", CBF=flow, TTP=noise), "net": maps_of("net", RBF=flow / 30)},
        "oSVD",
    )
    assert [(one["method"], one["map"]) for one in found] == [("net", "RBF")]
    assert found[0]["r"] == pytest.approx(1, abs=1e-6)
    assert found[0]["ranks"] == pytest.approx(1)


def test_a_real_slice_that_is_not_there_is_a_sentence():
    with pytest.raises(InputError, match="REAL_DSC_MAT does not name a file"):
        real_slice.real_slice(Path("nowhere.mat"))


def test_a_missing_model_is_said_and_the_others_run(capsys):
    found = chosen_methods.available(["oSVD", "no-such-model", "/no/such/folder"])
    assert [method.name for method in found] == ["oSVD"]
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("no-such-model is left out: There is no method called")
    assert said[1].startswith("/no/such/folder is left out: ")


def test_figures_are_written_with_their_command(tmp_path, capsys):
    path = tmp_path / "new" / "figures.json"
    markdown.write_figures(path, {"a": {("oSVD", 50.0): float("nan")}, "b": (1, np.float32(2))})
    content = json.loads(path.read_text())
    assert content["command"].startswith("python ")
    assert content["a"] == {"oSVD, 50.0": None}
    assert content["b"] == [1, 2.0]


def test_pictures_are_drawn(tmp_path):
    panel = line_pictures.Panel(
        "t", "x", "y", {"a": ([1, 2], [0.5, 0.7])}, {"a": ([1, 2], [0.4, 0.6], [0.6, 0.8])}
    )
    assert line_pictures.line_panels(tmp_path / "lines.png", [panel, panel]).stat().st_size > 5000
    group = box_picture.Group("oSVD", [1.0, 1.5, 2.0], [2.0, 3.0, 4.0], 1.8)
    path = box_picture.box_picture(tmp_path / "boxes.png", [group], "t", ("low", "high"))
    assert path.stat().st_size > 5000


def test_a_glioma_is_graded_at_a_noise_level(tmp_path):
    scan = glioma_scans.glioma_scan("glioma-high", 1, tmp_path)
    kept = glioma_scans.glioma_scan("glioma-high", 1, tmp_path)
    np.testing.assert_array_equal(scan.series.signal, kept.series.signal)
    noisy = scan.with_noise(20, 7)
    late = scan.series.signal[-10:] > 0.5 * scan.baseline
    apart = (noisy.signal[-10:] - scan.series.signal[-10:])[late]
    assert apart.std() == pytest.approx(scan.baseline / 20, rel=0.1)
    methods = chosen_methods.available(["oSVD"])
    ratio = phae_grading.measured(scan, 50, methods, "cpu")["oSVD"]
    assert ratio == pytest.approx(phae_grading.ratio_of(scan.truth["CBF"], scan), rel=0.5)
