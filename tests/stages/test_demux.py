"""`demux`: each record to one of several streams."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_stage

# Any, in this file: records of every type.


def test_one_branch_conforms() -> None:
    check_stage(
        lambda stream: stream.demux(3, lambda x: x % 3)[1],
        lambda records: (x for x in records if x % 3 == 1),
    )


def test_a_zip_of_all_branches_conforms() -> None:
    def build(stream: Any) -> Any:
        evens, odds = stream.demux(2, lambda x: None if x % 5 == 0 else x % 2)
        return evens.map(str).zip(odds)

    def oracle(records: Iterator[int]) -> Iterator[Any]:
        evens, odds = itertools.tee(x for x in records if x % 5)
        return zip(  # noqa: B905
            (str(x) for x in evens if x % 2 == 0), (x for x in odds if x % 2)
        )

    check_stage(build, oracle)


def test_the_function_runs_once_a_record() -> None:
    calls: list[int] = []

    def parity(x: int) -> int:
        calls.append(x)
        return x % 2

    evens, odds = hr.stream(range(8)).demux(2, parity)
    assert evens.zip(odds).collect() == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert calls == list(range(8))
    assert (evens.collect(), odds.collect()) == ([0, 2, 4, 6], [1, 3, 5, 7])


@pytest.mark.parametrize("kind", [bool, np.bool_, np.int64, int])
def test_numbers_of_every_kind_name_a_branch(kind: Any) -> None:
    small, large = hr.stream(range(4)).demux(2, lambda x: kind(x > 1))
    assert (small.collect(), large.collect()) == ([0, 1], [2, 3])


@pytest.mark.parametrize("value", [2, -1, "a", 0.0, [0]])
def test_another_value_is_told_with_its_record(value: Any) -> None:
    def route(x: int) -> Any:
        return value if x == 3 else 0

    branch, _ = hr.stream(range(6)).demux(2, route)
    message = r"route gave .* in a demux of 2 branches, and a number from 0 to 1 was expected."
    with pytest.raises(ArgumentError, match=message) as caught:
        branch.collect()
    assert repr(value) in str(caught.value)
    (note,) = caught.value.__notes__
    assert "map(demux by route)" in note
    assert "position 3, index 3" in note


def test_branches_too_far_apart_name_the_buffer() -> None:
    low, high = hr.stream(range(20)).demux(2, lambda x: x >= 10, buffer=5)
    with pytest.raises(StreamError, match=r"buffer=5 are kept. Read the branches more evenly"):
        low.zip(high).collect()


def test_what_is_no_function_and_no_branch_are_refused() -> None:
    with pytest.raises(ArgumentError, match="a function of one record was expected, got 3"):
        hr.stream([1]).demux(2, 3)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="the branches of a fork must be"):
        hr.stream([1]).demux(0, abs)
