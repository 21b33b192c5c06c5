"""The CPU's maps on a CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.registry import get_method, method_names
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.prepare import prepare

from .small_patients import coarse

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("name", method_names())
def test_maps_are_those_of_the_cpu(name):
    prepared = prepare(coarse("stroke").series)
    aif = find_aif(prepared.series, prepared.mask, prepared.bolus)
    here, there = (
        get_method(name).estimate(prepared.series, prepared.mask, aif, device)
        for device in ("cpu", "cuda")
    )
    for quantity in ("CBF", "CBV", "MTT"):
        # A voxel of oSVD at the very limit may take the next threshold on another device.
        apart = np.abs(here[quantity] - there[quantity]) > 1e-3 * np.abs(here[quantity]) + 1e-4
        assert apart[prepared.mask].mean() < 0.01
