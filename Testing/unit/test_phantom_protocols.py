"""Examinations of each protocol: the scanner as published, and a bolus that passes."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.protocols import PROTOCOLS, draw_acquisition


def drawn(protocol: str, count: int = 80) -> list[Acquisition]:
    return [draw_acquisition(protocol, np.random.default_rng(seed)) for seed in range(count)]


def after_onset_s(one: Acquisition) -> float:
    return float(one.frame_times_s[-1]) - one.bolus_onset_s


def test_unknown_protocol_is_named():
    with pytest.raises(InputError, match="hamburg"):
        draw_acquisition("hamburg", np.random.default_rng(0))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_generator_draws_the_same_and_another_another(protocol):
    one, again = (draw_acquisition(protocol, np.random.default_rng(5)) for _ in range(2))
    assert one == again
    assert one != draw_acquisition(protocol, np.random.default_rng(6))
    assert Acquisition(**json.loads(json.dumps(asdict(one)))) == one


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_there_is_a_baseline_and_arteries_dip_as_arteries_do(protocol):
    for one in drawn(protocol):
        # A patient's own circulation brings the bolus up to a second earlier.
        earliest = one.bolus_onset_s - 1.0
        assert earliest >= 8.0 - 1e-9
        assert earliest >= 6 * one.repetition_time_s - 1e-9
        assert 55.0 <= one.aif_peak_per_s * one.arterial_relaxivity <= 90.0


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "random"])
def test_the_first_pass_leaves_the_brain_before_the_series_ends(protocol):
    for one in drawn(protocol):
        assert after_onset_s(one) > 26.0 * one.bolus_width + one.injection_s + 8.0


@pytest.mark.parametrize(
    ("protocol", "tr_s", "te_s", "flip", "frames", "shape"),
    [
        ("heidelberg", 2.22, 0.036, 90.0, (50, 75), (27, 128, 128)),
        ("pegasus", 1.39, 0.029, 90.0, (80, 80), (21, 128, 128)),
        ("bern", 1.41, 0.030, 90.0, (80, 80), (24, 256, 256)),
        ("standard", 1.5, 0.030, 70.0, (80, 80), (25, 128, 128)),
    ],
)
def test_a_named_protocol_is_that_of_its_site(protocol, tr_s, te_s, flip, frames, shape):
    series = drawn(protocol, 300)
    assert {one.repetition_time_s for one in series} == {tr_s}
    assert {one.echo_time_s for one in series} == {te_s}
    assert {one.flip_angle_deg for one in series} == {flip}
    assert (min(one.frames for one in series), max(one.frames for one in series)) == frames
    assert max(one.shape for one in series) == shape


@pytest.mark.parametrize(("protocol", "flip"), [("glioma-consensus", 60), ("glioma-low-flip", 30)])
def test_the_glioma_consensus(protocol, flip):
    for one in drawn(protocol):
        assert one.flip_angle_deg == flip
        assert 0.020 <= one.echo_time_s <= 0.035
        assert one.bolus_onset_s >= 30 * one.repetition_time_s


def test_random_examinations_span_their_ranges():
    series = drawn("random", 400)
    for name, lowest, highest in (
        ("repetition_time_s", 1.0, 2.5),
        ("echo_time_s", 0.020, 0.050),
        ("frames", 40, 100),
        ("snr", 10.0, 100.0),
        ("motion_mm", 0.0, 2.0),
        ("gamma_shape", 1.0, 10.0),
    ):
        values = np.array([getattr(one, name) for one in series])
        assert lowest <= values.min() < lowest + 0.1 * (highest - lowest), name
        assert highest >= values.max() > highest - 0.1 * (highest - lowest), name
    for name, several in (("residue", 4), ("dispersion_kernel", 3), ("slice_order", 4)):
        assert len({getattr(one, name) for one in series}) == several
    assert {one.shape[1] for one in series} == set(range(64, 161, 16))


def test_some_random_examinations_end_during_the_passage_but_after_its_peak():
    series = drawn("random", 400)
    needed = np.array([26.0 * one.bolus_width + one.injection_s + 8.0 for one in series])
    share = np.array([after_onset_s(one) for one in series]) / needed
    assert 0.08 < (share < 1).mean() < 0.2
    assert share.min() > 0.5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_half_of_the_series_start_settled_and_some_have_their_air_masked(protocol):
    series = drawn(protocol, 400)
    settled = np.mean([one.dummy_scans > 0 for one in series])
    assert settled == pytest.approx(0.5, abs=0.1)
    assert all(one.dummy_scans == 0 or one.dummy_scans >= 2 for one in series)
    assert np.mean([one.air_masked for one in series]) == pytest.approx(0.4, abs=0.1)
    for one in series:
        assert 0.001 <= one.physiological_noise <= 0.004
        assert 0.03 <= one.b1_variation <= 0.18
        assert one.psf_voxels > 0
