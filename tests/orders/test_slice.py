"""A part of an order; what it gives is tested against lists in test_composition."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError
from headrace.orders import INFINITE, Range, Repeat, Slice


def test_an_endless_order_can_be_cut_or_begun_later() -> None:
    endless = Repeat(Range(3), None)
    assert Slice(endless, 4, None).count(0) == INFINITE
    assert Slice(endless, 4, 10, 2).count(0) == 3
    assert Slice(endless, 4, None, 3).at(0, np.arange(3)).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("start", "stop", "step", "message"),
    [
        (-1, 5, 1, "the start of a slice must be .* got -1. Count from the beginning"),
        (0, -5, 1, "the stop of a slice must be .* got -5. Count from the beginning"),
        (0, 5, 0, "the step of a slice must be .* got 0. Give 1 for all"),
        (0.5, 5, 1, "the start of a slice must be a whole number"),
    ],
)
def test_positions_before_the_beginning_are_refused(
    start: int, stop: int, step: int, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        Slice(Range(9), start, stop, step)


def test_a_slice_prints_as_python_writes_it() -> None:
    assert str(Slice(Range(9), 1, 5)) == "range(9) > slice(1:5)"
    assert str(Slice(Range(9), 1, None, 2)) == "range(9) > slice(1::2)"


def test_a_start_beyond_64_bits_is_beyond_the_end() -> None:
    far = Slice(Range(10), 10**30, None)
    assert far.count(0) == 0
    assert far.at(0, np.empty(0, np.int64)).tolist() == []
