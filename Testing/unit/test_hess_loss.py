"""The loss of Hess 2018 against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from SyntheticPerfusionLib.training.hess_loss import (
    importance,
    laplace_nll,
    squared_loss,
    weighted_loss,
)


def of(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_equation_1():
    losses = laplace_nll(of(5.0, 5.0, -1.0), of(3.0, 5.0, 0.5), of(0.0, 1.0, math.log(0.5)))
    assert losses.tolist() == pytest.approx([2.0, 1.0, math.log(0.5) + 1.5 / 0.5])


def test_the_best_b_is_the_error_itself():
    log_b = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    laplace_nll(of(5.0), of(5.0 - math.exp(1.3)), log_b).sum().backward()
    assert float(log_b.grad) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "predicted", "weight"),
    [
        (3.0, 7.0, 1.0),
        (0.0, -5.0, 1.0),
        (-5.0, 0.0, 1.0),
        (40.0, 60.0, 1.0),
        (-0.01, -3.0, 0.1),
        (40.01, 60.0, 0.1),
        (-2.0, 45.0, 1.0),
        (45.0, -2.0, 1.0),
    ],
)
def test_equations_2_and_3(target, predicted, weight):
    # -2 and 45 are both unimportant; what lies between them is not.
    assert float(importance(of(target), of(predicted))) == pytest.approx(weight)


def test_equation_4_and_no_gradient_through_the_weight():
    predicted = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    target, log_b = of(-3.0), of(math.log(2.0))
    loss = weighted_loss(target, predicted, log_b, importance(target, predicted))
    assert float(loss.detach()) == pytest.approx(0.1 * (math.log(2.0) + 1.0))
    loss.sum().backward()
    assert float(predicted.grad) == pytest.approx(0.1 * 0.5)


def test_squared_loss_of_appendix_b():
    assert squared_loss(of(2.0, -1.0), of(0.5, -1.0)).tolist() == pytest.approx([2.25, 0.0])
