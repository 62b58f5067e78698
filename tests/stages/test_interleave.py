"""`interleave`: round robin, by position where possible, else over chains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage

OTHER = [100, 101, 102, 103, 104]
NOTHING = object()


def in_turn(sources: list[Iterator[Any]], is_all: bool) -> Iterator[Any]:
    """Round robin over plain iterators."""
    while sources:
        for source in list(sources):
            record = next(source, NOTHING)
            if record is not NOTHING:
                yield record
            elif is_all:
                sources.remove(source)
            else:
                return


@pytest.mark.parametrize("stop", ["first", "all"])
def test_interleaving_datasets_conforms(stop: Any) -> None:
    check_stage(
        lambda stream: stream.interleave(hr.stream(OTHER), hr.stream([7]), stop=stop),
        lambda records: in_turn([records, iter(OTHER), iter([7])], stop == "all"),
        slack=1,
    )


@pytest.mark.parametrize("stop", ["first", "all"])
@pytest.mark.parametrize("is_known", [False, True])
def test_interleaving_chains_conforms(stop: Any, is_known: bool) -> None:
    def build(stream: Any) -> Any:
        chain = stream.map(int) if is_known else stream.filter(lambda x: x % 3)
        return chain.interleave(hr.stream(OTHER), stop=stop)

    def oracle(records: Iterator[Any]) -> Iterator[Any]:
        mine = records if is_known else (x for x in records if x % 3)
        return in_turn([mine, iter(OTHER)], stop == "all")

    check_stage(build, oracle)


def test_the_length_is_that_of_what_it_gives() -> None:
    chains = [hr.stream(range(size)).map(int) for size in (5, 3, 9)]
    for stop, expected in (("first", 10), ("all", 17)):
        stream = chains[0].interleave(*chains[1:], stop=stop)  # type: ignore[arg-type]
        assert stream.node.length(Run()) == len(stream.collect()) == expected


def test_it_needs_no_seed_and_gives_none_away() -> None:
    stream = hr.stream([1, 2]).interleave(hr.stream([3, 4]))
    assert stream.collect() == [1, 3, 2, 4]
    with pytest.raises(ArgumentError, match="there is no seed to draw them from"):
        stream.map(lambda x, rng: x, seeded=True).collect()


def test_another_end_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"stop 'cycle' is unknown. One of first, all was"):
        hr.stream([1]).interleave(hr.stream([2]), stop="cycle")  # type: ignore[arg-type]


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match="interleave joins Streams, got range"):
        hr.stream([1]).interleave(range(3))  # type: ignore[arg-type]
