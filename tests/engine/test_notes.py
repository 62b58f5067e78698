"""Notes on errors: at most one, and bounded."""

from __future__ import annotations

import pytest

import headrace as hr


def test_a_note_shows_eight_indices_of_a_large_unit() -> None:
    def fail(x: int) -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        hr.stream(range(5000)).map(fail).batch(1000).collect()
    (note,) = caught.value.__notes__
    assert note.endswith("positions 0 to 999, indices [0, 1, 2, 3, 4, 5, 6, 7]")


def test_a_stream_inside_a_function_keeps_its_own_note() -> None:
    def fail(x: int) -> int:
        raise ValueError("inner")

    def outer(x: int) -> list[int]:
        return hr.stream([x]).map(fail).collect()

    with pytest.raises(ValueError, match="inner") as caught:
        hr.stream(range(5)).map(outer).collect()
    (note,) = caught.value.__notes__
    assert note.startswith("headrace: in map(fail)#0 over list[1]")


@pytest.mark.parametrize("batch_first", [False, True])
def test_loops_of_equal_kind_are_told_apart(batch_first: bool) -> None:
    def first(x: int) -> int:
        if x == 5 and not batch_first:
            raise ValueError("five")
        return x

    def second(batch: list[int]) -> list[int]:
        if 5 in batch and batch_first:
            raise ValueError("five")
        return batch

    stream = hr.stream(range(8)).map(first).batch(2, collate="list").map(second)
    with pytest.raises(ValueError, match="five") as caught:
        stream.collect()
    name = "second)#2" if batch_first else "first)#0"
    assert f"in map({name} over" in caught.value.__notes__[0]
