"""Products of numpy arrays by torch: the same numbers, whatever the order in memory."""

import numpy as np
import pytest
from SyntheticPerfusionLib.methods.products import product


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_product_is_numpys(kind):
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(7, 11)).astype(kind), rng.normal(size=(13, 11)).astype(kind)
    found = product(left, right.T)
    assert found.dtype == kind
    np.testing.assert_allclose(found, left @ right.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(product(left[0], right.T), left[0] @ right.T, rtol=1e-5, atol=1e-5)
