"""Answers of a store that are asked for at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from headrace.storage.at_once import each


def test_answers_come_in_order_and_no_more_are_asked_for_than_may_be() -> None:
    drawn: list[int] = []

    def wanted() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    answers = each(lambda number: -number, wanted(), at_once=4)
    for taken in range(100):
        assert next(answers) == -taken
        assert len(drawn) <= taken + 4
    assert list(answers) == []


def test_so_many_are_asked_for_at_once() -> None:
    together = threading.Barrier(4, timeout=60)
    assert sorted(each(lambda _: together.wait(), range(8), at_once=4)) == [0, 0, 1, 1, 2, 2, 3, 3]


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("headrace-ask")]


def test_nothing_more_is_asked_for_where_one_raises() -> None:
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        list(each(ask, range(100), at_once=2))
    assert sorted(asked) == [0, 1]
    assert threads() == []


def test_whoever_leaves_ends_the_threads() -> None:
    answers = each(abs, range(100), at_once=4)
    assert next(answers) == 0
    assert threads() != []
    answers.close()
    assert threads() == []
