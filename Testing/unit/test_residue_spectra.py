"""Residue functions in the Fourier domain against their integrals."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.residue_spectra import spectrum
from SyntheticPerfusionLib.phantom.residue import residue

PAIRS = [
    ("exponential", "exponential", 1.0),
    ("gamma-4", "gamma", 4.0),
    ("gamma-2.5", "gamma", 2.5),
    ("box", "box", 1.0),
    ("linear", "linear", 1.0),
    ("lorentzian", "lorentzian", 1.0),
]


@pytest.mark.parametrize(("name", "family", "shape"), PAIRS)
@pytest.mark.parametrize("y", [0.1, 1.0, 6.0])
def test_spectrum_is_the_integral_of_the_residue(name, family, shape, y):
    r = residue(family, shape)

    def at(x):
        return float(r(torch.tensor(x, dtype=torch.float64)))

    end = {"box": 1.0, "linear": 2.0}.get(family, np.inf)
    if family == "box":
        real = quad(lambda x: np.cos(y * x), 0, 1)[0]
        imaginary = -quad(lambda x: np.sin(y * x), 0, 1)[0]
    else:
        real = quad(at, 0, end, weight="cos", wvar=y)[0]
        imaginary = -quad(at, 0, end, weight="sin", wvar=y)[0]
    found = spectrum(name, torch.tensor([y], dtype=torch.float64))
    assert float(found[0]) == pytest.approx(real, abs=2e-6)
    assert float(found[1]) == pytest.approx(imaginary, abs=2e-6)


@pytest.mark.parametrize("name", [pair[0] for pair in PAIRS])
def test_area_is_one_and_far_out_it_falls_as_from_a_height_of_one(name):
    real, imaginary = spectrum(name, torch.tensor([0.0, 4000.0], dtype=torch.float64))
    assert float(real[0]) == 1.0
    assert float(imaginary[0]) == 0.0
    if name != "box":
        # R(0) = 1 is what 1 / (i y) says at high frequencies: the flow's height is never lost.
        assert float(imaginary[1]) * 4000.0 == pytest.approx(-1.0, rel=1e-2)


def test_gamma_of_a_large_shape_nears_the_box():
    y = torch.linspace(0, 3, 20, dtype=torch.float64)
    for near, box in zip(spectrum("gamma-2000", y), spectrum("box", y), strict=True):
        assert torch.allclose(near, box, atol=2e-3)


@pytest.mark.parametrize("name", ["gamma", "gamma-0", "gamma-x", "fermi"])
def test_another_name_is_refused_in_a_sentence(name):
    with pytest.raises(InputError, match="residue family"):
        spectrum(name, torch.zeros(1))
