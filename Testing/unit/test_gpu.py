"""The CPU's maps on a CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.registry import classical_names, get_method
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.series.aif_search import find_aif
from SyntheticPerfusionLib.series.prepare import prepare

from .small_patients import coarse

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.mark.parametrize("name", classical_names())
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


@pytest.mark.parametrize("kind", ["stroke", "glioma-high"])
def test_digital_patients_are_those_of_the_cpu(kind):
    acquisition = Acquisition.small(motion_mm=1.0, spikes=1)
    here, there = (make_patient(kind, 3, acquisition, device) for device in ("cpu", "cuda"))
    level = here.series.signal[:, here.mask].mean()
    # A vessel's edge may fall on the other side of a voxel's: it moves that voxel, not the rest.
    apart = np.abs(here.series.signal - there.series.signal) > 1e-3 * level
    assert apart.mean() < 1e-3
    for name in here.truth.names:
        scale = np.abs(here.truth[name][here.mask]).mean()
        differs = np.abs(here.truth[name] - there.truth[name]) > 1e-3 * scale
        assert differs[here.mask].mean() < 5e-3, name
    assert np.mean(here.labels != there.labels) < 1e-3
