"""Arterial curves from voxels and files, their quality, and what is said of unusable ones."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.aif_file import read_aif_csv, write_aif_csv
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.aif_voxels import aif_of_voxels, make_aif
from SyntheticPerfusionLib.series.bolus import find_bolus
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

from .curves import arterial, tissue

TIMES_S = np.arange(60) * 1.5
TE_S = 0.03


@pytest.fixture
def series():
    """20x20 voxels of tissue at SNR 100; row 4 is an artery, row 6 a saturated one, row 5 in part
    a vein."""
    rng = np.random.default_rng(0)
    flow = rng.uniform(30, 60, (1, 20, 20))
    rate = 400 * tissue(TIMES_S, 1.0, 4.0, delay_s=1.0)[:, None, None, None] * flow
    rate[:, 0, 4] = 60 * arterial(TIMES_S)[:, None]
    rate[:, 0, 5, :8] = 80 * arterial(TIMES_S, onset_s=17.0, scale_s=2.2)[:, None]
    rate[:, 0, 6] = 400 * arterial(TIMES_S)[:, None]
    clean = 1000 * np.exp(-TE_S * rate)
    noisy = np.abs(clean + rng.normal(0, 10, clean.shape) + 1j * rng.normal(0, 10, clean.shape))
    return DscSeries(noisy, TIMES_S, Geometry((1, 20, 20), (2, 2, 5)), TE_S)


@pytest.fixture
def everywhere():
    return np.ones((1, 20, 20), bool)


def test_search_finds_the_artery_not_the_vein_nor_the_saturated(series, everywhere):
    found = find_aif(series, everywhere)
    assert found.voxels is not None
    assert set(np.argwhere(found.voxels)[:, 1]) == {4}
    assert found.quality.peak_time_s == pytest.approx(16.5, abs=0.5)
    assert found.warnings == ()


def test_search_without_voxels_to_choose_from(series):
    few = np.zeros((1, 20, 20), bool)
    few[0, 0, :4] = True
    with pytest.raises(InputError, match="Only 4 voxels"):
        find_aif(series, few)


def test_search_needs_the_echo_time(series, everywhere):
    blind = DscSeries(series.signal, series.frame_times_s, series.geometry)
    with pytest.raises(InputError, match="--echo-time"):
        find_aif(blind, everywhere)


def test_saturated_voxels_are_said_to_be(series, everywhere):
    row = np.zeros((1, 20, 20), bool)
    row[0, 6] = True
    found = aif_of_voxels(series, row, find_bolus(series, everywhere), "mask", sigma=10.0)
    assert found.quality.saturated
    assert any("noise floor" in said for said in found.warnings)


def test_region_without_a_voxel(series, everywhere):
    with pytest.raises(InputError, match="no voxel"):
        aif_of_voxels(series, ~everywhere, find_bolus(series, everywhere), "mask")


def test_quality_figures():
    quality = make_aif(50 * arterial(TIMES_S), TIMES_S, "test").quality
    assert quality.peak_time_s == pytest.approx(12 + 4.5, abs=0.2)
    assert quality.peak == pytest.approx(50, rel=0.01)
    assert quality.fwhm_s == pytest.approx(6.2, abs=0.2)
    assert abs(quality.tail_fraction) < 0.01


def test_wide_and_unfinished_curves_are_said_to_be():
    wide = make_aif(arterial(TIMES_S, scale_s=5.0), TIMES_S, "test")
    assert any("wide" in said for said in wide.warnings)
    high = make_aif(np.maximum(arterial(TIMES_S), 0.5 * (TIMES_S > 16)), TIMES_S, "test")
    assert any("ends at" in said for said in high.warnings)


def test_flat_curve_is_no_artery():
    with pytest.raises(InputError, match="no bolus"):
        make_aif(np.zeros(60), TIMES_S, "test")


class TestCsv:
    def test_round_trip(self, tmp_path):
        aif = make_aif(50 * arterial(TIMES_S), TIMES_S, "test")
        write_aif_csv(aif, tmp_path / "aif.csv")
        again = read_aif_csv(tmp_path / "aif.csv", TIMES_S)
        np.testing.assert_allclose(again.concentration, aif.concentration, rtol=1e-6, atol=1e-9)

    def test_other_frame_times_are_interpolated(self, tmp_path):
        write_aif_csv(make_aif(50 * arterial(TIMES_S), TIMES_S, "test"), tmp_path / "aif.csv")
        finer = np.arange(88) * 1.0
        again = read_aif_csv(tmp_path / "aif.csv", finer)
        assert again.quality.peak_time_s == pytest.approx(16.5, abs=0.8)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "no rows"),
            ("t,c\n1,2\n2,3\n", "expected the columns"),
            ("time_s,concentration_1_per_s\n1,two\n2,3\n", "no number"),
            ("time_s,concentration_1_per_s\n2,1\n1,3\n", "do not increase"),
            ("time_s,concentration_1_per_s\n0,0\n10,5\n20,0\n", "covers"),
            ("time_s,concentration_1_per_s\n0,0\n0.04,5\n0.089,0\n", "in seconds"),
            ("time_s,concentration_1_per_s\n0,0\n1500,5\n89000,0\n", "milliseconds"),
        ],
    )
    def test_unusable_files_have_their_sentence(self, tmp_path, text, sentence):
        path = tmp_path / "aif.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_aif_csv(path, TIMES_S)

    def test_missing_file(self, tmp_path):
        with pytest.raises(InputError, match="There is no file"):
            read_aif_csv(tmp_path / "none.csv", TIMES_S)
