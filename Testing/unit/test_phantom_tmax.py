"""The true Tmax is where the response of a voxel is greatest: dispersion and residue in a row."""

from dataclasses import replace

import numpy as np
import torch
from SyntheticPerfusionLib.phantom.dispersion import kernel
from SyntheticPerfusionLib.phantom.truth import true_values

from .conditions import COARSE, drawn


def after_arrival(residue: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tmax - delay, MTT and dispersion in s, where a stroke's brain is all white matter.

    Of pure tissue, since on the plateau of a box a hundredth of another moves the maximum.
    """
    anatomy, condition = drawn("stroke", 1)
    nothing = torch.zeros_like(anatomy.grey)
    others = dict.fromkeys(("grey", "csf", "artery", "vein"), nothing)
    white = replace(anatomy, **others, white=torch.ones_like(nothing))
    scan = replace(COARSE, residue=residue)
    tmax = true_values(white, condition, scan, kernel("exponential"), nothing)["Tmax"]
    maps = condition.physiology.white
    found = tmax - maps.delay_s, maps.mtt_s, maps.dispersion_s
    return tuple(values[anatomy.brain].numpy() for values in found)


def test_exponential_in_a_row_peaks_where_the_equation_says():
    """1/m K * R has its maximum at ln(MTT / m) MTT m / (MTT - m)."""
    after, mtt, spread = after_arrival("exponential")
    expected = np.log(mtt / spread) * mtt * spread / (mtt - spread)
    apart = np.abs(after - expected)
    # Between tabulated dispersions a response is the mean of its neighbours, of 0 and 0.4 s here.
    assert np.all(apart[spread > 0.4] < 0.15)
    assert np.all(apart < 0.45)


def test_box_that_is_reached_spread_peaks_where_it_ends_however_long_it_lasts():
    after, mtt, _ = after_arrival("box")
    slow = mtt > 13
    assert slow.sum() > 50
    np.testing.assert_allclose(after[slow], mtt[slow], rtol=0.08)
