"""CBF and CBV of curves with known flow: the OSIPI set, and one made here by the same recipe.

The OSIPI set is test/DSCmodels/data/dsc_data.csv of OSIPI/DCE-DSC-MRI_CodeCollection (Apache-2.0;
vascular transit times of shape 3, CNR 200, TR 1.243 s). It is not part of this repository: where
the variable OSIPI_DSC_DATA names the file, it is tested, elsewhere the test is skipped.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline
from SyntheticPerfusionLib.methods.registry import get_method

from .curves import arterial, tissue

CBF = np.array([10, 20, 30, 40, 50, 60, 70, 5, 10, 15, 20, 25, 30, 35], float)
CBV = np.repeat([4.0, 2.0], 7)
TR_S = 1.243
FRAMES = 161

MEDIAN_CBF_ERROR = {
    "osipi": {"sSVD": 0.15, "Tikhonov": 0.15, "cSVD": 0.20, "oSVD": 0.20},
    "made": {"sSVD": 0.20, "Tikhonov": 0.15, "cSVD": 0.15, "oSVD": 0.15},
}
"""Every method loses flow where the transit time nears TR. The OSIPI curves hide part of it: their
areas are too large by half a frame's residue (their CBV reads 1.03 to 1.19), as sums at TR give."""

WORST_CBF_ERROR = 0.35
MEDIAN_CBV_ERROR = {"osipi": 0.12, "made": 0.02}

METHODS = ["sSVD", "cSVD", "oSVD", "Tikhonov"]

OSIPI_CBF_RATIO = {
    "sSVD": [0.98, 1.00, 0.92, 0.94, 0.89, 0.91, 0.88, 1.13, 0.96, 0.93, 0.93, 0.92, 0.90, 0.89],
    "cSVD": [1.00, 1.04, 0.91, 0.83, 0.85, 0.80, 0.74, 1.29, 0.99, 1.02, 0.99, 0.86, 0.77, 0.75],
    "oSVD": [0.90, 1.00, 0.94, 0.83, 0.85, 0.83, 0.78, 1.22, 0.94, 0.91, 0.95, 0.79, 0.78, 0.71],
    "Tikhonov": [
        0.97,
        0.94,
        0.92,
        1.01,
        0.89,
        0.94,
        0.93,
        1.11,
        0.89,
        0.91,
        0.91,
        0.88,
        0.87,
        0.88,
    ],
}
"""Estimated over true CBF on the OSIPI set, in the order of its rows."""


@pytest.fixture(scope="module")
def osipi():
    """(AIF, curves, CBF, CBV) of the OSIPI file."""
    path = Path(os.environ.get("OSIPI_DSC_DATA", ""))
    if not path.is_file():
        pytest.skip("OSIPI_DSC_DATA does not name dsc_data.csv of DCE-DSC-MRI_CodeCollection")
    with path.open(newline="") as file:
        content = list(csv.DictReader(file))

    def numbers(text):
        return np.array(text.replace("[", " ").replace("]", " ").split(), float)

    curves = np.array([numbers(row["C_tis"]) for row in content])
    aif = numbers(content[0]["C_aif"])
    assert float(content[0]["tr"]) == TR_S
    cbf, cbv = (np.array([float(row[name]) for row in content]) for name in ("cbf", "cbv"))
    return aif, curves, cbf, cbv


@pytest.fixture(scope="module")
def made():
    """(AIF, curves, CBF, CBV) by the same recipe."""
    rng = np.random.default_rng(200)
    times = np.arange(FRAMES) * TR_S
    clean = np.array(
        [
            tissue(times, flow, 60 * volume / flow, family="vascular")
            for flow, volume in zip(CBF, CBV, strict=True)
        ]
    )
    noise = clean.max() / 200
    return arterial(times), clean + rng.normal(0, noise, clean.shape), CBF, CBV


def estimates(name, aif, curves):
    """(CBF in ml/100ml/min, CBV in ml/100ml) of a method, without density and haematocrit."""
    method = get_method(name)
    solver = method.build_solver(aif, TR_S, "cpu")
    height, _ = solver.peak(torch.as_tensor(curves, dtype=torch.float32))
    return height.numpy() * 6000, 100 * np.trapezoid(curves) / np.trapezoid(aif)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("source", ["osipi", "made"])
def test_flow_and_volume(name, source, request):
    aif, curves, true_cbf, true_cbv = request.getfixturevalue(source)
    cbf, cbv = estimates(name, aif, curves)
    error = np.abs(cbf / true_cbf - 1)
    assert np.median(error) <= MEDIAN_CBF_ERROR[source][name]
    assert error.max() <= WORST_CBF_ERROR
    assert np.median(np.abs(cbv / true_cbv - 1)) <= MEDIAN_CBV_ERROR[source]


@pytest.mark.parametrize("name", METHODS)
def test_table_of_the_osipi_curves(name, osipi):
    aif, curves, true_cbf, _ = osipi
    found = estimates(name, aif, curves)[0] / true_cbf
    np.testing.assert_allclose(found, OSIPI_CBF_RATIO[name], atol=0.01)


def moved(name, aif, curves):
    """(7, N) relative change of the flow with delays of 0.6 to 6 s."""
    times = np.arange(FRAMES) * TR_S
    between = CubicSpline(times, curves, axis=1)
    at_rest = estimates(name, aif, curves)[0]
    changes = []
    for delay in (0.5 * TR_S, 1.0, 2 * TR_S, 3.0, 4 * TR_S, 5.0, 6.0):
        since = times - delay
        late = np.where(since >= 0, between(np.maximum(since, 0)), 0)
        changes.append(np.abs(estimates(name, aif, late)[0] / at_rest - 1))
    return np.array(changes)


@pytest.mark.parametrize("name", ["cSVD", "oSVD"])
def test_flow_does_not_move_with_delay_on_the_osipi_curves(name, osipi):
    aif, curves, _, _ = osipi
    assert moved(name, aif, curves).max() < 0.02


@pytest.mark.parametrize(("name", "worst"), [("cSVD", 0.02), ("oSVD", 0.10)])
def test_flow_does_not_move_with_delay(name, worst, made):
    """A single curve of oSVD may take the next threshold, which moves its flow by a few percent."""
    aif, curves, _, _ = made
    changes = moved(name, aif, curves)
    assert np.median(changes.max(axis=0)) < 0.02
    assert changes.max() < worst
