"""`group_by`: records of one key, within windows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.testing import check_stage


def grouped(records: Iterator[int], window: int, size: int | None) -> Iterator[list[int]]:
    while part := list(islice(records, window)):
        keys = list(dict.fromkeys(x % 3 for x in part))
        for key in keys:
            group = [x for x in part if x % 3 == key]
            for start in range(0, len(group), size or len(group)):
                yield group[start : start + (size or len(group))]


@pytest.mark.parametrize("size", [None, 1, 2])
def test_group_by_conforms(size: int | None) -> None:
    check_stage(
        lambda stream: stream.group_by(lambda x: x % 3, window=7, size=size),
        lambda records: grouped(records, 7, size),
        slack=7,
    )


def test_group_by_after_a_filter_and_beside_the_consumer_conforms() -> None:
    check_stage(lambda s: s.filter(lambda x: x % 5).group_by(lambda x: x % 3, window=6))
    check_stage(lambda s: s.filter(bool).skip(1).group_by(lambda x: x % 3, window=6))


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 12), st.none() | st.integers(1, 4))
def test_groups_are_those_of_plain_python(
    records: list[int], window: int, size: int | None
) -> None:
    stream = hr.stream(records).group_by(lambda x: x % 3, window=window, size=size)
    assert stream.collect() == list(grouped(iter(records), window, size))


def test_a_failing_key_is_noted_with_the_stage_and_its_positions() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        hr.stream(range(8)).group_by(lambda x: 1 // (x - 5), window=4).collect()
    note = caught.value.__notes__[0]
    assert "in group_by(window=4, size=None)" in note
    assert "positions 4 to 7" in note


def test_a_key_that_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(RecordError, match=r"group_by's key gave \[1\] of type list.*Give a number"):
        hr.stream([1]).group_by(lambda x: [x], window=4).collect()  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_a_size_or_window_below_one_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match="the window of group_by must be .* such as 1000"):
        hr.stream(["a"]).group_by(len, window=bad)
    with pytest.raises(ArgumentError, match="the size of a group must be .* Leave it out"):
        hr.stream(["a"]).group_by(len, window=4, size=bad)
