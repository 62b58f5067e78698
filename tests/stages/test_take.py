"""`take`: arithmetic where possible, else counting."""

from __future__ import annotations

import itertools

import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import check_stage


@pytest.mark.parametrize("n", [0, 2, 11, 50])
def test_take_conforms(n: int) -> None:
    check_stage(lambda stream: stream.take(n), lambda records: itertools.islice(records, n))


def test_take_after_a_filter_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).take(3),
        lambda records: itertools.islice((x for x in records if x % 3), 3),
    )


def test_take_ends_an_endless_source() -> None:
    stream = hr.stream(itertools.count()).take(5)
    assert not stream.is_infinite
    assert len(stream) == 5
    assert stream.collect() == [0, 1, 2, 3, 4]


def test_take_ends_an_endless_repeat() -> None:
    assert hr.stream([1, 2]).repeat().take(5).collect() == [1, 2, 1, 2, 1]
    assert hr.stream([1, 2]).repeat().filter(bool).take(5).collect() == [1, 2, 1, 2, 1]
    assert hr.stream([1, 2]).filter(bool).repeat().take(5).collect() == [1, 2, 1, 2, 1]


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"records to take must be .* got -2. Leave out .take"):
        hr.stream([1]).take(-2)
