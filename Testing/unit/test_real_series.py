"""One real slice (convexity.mat of hyadamhuang/DSC-MRI-TTP), where a person has it.

All rights to it are reserved and it shows a patient: it is not part of this repository. Where the
variable REAL_DSC_MAT names the file it is tested, elsewhere the test is skipped. TE is not stated
with it; 30 ms is assumed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from scipy.stats import spearmanr
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.prepare import prepare

FILE = Path(os.environ.get("REAL_DSC_MAT", ""))

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason="REAL_DSC_MAT does not name convexity.mat of DSC-MRI-TTP"
)


@pytest.fixture(scope="module")
def prepared():
    frames = np.moveaxis(loadmat(FILE)["VOL15"], 2, 0)[:, None]
    return prepare(
        DscSeries(
            frames,
            np.arange(len(frames)) * 2.0,
            Geometry((1, *frames.shape[2:]), (1.8, 1.8, 5.0)),
            0.03,
        )
    )


def test_bolus_is_at_frame_14_and_the_first_frame_is_dropped(prepared):
    assert prepared.acquired.first_steady == 1
    assert prepared.acquired.peak == 14
    assert 0.35 < prepared.acquired.drop < 0.45


def test_maps_look_like_perfusion(prepared):
    aif = find_aif(prepared.series, prepared.mask, prepared.bolus)
    assert aif.warnings == ()
    assert 4 < aif.quality.fwhm_s < 10
    assert aif.quality.peak_time_s < prepared.bolus.peak_time_s
    maps = get_method("oSVD").estimate(prepared.series, prepared.mask, aif)
    inside = prepared.mask
    assert np.corrcoef(maps["CBF"][inside], maps["CBV"][inside])[0, 1] > 0.8
    # By ranks: in noise a late frame may be the highest, or the circle's other side.
    assert spearmanr(maps["Tmax"][inside], maps["TTP"][inside]).statistic > 0.7
    assert 2 < np.median(maps["MTT"][inside]) < 15
    assert (maps.flags[inside] == 0).mean() > 0.95
