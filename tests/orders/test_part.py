"""What one rank of many visits."""

from __future__ import annotations

import tracemalloc
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices, Order
from headrace.orders import (
    INFINITE,
    Nearby,
    Part,
    Range,
    Remainder,
    Repeat,
    Shuffled,
)

SIZES, WORLDS = st.integers(0, 60), st.integers(1, 9)


def parts(size: int, world_size: int, remainder: Remainder) -> list[Part]:
    shuffled = Shuffled(Range(size), 7)
    return [Part(shuffled, rank, world_size, remainder) for rank in range(world_size)]


def visits(part: Part, epoch: int = 0) -> list[int]:
    indices: list[int] = part.indices(epoch, 0, part.count(epoch)).tolist()
    return indices


@given(SIZES, WORLDS)
def test_y_b5_the_parts_of_all_ranks_are_the_whole_exactly_once(size: int, world_size: int) -> None:
    seen = [visits(part) for part in parts(size, world_size, "keep")]
    assert sorted(index for rank in seen for index in rank) == list(range(size))
    assert max(map(len, seen)) - min(map(len, seen)) <= 1


@given(SIZES, WORLDS)
def test_y_b5_shards_of_an_unshuffled_order_lose_nothing(size: int, world_size: int) -> None:
    seen = [visits(Part(Range(size), rank, world_size)) for rank in range(world_size)]
    assert seen == [list(range(rank, size, world_size)) for rank in range(world_size)]


@given(SIZES, WORLDS)
def test_drop_gives_each_rank_the_same_count_and_leaves_out_the_last(
    size: int, world_size: int
) -> None:
    if world_size > size:
        return
    seen = [visits(part) for part in parts(size, world_size, "drop")]
    together = Shuffled(Range(size), 7).at(0, np.arange(size // world_size * world_size))
    assert {len(rank) for rank in seen} == {size // world_size}
    assert sorted(index for rank in seen for index in rank) == sorted(together.tolist())


@given(SIZES, WORLDS)
def test_pad_gives_each_rank_the_same_count_by_repeating_the_beginning(
    size: int, world_size: int
) -> None:
    ranks = parts(size, world_size, "pad")
    count = -(-size // world_size)
    assert {part.count(0) for part in ranks} == {count}
    interleaved = np.array([visits(part) for part in ranks], dtype=np.int64).T.ravel().tolist()
    start = Shuffled(Range(size), 7).at(0, np.arange(size)).tolist()
    assert interleaved == (start * (world_size + 1))[: count * world_size]
    padding = [part.is_padding(0, np.arange(count)).tolist() for part in ranks]
    assert sum(map(sum, padding)) == count * world_size - size


def test_y_b6_a_rank_without_records_has_an_empty_order() -> None:
    part = Part(Range(2), 3, 4)
    assert part.count(0) == 0
    assert part.indices(0, 0, 0).tolist() == []
    assert Part(Range(0), 3, 4, "pad").count(0) == 0
    assert Part(Range(0), 0, 1, "drop").count(0) == 0


def test_y_b1_a_rank_sees_every_record_over_the_epochs() -> None:
    part = Part(Shuffled(Range(100), 7), 0, 2)
    seen = {index for epoch in range(20) for index in visits(part, epoch)}
    assert seen == set(range(100))


@pytest.mark.parametrize("inner", [Shuffled(Range(10**12), 7), Nearby(Range(10**12), 5000, 7)])
def test_y_b7_a_trillion_records_cost_no_list(inner: Order) -> None:
    tracemalloc.start()
    began = perf_counter()
    part = Part(inner, 3, 8)
    first = part.indices(0, 0, 64)
    last = part.indices(9, part.count(9) - 64, part.count(9))
    took_s = perf_counter() - began
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(np.unique(np.append(first, last))) == 128
    # Milliseconds, with room for a busy machine; a list of 1e12 would take hours.
    assert took_s < 0.25
    assert peak_bytes < 2**20


@given(SIZES, WORLDS, st.sampled_from(["keep", "drop", "pad"]), st.integers(0, 3))
def test_the_owner_is_the_rank_and_position_that_visits_an_index(
    size: int, world_size: int, remainder: Remainder, epoch: int
) -> None:
    if remainder == "drop" and world_size > size:
        return
    world = parts(size, world_size, remainder)
    indices = np.arange(-1, size + 1)
    ranks, positions = world[0].owner(epoch, indices)
    visited = {index for part in world for index in visits(part, epoch)}
    for index, rank, position in zip(indices, ranks, positions, strict=True):
        assert (rank >= 0) == (position >= 0) == (index in visited)
        if rank >= 0:
            assert visits(world[rank], epoch)[position] == index
            assert world[rank].locate(epoch, np.array([index])).tolist() == [position]
            assert world[rank - 1].locate(epoch, np.array([index]))[0] == -1 or world_size == 1


def test_global_positions_are_those_before_the_share_out() -> None:
    part = Part(Range(10), 1, 4, "pad")
    positions: Indices = np.arange(3)
    assert part.global_positions(positions).tolist() == [1, 5, 9]
    assert Part(Range(10), 3, 4, "pad").is_padding(0, positions).tolist() == [False, False, True]


def test_a_part_of_an_endless_order_is_endless() -> None:
    for remainder in ("keep", "drop", "pad"):
        part = Part(Repeat(Range(3), None), 1, 2, remainder)
        assert part.count(0) == INFINITE
        assert part.indices(0, 10**12, 10**12 + 3).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("rank", "world_size", "remainder", "message"),
    [
        (4, 4, "keep", r"rank 4 of a world of 4 does not exist. A rank from 0 to 3 .* from 0"),
        (-1, 4, "keep", r"rank must be .* got -1. Ranks are counted from 0"),
        (0, 0, "keep", r"world_size must be .* got 0. Give the number of processes"),
        (0, 1.0, "keep", r"world_size must be a whole number"),
        (0, 4, "kept", r"remainder 'kept' is unknown. One of keep, drop, pad .* mean .*'keep'"),
        (0, 11, "drop", r"too few records to give each of 11 ranks one. At least 11 .*\"pad\""),
    ],
)
def test_a_part_that_cannot_be_is_refused(
    rank: int, world_size: int, remainder: Remainder, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        Part(Range(10), rank, world_size, remainder)


@pytest.mark.parametrize(
    ("epoch", "start", "stop", "message"),
    [
        (0, -1, 2, "the start must be .* got -1. Count epochs and positions from 0"),
        (-1, 0, 2, "the epoch must be .* got -1"),
        (0, 2, 1, "the stop must be .* at least 2, got 1. Give a stop not before"),
        (0, 0, 4, r"positions 0 to 4 were asked of range\(10\) .* 0 to 3. Ask inside these"),
    ],
)
def test_positions_outside_the_epoch_are_refused(
    epoch: int, start: int, stop: int, message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        Part(Range(10), 1, 4, "pad").indices(epoch, start, stop)
    with pytest.raises(ArgumentError, match="positions -1 to 1 were asked"):
        Part(Range(10), 1, 4).at(0, np.array([-1, 0]))


def test_a_part_prints_the_whole_composition() -> None:
    part = Part(Shuffled(Range(1797), 7), 1, 4)
    assert str(part) == "range(1797) > shuffled(seed=7) > part(1/4, keep)"
