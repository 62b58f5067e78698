"""Weights of a mix as turns in a period."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.orders import counts_of


def turns(weights: Any) -> tuple[int, ...]:
    ((begin, counts),) = counts_of(weights, len(weights))
    assert begin == 0
    return counts


@given(st.lists(st.integers(0, 30), min_size=1, max_size=9).filter(any))
def test_small_whole_weights_keep_their_proportions_exactly(weights: list[int]) -> None:
    counts = turns(weights)
    assert [Fraction(count, sum(counts)) for count in counts] == [
        Fraction(weight, sum(weights)) for weight in weights
    ]
    assert 256 <= sum(counts) <= 1_024


@given(st.lists(st.floats(0, 1e300, allow_subnormal=False), min_size=1, max_size=40).filter(any))
def test_other_weights_are_rounded_by_less_than_a_turn(weights: list[float]) -> None:
    counts = turns(weights)
    size, total = sum(counts), sum(Fraction(str(weight)) for weight in weights)
    shares = [Fraction(str(weight)) / total * size for weight in weights]
    # Those that get a turn for less than one take it from the others.
    raised = sum(0 < share < 1 for share in shares)
    for count, share in zip(counts, shares, strict=True):
        assert (count > 0) == (share > 0)
        assert abs(count - share) < 2 + raised
    assert size <= 1_024 + 40


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param([0.7, 0.2, 0.1], (182, 52, 26), id="decimals as written"),
        pytest.param([7, 2, 1], (182, 52, 26), id="the same as whole numbers"),
        pytest.param(np.array([0.7, 0.2, 0.1], np.float32), (182, 52, 26), id="single precision"),
        pytest.param(np.array([3, 1], np.uint8), (192, 64), id="narrow integers"),
        pytest.param([Fraction(1, 3), Fraction(2, 3)], (86, 172), id="fractions"),
        pytest.param([0, 1], (0, 256), id="one left out"),
        pytest.param([10**30, 1], (1_023, 1), id="at least one turn"),
    ],
)
def test_weights_become_turns(weights: Any, expected: tuple[int, ...]) -> None:
    assert turns(weights) == expected


def test_many_equal_sources_have_as_many_turns_each() -> None:
    assert counts_of(None, 1_000) == ((0, (1,) * 1_000),)
    assert counts_of(None, 3) == ((0, (86, 86, 86)),)


def test_s_b18_weights_need_not_sum_to_one() -> None:
    assert turns([0.7, 0.2, 0.1]) == turns([70, 20, 10]) == turns([1.4, 0.4, 0.2])


def test_s_b19_weights_are_never_changed() -> None:
    weights = [0.5, 0.25, 0.25]
    schedule: dict[int, list[float]] = {0: [1, 1, 1], 10: weights}
    counts_of(schedule, 3)
    assert weights == [0.5, 0.25, 0.25]
    assert schedule == {0: [1, 1, 1], 10: [0.5, 0.25, 0.25]}


def test_a_schedule_is_sorted_by_position() -> None:
    assert counts_of({500: [3, 1], 0: [1, 1]}, 2) == ((0, (128, 128)), (500, (192, 64)))


@pytest.mark.parametrize("weight", [-1, -0.5, float("nan"), float("inf"), True, "1", None])
def test_what_is_no_weight_is_refused(weight: Any) -> None:
    with pytest.raises(ArgumentError, match=r"a weight must be a finite number.*got .*\[3, 1\]"):
        counts_of([1, weight], 2)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2, 3], "3 weights were given for 2 sources. Give one for each"),
        ([], "0 weights were given for 2 sources"),
        ([0, 0.0], "all 2 weights are 0. At least one above 0 was expected. Leave"),
        ("12", "weights must be a list of numbers, got '12'. Give one number a source"),
        (0.5, "weights must be a list of numbers, got 0.5"),
        ({5: [1, 1]}, r"schedule got the positions \[5\]. The first must be 0. Say the weights"),
        ({}, r"schedule got the positions \[\]. The first must be 0"),
        ({0: [1, 1], -5: [1, 1]}, "a position of a weight schedule must be .* at least 0, got -5"),
        ({0: [1, 1], 1.5: [1, 1]}, "a position of a weight schedule must be .*, got 1.5"),
        ({0: [1, 1], 5: [0, 0]}, "all 2 weights are 0"),
        ({0: [1, 1], 5: 3}, "weights must be a list of numbers, got 3"),
    ],
)
def test_lists_that_are_no_weights_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        counts_of(weights, 2)
