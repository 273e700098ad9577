"""How near a form must come: 1e-4, and more only where float32 cannot hold that."""

import numpy as np
import pytest

from server.engine.forms.exactness import LIMIT, largest_difference, limit_for


@pytest.mark.parametrize("largest", [0.0, 1e-3, 1.0, 15.9])
def test_the_limit_of_usual_logits_is_1e_4(largest: float) -> None:
    assert limit_for(np.array([[0.0, -largest]], np.float32)) == LIMIT == 1e-4


@pytest.mark.parametrize("largest", [32.0, 1e3, 1e6])
def test_the_limit_grows_with_what_float32_can_hold(largest: float) -> None:
    limit = limit_for(np.array([[1.0, largest]], np.float32))
    assert limit == 64 * np.spacing(np.float32(largest))
    assert 2**-18 <= limit / largest <= 2**-17


def test_no_logits_have_a_limit_too() -> None:
    assert limit_for(np.empty((0, 3), np.float32)) == LIMIT


def test_the_largest_difference_is_found() -> None:
    eager = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert largest_difference(eager, eager) == 0.0
    assert largest_difference(eager + np.array([0.0, -0.5], np.float32), eager) == 0.5


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1.0, np.nan]], np.float32),
        np.array([[1.0, np.inf]], np.float32),
        np.array([[1.0]], np.float32),
        np.array([[1.0, 2.0]], np.float64),
    ],
    ids=["nan", "infinite", "shape", "type"],
)
def test_what_cannot_be_compared_is_as_far_as_can_be(values: np.ndarray) -> None:
    assert largest_difference(values, np.array([[1.0, 2.0]], np.float32)) == np.inf
