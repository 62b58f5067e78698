"""`skip`: arithmetic where possible, else counting."""

from __future__ import annotations

import weakref
from itertools import islice

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage


@pytest.mark.parametrize("n", [0, 2, 11, 50])
def test_skip_conforms(n: int) -> None:
    check_stage(lambda stream: stream.skip(n), lambda records: islice(records, n, None))


def test_skip_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).skip(3),
        lambda records: islice((x for x in records if x % 3), 3, None),
    )


def test_nothing_is_read_for_what_is_skipped() -> None:
    calls: list[int] = []
    hr.stream(range(9)).tap(calls.append).skip(6).collect()
    assert calls == [6, 7, 8]


def test_skip_and_take_nest() -> None:
    stream = hr.stream(range(20))
    assert stream.skip(3).take(4).skip(1).collect() == [4, 5, 6]
    assert stream.take(3).skip(5).collect() == []
    assert len(stream.take(10).skip(4).take(100)) == 6


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"records to skip must be .* got -1. Leave out .skip"):
        hr.stream([1]).skip(-1)


def test_skipped_records_are_dropped_some_at_a_time() -> None:
    held: list[weakref.ref[Chunk]] = []
    most: list[int] = []

    def made(n: int) -> Chunk:
        chunk = Chunk()
        held.append(weakref.ref(chunk))
        if n % 500 == 0:
            most.append(sum(one() is not None for one in held))
        return chunk

    stream = hr.stream(range(10_000)).map(made).filter(lambda chunk: True).skip(9_999)
    assert len(stream.collect()) == 1
    assert max(most) < 3000


class Chunk:
    """A record whose end can be seen."""


def test_more_may_be_skipped_than_64_bits_count() -> None:
    assert hr.stream(range(5)).skip(10**30).collect() == []
    assert hr.stream(range(5)).filter(lambda x: True).skip(10**30).collect() == []
