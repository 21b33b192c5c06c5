"""Dispersion kernels: densities of the stated mean, and of the families they are named after."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.phantom.dispersion import KERNELS, kernel


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("mean_s", [1.5, 3.0, 4.5])
def test_a_kernel_is_a_density_of_its_mean(name, mean_s):
    density = kernel(name)

    def value(t: float) -> float:
        return float(density(torch.tensor(t, dtype=torch.float64), mean_s))

    points = [0.2 * mean_s, mean_s, 5 * mean_s]
    area, _ = integrate.quad(value, 0, 60 * mean_s, points=points, limit=200)
    mean, _ = integrate.quad(lambda t: t * value(t), 0, 60 * mean_s, points=points, limit=200)
    assert area == pytest.approx(1.0, abs=1e-6)
    assert mean == pytest.approx(mean_s, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("exponential", stats.expon(scale=3.0)),
        ("lognormal", stats.lognorm(0.6, scale=3.0 * np.exp(-0.18))),
        ("gamma", stats.gamma(2.0, scale=1.5)),
    ],
)
def test_a_kernel_is_of_its_family(name, family):
    t = np.linspace(0.01, 30, 400)
    found = kernel(name)(torch.as_tensor(t), 3.0).numpy()
    np.testing.assert_allclose(found, family.pdf(t), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", KERNELS)
def test_nothing_comes_through_before_it_went_in_and_values_stay_finite(name):
    times = torch.tensor([-1.0, -1e-6, 0.0, 1e-30, 1e4])
    values = kernel(name)(times, 2.0)
    assert torch.all(values[:2] == 0)
    assert torch.all(torch.isfinite(values))
    assert values.dtype == torch.float32


def test_unknown_kernels_and_no_dispersion_are_refused():
    with pytest.raises(InputError, match="box"):
        kernel("box")
    with pytest.raises(ValueError, match="no density"):
        kernel("gamma")(torch.ones(3), 0.0)
