"""`through`: any function from an iterator to an iterator is a stage."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import headrace as hr
from headrace.contracts import Run
from headrace.contracts.errors import ArgumentError, StateError, StreamError
from headrace.testing import check_stage

# Any, in this file: records of every type.


def pairs(records: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
    for first in records:
        yield first, next(records, None)


def thirds(records: Iterator[Any]) -> Iterator[Any]:
    return itertools.islice(records, 2, None, 3)


def framed(records: Iterator[Any]) -> Iterator[Any]:
    yield "begin"
    yield from records
    yield "end"


@pytest.mark.parametrize("fn", [pairs, thirds, framed])
def test_through_conforms(fn: Any) -> None:
    check_stage(lambda stream: stream.through(fn), fn)


def test_through_in_the_middle_of_a_chain_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).through(pairs).map(str).take(3),
        lambda records: (
            str(pair) for pair, _ in zip(pairs(x for x in records if x % 3), range(3), strict=False)
        ),
    )


def test_through_after_through_and_in_a_repeat_conforms() -> None:
    check_stage(lambda stream: stream.map(abs).through(pairs).through(thirds).repeat(2))


def test_through_before_a_zip_conforms() -> None:
    check_stage(lambda stream: stream.through(pairs).zip(stream.map(abs)).batch(2, collate="list"))


def test_its_epoch_is_that_of_the_run() -> None:
    stream = hr.DataRef.from_sequence(range(12)).shuffle(seed=3).stream()
    for epoch in range(3):
        expected = list(pairs(iter(stream.epoch(epoch).collect())))
        assert stream.through(pairs).epoch(epoch).collect() == expected
    late = hr.DataRef.from_sequence(range(3)).stream(start_offset=4).through(framed)
    assert late.collect() == ["begin", 1, 2, "end"]


def test_a_resume_runs_the_epoch_again_and_drops_what_was_given() -> None:
    calls: list[int] = []
    loader = hr.DataLoader(hr.stream(range(9)).tap(calls.append).through(thirds))
    iterator = iter(loader)
    assert [next(iterator), next(iterator)] == [2, 5]
    state = loader.state_dict()
    assert {key: state[key] for key in ("turn", "parents", "stages")} == {
        "turn": 2,
        "parents": [],
        "stages": [],
    }
    calls.clear()
    loader.load_state_dict(state)
    assert not calls
    assert list(loader) == [8]
    assert calls == list(range(9))


def test_explain_says_what_a_resume_costs() -> None:
    text = hr.stream(range(9)).map(abs).through(pairs).explain()
    assert [line.split()[2:] for line in text.splitlines()[3:4]] == [["chains", "unknown"]]
    assert "resume    runs the epoch of through(pairs) again from its start" in text


@pytest.mark.parametrize("leave", ["break", "close", "drop", "end"])
def test_the_generator_is_closed_however_the_reading_ends(leave: str) -> None:
    events: list[str] = []

    def watched(records: Iterator[int]) -> Iterator[int]:
        events.append("begun")
        try:
            yield from records
        finally:
            events.append("closed")

    loader = hr.DataLoader(hr.stream(range(9)).through(watched))
    iterator = iter(loader)
    assert not events
    next(iterator)
    if leave == "break":
        del iterator
        assert events == ["begun"]
        iter(loader)
    elif leave == "close":
        loader.shutdown()
    elif leave == "drop":
        del iterator, loader
        gc.collect()
    else:
        list(iterator)
    assert events == ["begun", "closed"]


def test_an_error_in_the_function_keeps_its_traceback_and_is_raised_again() -> None:
    def fail(records: Iterator[int]) -> Iterator[int]:
        for record in records:
            if record == 3:
                raise ValueError("three")
            yield record

    stream = hr.stream(range(9)).map(abs).through(fail)
    cursor = stream.node.open(Run())
    assert cursor.read(5) == [0, 1, 2]
    for _ in range(2):
        with pytest.raises(ValueError, match="three") as caught:
            cursor.read(5)
        assert any(entry.name == "fail" for entry in caught.traceback)
        assert caught.value.__notes__ == ["headrace: in through(fail), epoch 0, after 3 records"]
    assert cursor.state()["turn"] == 3
    with pytest.raises(ValueError, match="three"):
        stream.node.open(Run(), cursor.state()).read(1)


def test_an_error_before_it_says_its_own_place() -> None:
    stream = hr.stream([1, 0]).map(lambda x: 1 // x).through(pairs)
    with pytest.raises(ZeroDivisionError) as caught:
        stream.collect()
    (note,) = caught.value.__notes__
    assert "position 1, index 1" in note


def test_behind_an_endless_stream_it_is_read_with_a_take() -> None:
    stream = hr.stream(range(3)).repeat().through(thirds)
    assert stream.is_infinite
    assert stream.take(3).collect() == [2, 2, 2]
    with pytest.raises(StreamError, match="never ends and cannot be collected"):
        stream.collect()


@pytest.mark.parametrize("gives", [None, 5, [1, 2], "ab"])
def test_a_function_that_gives_no_iterator_is_named(gives: Any) -> None:
    def fn(records: Any) -> Any:
        return gives

    with pytest.raises(StreamError, match=rf"through\(fn\) got {type(gives).__name__} from its .*"):
        hr.stream([1]).through(fn).collect()


def test_what_is_no_function_is_refused() -> None:
    message = "a function from an iterator to an iterator was expected, got .*without calling it"
    with pytest.raises(ArgumentError, match=message):
        hr.stream([1]).through(pairs(iter([])))  # type: ignore[arg-type]


def test_a_function_that_gives_fewer_records_after_a_resume_is_told() -> None:
    most = [3]
    loader = hr.DataLoader(
        hr.stream(range(9)).through(lambda records: itertools.islice(records, most[0]))
    )
    *_, state = [loader.state_dict() for _ in loader]
    most[0] = 1
    loader.load_state_dict(state)
    with pytest.raises(StateError, match="gave 3 records before .* only 1 when its epoch"):
        list(loader)


@pytest.mark.parametrize("changed", [{"turn": -1}, {"turn": True}, {"parents": [{}]}])
def test_a_state_of_another_kind_is_refused(changed: dict[str, Any]) -> None:
    loader = hr.DataLoader(hr.stream(range(9)).through(pairs))
    next(iter(loader))
    loader.load_state_dict({**loader.state_dict(), **changed})
    with pytest.raises(StateError, match=r"behind .through must say how many records it gave"):
        list(loader)
