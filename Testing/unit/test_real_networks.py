"""Shipped networks on the real slice of test_real_series.py, where a person has it and them.

Held against oSVD's maps, as nobody knows the truth: TTP and flow correlate by 0.7 or more. For
flow that says little (the volume alone reaches it, see evaluation/constant_transit.py); that the
maps look right is for the eyes, by Testing/benchmarks/real_slice.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from SyntheticPerfusionLib.evaluation.evaluation import prepare_as_usual
from SyntheticPerfusionLib.methods.model_registry import model_folders
from SyntheticPerfusionLib.methods.registry import get_method

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from real_slice import ASKED, VARIABLE, comparison, real_slice

FILE = Path(os.environ.get(VARIABLE, ""))

pytestmark = pytest.mark.skipif(
    not FILE.is_file(), reason=f"{VARIABLE} does not name convexity.mat of DSC-MRI-TTP"
)


@pytest.fixture(scope="module")
def prepared():
    return prepare_as_usual(real_slice(FILE))


@pytest.fixture(scope="module")
def reference(prepared):
    ready, aif = prepared
    return get_method("oSVD").estimate(ready.series, ready.mask, aif)


@pytest.mark.parametrize("name", ["ttp-hess", "rbf-hess", "phae", "phae-delay"])
def test_a_network_agrees_with_deconvolution(name, prepared, reference):
    if name not in model_folders():
        pytest.skip(f"The model {name} is not shipped.")
    ready, aif = prepared
    maps = get_method(name).estimate(ready.series, ready.mask, aif)
    found = {one["map"]: one["r"] for one in comparison({"oSVD": reference, name: maps}, "oSVD")}
    asked = {key: least for key, least in ASKED.items() if key in found}
    assert asked
    for key, least in asked.items():
        assert found[key] >= least, f"{key}: {found[key]:.2f}"
