"""Whole units of an order, every so many, against lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.orders import INFINITE, Every, Range, Repeat, Shuffled
from headrace.testing import check_order


@given(
    count=st.integers(0, 60),
    unit=st.integers(1, 9),
    first=st.integers(0, 9),
    step=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_it_gives_whole_units(count: int, unit: int, first: int, step: int, seed: int) -> None:
    order = Shuffled(Range(count), seed)
    indices = order.at(3, np.arange(count)).tolist()
    units = [indices[at : at + unit] for at in range(0, count, unit)]
    expected = [index for one in units[first::step] for index in one]

    every = Every(order, unit, first, step)
    assert every.count(3) == len(expected)
    assert every.at(3, np.arange(len(expected))).tolist() == expected


def test_readers_visit_everything_once() -> None:
    check_order(Every(Shuffled(Range(50), 7), 4, 1, 3))
    parts = [Every(Shuffled(Range(50), 7), 4, first, 3) for first in range(3)]
    found = [part.at(1, np.arange(part.count(1))).tolist() for part in parts]

    assert sorted(index for part in found for index in part) == list(range(50))


def test_of_an_endless_order_it_is_endless() -> None:
    assert Every(Repeat(Range(3), None), 4, 1, 2).count(0) == INFINITE


@pytest.mark.parametrize(
    ("unit", "first", "step", "message"),
    [
        (0, 0, 1, "the unit must be a whole number of at least 1, got 0. Give 1"),
        (1, -1, 1, "the first unit must be .* got -1. Units are counted from 0"),
        (1, 0, 0, "the step must be .* got 0. Give 1 for all"),
    ],
)
def test_what_is_no_unit_is_refused(unit: int, first: int, step: int, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Every(Range(9), unit, first, step)
