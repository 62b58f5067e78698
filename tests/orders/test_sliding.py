"""Sliding windows as an order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.orders import INFINITE, OrderCursor, Part, Range, Repeat, Shuffled, Sliding, Windowed


@given(st.integers(0, 30), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 3))
def test_windows_are_those_of_a_list(
    count: int, size: int, stride: int, partial: bool, epoch: int
) -> None:
    order = Sliding(Shuffled(Range(count), 7), size, stride, partial)
    records = order.order.at(epoch, np.arange(count)).tolist()
    expected = [records[start : start + size] for start in range(0, count, stride)]
    expected = [window for window in expected if partial or len(window) == size]
    found = order.at(epoch, np.arange(order.count(epoch)))
    assert found.shape == (min(size, max(1, count)), len(expected))
    assert [[int(x) for x in column if x >= 0] for column in found.T] == expected
    backwards = order.at(epoch, np.arange(len(expected))[::-1])
    assert np.array_equal(backwards[:, ::-1], found)


def test_distant_windows_cost_their_own_positions_only() -> None:
    order = Sliding(Shuffled(Range(10**12), 7), 3)
    far = np.array([0, 10**11])
    alone = [order.at(0, far[k : k + 1])[:, 0] for k in range(2)]
    assert np.array_equal(order.at(0, far).T, alone)


def test_windows_are_shuffled_repeated_and_shared_out_like_records() -> None:
    windows = Sliding(Range(10), 3, 2)
    order = Part(Repeat(Windowed(windows, 2, seed=1), 2), 1, 2)
    found = order.at(0, np.arange(order.count(0)))
    assert sorted(found[0].tolist() + Part(order.order, 0, 2).at(0, np.arange(4))[0].tolist()) == [
        0, 0, 2, 2, 4, 4, 6, 6,
    ]  # fmt: skip
    assert (np.diff(found, axis=0) == 1).all()


def test_windows_of_an_endless_order_are_endless() -> None:
    order = Sliding(Repeat(Range(3), None), 2)
    assert order.count(0) == INFINITE
    assert order.at(0, np.array([2])).tolist() == [[2], [0]]


def test_a_cursor_over_wide_windows_computes_few_ahead() -> None:
    asked: list[int] = []

    class Watched:
        def count(self, epoch: int) -> int:
            return 10**6

        def at(self, epoch: int, positions: np.ndarray) -> np.ndarray:
            asked.append(len(positions))
            return np.zeros((1_000, len(positions)), dtype=np.int64)

    cursor = OrderCursor(Watched(), 0)  # type: ignore[arg-type]
    for start in range(0, 2_000, 10):
        cursor.take(start, start + 10)
    assert asked[0] == 1_024
    assert set(asked[1:]) == {16}


def test_it_prints_its_numbers() -> None:
    assert str(Sliding(Range(9), 3, 2)) == "range(9) > sliding(3:2)"
    assert str(Sliding(Range(9), 3, 2, partial=True)) == "range(9) > sliding(3:2, partial)"


def test_it_cannot_locate() -> None:
    with pytest.raises(StreamError, match=r"cannot locate 1 indices in .*Locate in the order"):
        Sliding(Range(5), 2).locate(0, np.array([1]))


def test_a_size_or_stride_below_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="the size of a window must be .* got 0"):
        Sliding(Range(5), 0)
    with pytest.raises(ArgumentError, match="the stride of a window must be .* got 0"):
        Sliding(Range(5), 1, 0)
