"""Orders one after the other; what they give is tested against lists in test_composition."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import INFINITE, Concat, Range, Repeat, Shuffled, Slice


def test_indices_are_moved_by_the_records_of_the_datasets_before() -> None:
    order = Concat(((Slice(Range(10), 8, 10), 10), (Range(0), 0), (Range(3), 3)))
    assert order.at(0, np.array([4, 0, 1, 2])).tolist() == [12, 8, 9, 10]
    assert order.locate(0, np.array([8, 0, 12, 13, -1])).tolist() == [0, -1, 4, -1, -1]


def test_it_can_be_shuffled_over_all_datasets() -> None:
    order = Shuffled(Concat(tuple((Range(size), size) for size in range(300))), 7)
    found = order.at(0, np.arange(order.count(0)))
    assert np.array_equal(np.sort(found), np.arange(300 * 299 // 2))
    assert np.array_equal(order.locate(0, found), np.arange(len(found)))


def test_only_the_last_may_be_endless() -> None:
    endless = Repeat(Range(2), None)
    order = Concat(((Range(3), 3), (endless, 2)))
    assert order.count(0) == INFINITE
    assert order.at(0, np.arange(7)).tolist() == [0, 1, 2, 3, 4, 3, 4]
    with pytest.raises(StreamError, match=r"cannot put another order after .* no end"):
        Concat(((endless, 2), (Range(3), 3)))


def test_no_orders_and_sizes_that_are_no_counts_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"concat got no orders.*use Range\(0\)"):
        Concat(())
    with pytest.raises(ArgumentError, match=r"size of a dataset must be .*got -1"):
        Concat(((Range(3), -1),))


def test_a_concat_prints_its_parts_and_sizes() -> None:
    order = Concat(((Range(3), 3), (Slice(Range(9), 1, 2), 9)))
    assert str(order) == "concat(range(3) of 3; range(9) > slice(1:2) of 9)"
