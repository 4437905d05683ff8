"""The arithmetic that promotions rest on: rising weights, the chance of so many errors."""

from __future__ import annotations

import pytest

from csanmt.errors import ConfigurationError
from release.rollout.promotion import PromotionPlan, parse_weights
from release.rollout.thresholds import chance


@pytest.mark.parametrize(
    ("errors", "requests", "rate", "expected"),
    [
        (0, 10, 0.01, 1.0),
        (1, 1, 0.01, 0.01),
        (3, 3, 0.01, 1e-6),
        (1, 100, 0.01, 1 - 0.99**100),
        (2, 100, 0.01, 1 - 0.99**100 - 100 * 0.01 * 0.99**99),
        (1, 5, 0.0, 0.0),
        (5, 5, 1.0, 1.0),
    ],
)
def test_the_chance_of_errors_is_the_binomial_tail(
    errors: int, requests: int, rate: float, expected: float
) -> None:
    assert chance(errors, requests, rate) == pytest.approx(expected, abs=1e-12)


def test_a_million_answers_are_judged_too() -> None:
    assert chance(11_000, 1_000_000, 0.01) < 1e-6
    assert chance(9_900, 1_000_000, 0.01) > 0.5


@pytest.mark.parametrize("weights", [(), (50,), (50, 25, 100), (0, 100), (5, 5, 100)])
def test_weights_must_rise_to_100(weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError):
        PromotionPlan(weights)


def test_weights_are_read_from_a_list() -> None:
    assert parse_weights("5,25,100") == (5, 25, 100)
    with pytest.raises(ConfigurationError, match="percents"):
        parse_weights("five")
