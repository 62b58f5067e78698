"""`batch`: sizes, collates, the columns that are never taken apart, and bad input."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.testing import check_stage

# Any, in this file: batches hold whatever the records hold.


def batched(records: Iterator[int], size: int, *, drop_last: bool = False) -> Iterator[Any]:
    while batch := list(islice(records, size)):
        if len(batch) == size or not drop_last:
            yield np.array(batch)


@pytest.mark.parametrize("size", [1, 2, 3, 30])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batch_conforms(size: int, drop_last: bool) -> None:
    check_stage(
        lambda stream: stream.batch(size, drop_last=drop_last),
        lambda records: batched(records, size, drop_last=drop_last),
    )


@pytest.mark.parametrize("drop_last", [False, True])
def test_batch_after_a_filter_conforms(drop_last: bool) -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3 != 0).batch(4, drop_last=drop_last),
        lambda records: batched((x for x in records if x % 3), 4, drop_last=drop_last),
    )


def test_batch_of_batches_conforms() -> None:
    check_stage(
        lambda stream: stream.batch(2, collate="list").batch(3, collate="list"),
        lambda records: (
            [list(map(int, part)) for part in outer] for outer in iter_lists(batched(records, 2), 3)
        ),
    )


def iter_lists(records: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(records, size)):
        yield batch


@pytest.mark.parametrize("backend", [hr.Inline(), hr.Threads(2)])
def test_a_dropped_last_batch_of_columns_does_not_move_the_state(backend: Any) -> None:
    stream = hr.stream({"x": np.arange(10)}).batch(4, drop_last=True)
    with hr.DataLoader(stream, backend=backend) as loader:
        cuts = [loader.state_dict()["at"] for _ in loader]
    assert cuts == [1, 2]


def test_a_batch_of_a_user_sequence_is_whole_beyond_one_task() -> None:
    class Squares:
        def __len__(self) -> int:
            return 2500

        def __getitem__(self, index: int) -> int:
            return index

    stream = hr.DataRef.from_sequence(Squares()).stream().batch(3, collate="list").filter(bool)
    assert [x for batch in stream for x in batch] == list(range(2500))


def test_stack_keeps_the_tree_and_pad_fills_up_and_list_keeps_the_records() -> None:
    records = [{"x": np.ones(2), "s": "a"}, {"x": np.ones(3), "s": "b"}]
    padded = hr.stream(records).batch(2, collate="pad").collect()[0]
    assert padded["x"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert padded["s"] == ["a", "b"]
    assert hr.stream(records).batch(2, collate="list").collect() == [records]
    assert hr.stream([1, 2, 3]).batch(2, collate=sum).collect() == [3, 3]


def test_ragged_arrays_name_the_leaf_and_both_ways_out() -> None:
    records = [{"x": np.ones(2)}, {"x": np.ones(3)}]
    message = 'arrays of \'x\'.*shapes differ.*collate="pad".*collate="list"'
    with pytest.raises(RecordError, match=message) as caught:
        hr.stream(records).batch(2).collect()
    assert "in batch(2, drop_last=False, collate=stack) over" in caught.value.__notes__[0]


def test_arrays_of_different_lengths_are_joined_where_ragged_is_asked() -> None:
    stream = hr.stream([np.arange(n) for n in (1, 3, 2)])
    listed = stream.batch(2, collate="list")
    for joined in (
        stream.batch(2, collate="ragged"),
        listed.rebatch(2, collate="ragged"),
        listed.collate("ragged"),
    ):
        found: Any = joined.collect()
        assert [batch["offsets"].tolist() for batch in found] == [[0, 1, 4], [0, 2]]
        assert found[0]["values"].tolist() == [0, 0, 1, 2]


def test_s_b16_a_batch_of_none_is_refused_and_the_last_batch_is_kept() -> None:
    with pytest.raises(ArgumentError, match=r"batch size must be .* got 0. To keep records single"):
        hr.stream(range(7)).batch(0)
    last: Any = hr.stream(range(7)).batch(3).collect()[-1]
    assert last.tolist() == [6]


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "3", None])
def test_a_size_that_is_no_positive_number_is_refused(size: Any) -> None:
    with pytest.raises(ArgumentError, match=r"batch size must be .* at least 1, got .* leave out"):
        hr.stream([1]).batch(size)


def test_an_unknown_collate_lists_the_near_ones() -> None:
    with pytest.raises(ArgumentError, match=r"collate must be .* got 'stak'. Did you .* 'stack'"):
        hr.stream([1]).batch(2, collate="stak")  # type: ignore[call-overload]


def test_the_length_rounds_up_or_down() -> None:
    assert len(hr.stream(range(7)).batch(3)) == 3
    assert len(hr.stream(range(7)).batch(3, drop_last=True)) == 2
