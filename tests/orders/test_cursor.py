"""Reading an order in slices from cached blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices
from headrace.orders import (
    BLOCK_POSITIONS,
    OrderCursor,
    Part,
    Range,
    Repeat,
    Shuffled,
    Zipped,
)

SIZE = 2 * BLOCK_POSITIONS + 100
BORDERS = st.sampled_from([0, BLOCK_POSITIONS, 2 * BLOCK_POSITIONS, SIZE])
POSITIONS = st.builds(
    lambda border, near: min(max(border + near, 0), SIZE), BORDERS, st.integers(-70, 70)
)


@dataclass(frozen=True)
class Counting:
    """A range that notes how many positions each call asked."""

    size: int
    calls: list[int] = field(default_factory=list)

    def count(self, epoch: int) -> int:
        return self.size

    def at(self, epoch: int, positions: Indices) -> Indices:
        self.calls.append(len(positions))
        return positions.copy()

    def locate(self, epoch: int, indices: Indices) -> Indices:
        return indices


@given(st.lists(st.tuples(POSITIONS, POSITIONS).map(sorted), max_size=6))
def test_slices_in_any_sequence_are_those_of_the_whole(runs: list[list[int]]) -> None:
    order = Zipped((Shuffled(Range(SIZE), 7), Range(SIZE)))
    whole = order.at(1, np.arange(SIZE))
    cursor, single = OrderCursor(order, 1), OrderCursor(order.orders[0], 1)
    for start, stop in runs:
        assert np.array_equal(cursor.take(start, stop), whole[:, start:stop])
        assert np.array_equal(single.take(start, stop), whole[0, start:stop])


@pytest.mark.parametrize("step", [64, 100])
def test_neighbouring_slices_compute_each_position_once(step: int) -> None:
    order = Counting(SIZE)
    cursor = OrderCursor(order, 0)
    for start in range(0, SIZE, step):
        cursor.take(start, min(start + step, SIZE))
    assert sum(order.calls) == SIZE
    assert order.calls[:5] == [1_024, 2_048, 4_096, 8_192, BLOCK_POSITIONS]
    assert max(order.calls) == BLOCK_POSITIONS


def test_an_endless_order_is_read_anywhere() -> None:
    order = Part(Repeat(Shuffled(Range(5), 7), None), 1, 2)
    cursor = OrderCursor(order, 0)
    start = 10**13 + 3
    assert np.array_equal(cursor.take(start, start + 9), order.indices(0, start, start + 9))


def test_a_slice_cannot_be_written() -> None:
    cursor = OrderCursor(Range(10), 0)
    with pytest.raises(ValueError, match="read-only"):
        cursor.take(0, 4)[0] = 7


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (5, 11), (-2, -1)])
def test_positions_outside_the_epoch_are_refused(start: int, stop: int) -> None:
    cursor = OrderCursor(Range(10), 3)
    with pytest.raises(ArgumentError, match=rf"positions {start} to {stop} .*epoch 3.*0 to 10"):
        cursor.take(start, stop)
