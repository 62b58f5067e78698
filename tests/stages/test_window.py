"""`window`: as arithmetic on positions, beside the consumer, and at the ends of streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.testing import CountingSequence, check_stage, repr_of

# Any, in this file: records of every type.
SHAPES = [(1, 1, False), (3, 1, False), (3, 1, True), (3, 2, True), (2, 5, False), (2, 5, True)]


def windows(records: Iterator[Any], size: int, stride: int, partial: bool) -> Iterator[list[Any]]:
    """What `window` gives, as lazily as it can."""
    held: list[Any] = []
    skip = 0
    for record in records:
        if skip:
            skip -= 1
            continue
        held.append(record)
        if len(held) == size:
            yield list(held)
            skip = max(0, stride - size)
            del held[:stride]
    while partial and held:
        yield list(held)
        del held[:stride]


@pytest.mark.parametrize(("size", "stride", "partial"), SHAPES)
def test_windows_over_positions_conform(size: int, stride: int, partial: bool) -> None:
    # Each window is read when it is wanted, with the records that it shares with the last one.
    check_stage(
        lambda stream: stream.window(size, stride, partial=partial),
        lambda records: windows(records, size, stride, partial),
        slack=size * 24,
    )


@pytest.mark.parametrize(("size", "stride", "partial"), SHAPES)
def test_windows_beside_the_consumer_conform(size: int, stride: int, partial: bool) -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).window(size, stride, partial=partial),
        lambda records: windows((x for x in records if x % 3), size, stride, partial),
    )


def test_windows_of_windows_and_of_a_cut_conform() -> None:
    check_stage(
        lambda stream: stream.skip(1).window(3).window(2, 3, partial=True),
        lambda records: windows(windows(skipped(records), 3, 1, False), 2, 3, True),
    )


def skipped(records: Iterator[Any]) -> Iterator[Any]:
    next(records, None)
    return records


@given(st.integers(0, 30), st.integers(1, 8), st.integers(1, 8), st.booleans(), st.integers(1, 7))
def test_windows_are_those_of_a_list_in_reads_of_any_size(
    count: int, size: int, stride: int, partial: bool, portion: int
) -> None:
    expected = [list(range(count))[start : start + size] for start in range(0, count, stride)]
    expected = [window for window in expected if partial or len(window) == size]
    stream = hr.stream(range(count))
    for one in (stream, stream.filter(lambda x: True)):
        found = one.window(size, stride, partial=partial)
        assert found.collect() == expected
        with hr.DataLoader(found.batch(portion, collate="list")) as loader:
            assert [window for batch in loader for window in batch] == expected
    assert len(stream.window(size, stride, partial=partial)) == len(expected)


@pytest.mark.parametrize("build", [lambda s: s, lambda s: s.filter(lambda x: True)])
def test_s_b15_empty_streams_and_windows_of_none_are_given_as_they_are(
    build: Callable[[Any], Any],
) -> None:
    for partial in (False, True):
        assert build(hr.stream([])).window(2, partial=partial).collect() == []
    records = [1, None, None, None, 2, 3]
    assert build(hr.stream(records)).window(2).collect() == [
        [1, None],
        [None, None],
        [None, None],
        [None, 2],
        [2, 3],
    ]
    assert build(hr.stream([1, 2])).window(3).collect() == []
    assert build(hr.stream([1, 2])).window(3, partial=True).collect() == [[1, 2], [2]]


def test_windows_of_a_shuffled_dataset_are_neighbours_in_its_order_whatever_the_rank() -> None:
    ref = hr.DataRef.from_sequence(range(20)).shuffle(7)
    whole = ref.stream().collect()
    expected = [whole[start : start + 3] for start in range(18)]
    assert ref.stream().window(3).collect() == expected
    for rank in range(3):
        shared = ref.stream(shard_rank=rank, num_shards=3).window(3)
        assert shared.collect() == expected[rank::3]


def test_the_windows_of_one_read_read_each_record_once() -> None:
    source = CountingSequence(range(50))
    stream = hr.DataRef.from_sequence(source).stream().window(10)
    stream.batch(41, collate="list").collect()
    assert source.reads == list(range(50))


def test_windows_of_arrays_are_stacked_and_never_taken_apart() -> None:
    arrays = {"x": np.arange(12).reshape(6, 2), "y": np.arange(6, dtype=np.int8)}
    stream = hr.stream(arrays).window(3, collate="stack")
    late = hr.stream(arrays).filter(lambda x: True).window(3, collate="stack")
    assert repr_of(stream.collect()) == repr_of(late.collect())
    batch: Any = stream.batch(2).collect()[1]
    assert batch["x"].shape == (2, 3, 2)
    assert batch["y"].tolist() == [[2, 3, 4], [3, 4, 5]]


@pytest.mark.parametrize("collate", ["list", "stack", "pad", "ragged"])
@pytest.mark.parametrize("partial", [False, True])
def test_each_way_to_join_is_the_same_over_positions_and_beside_the_consumer(
    collate: Any, partial: bool
) -> None:
    records = [{"x": np.arange(2) + k, "s": str(k)} for k in range(5)]
    early = hr.stream(records).window(2, 2, partial=partial, collate=collate)
    late = hr.stream(records).filter(bool).window(2, 2, partial=partial, collate=collate)
    assert repr_of(early.collect()) == repr_of(late.collect())


def test_windows_of_a_zip_hold_its_tuples_and_windows_can_be_zipped() -> None:
    numbers, letters = hr.stream([1, 2, 3]), hr.stream(["a", "b", "c"])
    assert numbers.zip(letters).window(2).collect() == [
        [(1, "a"), (2, "b")],
        [(2, "b"), (3, "c")],
    ]
    assert numbers.window(2).zip(letters).collect() == [([1, 2], "a"), ([2, 3], "b")]
    assert numbers.window(2).concat(hr.stream([7, 8, 9]).window(3)).collect() == [
        [1, 2], [2, 3], [7, 8, 9],
    ]  # fmt: skip


def test_windows_of_an_endless_stream_go_on() -> None:
    assert hr.stream([1, 2]).repeat().window(3, 2).take(2).collect() == [[1, 2, 1], [1, 2, 1]]


def test_a_failing_record_resumes_at_the_begin_of_its_window() -> None:
    is_failing = [True]

    def step(x: int) -> int:
        if x == 4 and is_failing:
            is_failing.pop()
            raise ValueError("four")
        return x

    loader = hr.DataLoader(hr.stream(range(7)).map(step).window(3))
    found: list[Any] = []
    with pytest.raises(ValueError, match="four"):
        found.extend(loader)
    loader.load_state_dict(loader.state_dict())
    assert found + list(loader) == [[k, k + 1, k + 2] for k in range(5)]


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
def test_a_size_or_stride_below_one_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match=r"window size must be .* Give the number of records"):
        hr.stream([1]).window(bad)
    with pytest.raises(ArgumentError, match=r"window stride must be .* Give 1 to begin a window"):
        hr.stream([1]).window(2, bad)


@pytest.mark.parametrize("bad", [len, "stak"])
def test_a_way_to_join_without_a_name_is_refused(bad: Any) -> None:
    with pytest.raises(ArgumentError, match=r"must be the name of a way .* For a function, put"):
        hr.stream([1]).window(2, collate=bad)


@pytest.mark.parametrize("huge", [10**12, 10**30])
def test_windows_wider_than_the_dataset_cost_no_more_than_the_dataset(huge: int) -> None:
    stream = hr.stream(range(3))
    assert stream.window(huge).collect() == []
    assert stream.window(huge, partial=True).collect() == [[0, 1, 2], [1, 2], [2]]
    assert stream.window(2, huge).collect() == [[0, 1]]
