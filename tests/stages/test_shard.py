"""`shard`: arithmetic where possible, else counting."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_stage


@pytest.mark.parametrize(("rank", "world_size"), [(0, 1), (0, 3), (2, 3), (29, 30)])
def test_shard_conforms(rank: int, world_size: int) -> None:
    check_stage(
        lambda stream: stream.shard(rank, world_size),
        lambda records: islice(records, rank, None, world_size),
    )


def test_shard_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).shard(1, 3),
        lambda records: islice((x for x in records if x % 3), 1, None, 3),
    )


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: x % 5)])
def test_ranks_see_each_record_once(build: Any) -> None:
    stream = build(hr.DataRef.from_sequence(range(23)).shuffle(seed=4).stream())
    parts = [stream.shard(rank, 4).collect() for rank in range(4)]
    assert sorted(record for part in parts for record in part) == sorted(stream)


def test_nothing_is_read_for_other_ranks() -> None:
    calls: list[int] = []
    hr.stream(range(9)).tap(calls.append).shard(1, 3).collect()
    assert calls == [1, 4, 7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, 3), "rank 3 of a world of 3 does not exist"),
        ((-1, 3), "rank must be .* got -1"),
        ((0, 0), "world_size must be .* got 0"),
        ((0, 2, "kept"), "remainder 'kept' is unknown.*'keep'"),
    ],
)
def test_a_rank_outside_the_world_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.stream(range(5)).shard(*arguments)


def test_an_empty_part_is_fine_unless_the_rest_is_dropped() -> None:
    assert hr.stream([1, 2]).shard(3, 4).collect() == []
    with pytest.raises(ArgumentError, match='"drop" would leave nothing of 2 records'):
        hr.stream([1, 2]).shard(3, 4, "drop")


def test_ranks_cannot_be_evened_out_after_a_filter() -> None:
    stream = hr.stream(range(9)).filter(lambda x: x % 2).shard(0, 2, "drop")
    with pytest.raises(StreamError, match=r"shard\(0/2, drop\) stands where .* cannot even out"):
        stream.collect()
