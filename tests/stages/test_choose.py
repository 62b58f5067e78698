"""`choose`: numbers say which stream gives the next record."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError, StateError
from headrace.testing import check_stage

SOURCES = (range(100, 104), range(200, 230), range(300, 340))


def chosen(choices: Iterator[int]) -> Iterator[int]:
    """The same over plain iterators."""
    sources = [iter(source) for source in SOURCES]
    for choice in choices:
        for record in itertools.islice(sources[choice % 3], 1):
            yield record
            break
        else:
            return


def test_choosing_conforms() -> None:
    others = [hr.stream(source).filter(lambda _: True) for source in SOURCES]
    check_stage(lambda stream: stream.map(lambda x: x % 3).choose(*others), chosen)


def test_choices_may_be_numbers_of_numpy() -> None:
    choices = hr.stream(np.array([1, 0, 1], np.uint8))
    assert choices.choose(hr.stream(["a"]), hr.stream(["x", "y"])).collect() == ["x", "a", "y"]


def test_it_ends_where_the_chosen_stream_has_no_more() -> None:
    stream = hr.stream([0, 1, 1, 0]).choose(hr.stream([1, 2]), hr.stream([3]))
    assert stream.collect() == [1, 3]
    cursor = stream.node.open(Run())
    assert [len(cursor.read(9)), len(cursor.read(9)), len(cursor.read(9))] == [2, 0, 0]
    assert len(stream.node.open(Run(), cursor.state()).read(1)) == 0


@pytest.mark.parametrize("choice", [2, -1, 1.0, "0", None, True])
def test_a_choice_of_no_stream_is_refused(choice: Any) -> None:
    stream = hr.stream([0, choice]).choose(hr.stream([7]), hr.stream([8]))
    message = rf"choose got {choice!r} and chooses from 2 streams. A whole number from 0 to 1"
    with pytest.raises(ArgumentError, match=message):
        stream.collect()


def test_after_an_error_the_state_points_at_the_choice() -> None:
    def checked(x: int) -> int:
        if x == 8:
            raise ValueError("eight")
        return x

    stream = hr.stream([0, 1, 0]).choose(hr.stream([7, 9]), hr.stream([8]).map(checked))
    cursor = stream.node.open(Run())
    assert list(cursor.read(5)) == [7]
    for again in (cursor, stream.node.open(Run(), cursor.state())):
        for _ in range(2):
            with pytest.raises(ValueError, match="eight"):
                again.read(1)


def test_endless_choices() -> None:
    choices = hr.stream([0, 1]).repeat()
    finite, endless = hr.stream([1, 2]), hr.stream([3]).repeat()
    assert not choices.choose(finite, finite).is_infinite
    assert choices.choose(endless, finite).is_infinite
    assert choices.choose(endless, finite).take(4).collect() == [3, 1, 3, 2]


def test_its_length_is_known_where_nothing_else_ends_it() -> None:
    endless = hr.stream([3]).repeat()
    assert len(hr.stream([0, 0, 0]).choose(endless)) == 3
    assert hr.stream([0, 0, 0]).choose(hr.stream([1])).node.length(Run()) is None


def test_streams_to_choose_from_are_needed() -> None:
    with pytest.raises(ArgumentError, match="choose got no streams to choose from. At least one"):
        hr.stream([0]).choose()
    with pytest.raises(ArgumentError, match="choose joins Streams, got list"):
        hr.stream([0]).choose([1])  # type: ignore[arg-type]


@pytest.mark.parametrize("parents", [None, 3, [1, 2], [{}], {}])
def test_a_state_of_another_kind_is_refused(parents: Any) -> None:
    loader = hr.DataLoader(hr.stream([0, 0]).choose(hr.stream([1, 2])))
    next(iter(loader))
    loader.load_state_dict({**loader.state_dict(), "parents": parents})
    with pytest.raises(StateError, match="a choice of 1 streams was given a state of 0"):
        next(iter(loader))
