"""Positions as progressions, held against lists of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.rest import Progressions
from headrace.orders import (
    INFINITE,
    Chosen,
    Range,
    between,
    evened,
    is_endless,
    left_of,
    lowest_first,
    rising,
    shared,
    size_of,
    used,
)
from headrace.orders.progressions import joined
from headrace.testing import check_order

PROGRESSION = st.builds(
    lambda start, length, step: (start, start + length * step, step),
    st.integers(0, 40),
    st.integers(1, 12),
    st.integers(1, 5),
)
# A position stands in a row once.
ROWS = st.lists(PROGRESSION, max_size=4).map(
    lambda row: tuple((a + 1000 * i, b + 1000 * i, c) for i, (a, b, c) in enumerate(row))
)


def listed(row: Progressions) -> list[int]:
    return [position for one in row for position in range(*one)]


@given(ROWS, st.integers(1, 5))
def test_shares_are_every_so_many_positions_of_the_row(row: Progressions, world_size: int) -> None:
    for rank in range(world_size):
        assert listed(shared(row, rank, world_size)) == listed(row)[rank::world_size]


@given(ROWS, st.integers(1, 5))
def test_evened_rows_divide_among_the_ranks(row: Progressions, world_size: int) -> None:
    positions = listed(row)
    whole = len(positions) // world_size * world_size
    assert listed(evened(row, world_size, "drop", 9000)) == positions[:whole]
    padding = list(range(9000, 9000 + -len(positions) % world_size))
    assert listed(evened(row, world_size, "pad", 9000)) == positions + padding
    assert evened(row, world_size, "keep", 9000) == row


@given(ROWS, st.integers(0, 30), st.integers(0, 30))
def test_places_are_those_of_a_list(row: Progressions, start: int, length: int) -> None:
    positions, ordered = listed(row), sorted(listed(row))
    stop = start + length
    assert listed(between(row, start, stop, is_rising=False)) == positions[start:stop]
    assert listed(between(row, start, stop, is_rising=True)) == ordered[start:stop]
    assert rising(row, start, stop) == ordered[start:stop]
    assert list(lowest_first(row)) == ordered
    assert size_of(row) == len(positions)


@given(st.lists(st.integers(0, 30), max_size=12))
def test_joined_positions_are_the_same_in_their_order(positions: list[int]) -> None:
    assert listed(joined(positions)) == positions


@given(ROWS, st.lists(st.integers(0, 20), min_size=1, max_size=5), st.booleans())
def test_what_is_left_is_what_no_rank_has_taken(
    row: Progressions, taken: list[int], is_rising: bool
) -> None:
    shares = [shared(row, rank, len(taken)) for rank in range(len(taken))]
    counts = [used(one, n, is_rising=is_rising) for one, n in zip(shares, taken, strict=True)]
    gone = [
        position
        for share, count in zip(shares, taken, strict=True)
        for position in (sorted(listed(share)) if is_rising else listed(share))[:count]
    ]
    left = left_of(row, counts)
    assert sorted(listed(left)) == sorted(set(listed(row)) - set(gone))
    assert len(left) <= len(row) * (len(taken) + 1)


def test_ranks_in_step_leave_one_progression() -> None:
    row = ((0, 1000, 1),)
    assert left_of(row, [[7]] * 64) == ((448, 1000, 1),)


def test_an_endless_row_stays_endless() -> None:
    row = ((5, INFINITE, 1),)
    share = shared(row, 1, 3)
    assert share == ((6, INFINITE, 3),)
    assert is_endless(share)
    assert rising(share, 2, 4) == [12, 15]
    assert left_of(row, [[2], [3], [2]]) == ((11, 13, 3), (13, INFINITE, 1))
    assert Chosen(Range(INFINITE), share).count(0) == INFINITE
    assert Chosen(Range(INFINITE), share).at(0, np.array([10**12])).tolist() == [6 + 3 * 10**12]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.data())
def test_ranks_that_are_through_with_an_endless_row_leave_the_others_theirs(
    taken: list[int], data: st.DataObject
) -> None:
    row, world_size = ((5, INFINITE, 1),), len(taken)
    through = data.draw(st.sets(st.integers(0, world_size - 1), min_size=1))
    shares = [shared(row, rank, world_size) for rank in range(world_size)]
    counts = [
        used(one, size_of(one) if rank in through else taken[rank], is_rising=True)
        for rank, one in enumerate(shares)
    ]
    expected = [
        (5 + rank + taken[rank] * world_size, INFINITE, world_size)
        for rank in range(world_size)
        if rank not in through
    ]
    assert sorted(left_of(row, counts)) == sorted(expected)


@given(ROWS)
def test_chosen_positions_keep_the_order_of_the_row(row: Progressions) -> None:
    check_order(Chosen(Range(5000), row))
    positions = np.arange(size_of(row), dtype=np.int64)
    assert Chosen(Range(5000), row).at(0, positions).tolist() == listed(row)


def test_chosen_padding_begins_at_the_beginning_again() -> None:
    order = Chosen(Range(10), ((7, 10, 1), (10, 13, 1)))
    assert order.at(0, np.arange(6)).tolist() == [7, 8, 9, 0, 1, 2]
    assert order.places(np.arange(6)).tolist() == [7, 8, 9, 10, 11, 12]
