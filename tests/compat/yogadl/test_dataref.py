"""`DataRef.stream`: each row of what YogaDL's users rely on, and what they could not."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
import headrace.compat.yogadl as yogadl
from headrace.compat.yogadl.dataref import RecordsDataRef
from headrace.contracts.errors import ArgumentError

COUNT = 10


def numbers(count: int = COUNT) -> RecordsDataRef:
    return RecordsDataRef(hr.DataRef.from_sequence(range(count)))


def shuffled(keys: list[int], seed: int) -> list[int]:
    keys = list(keys)
    np.random.RandomState(seed).shuffle(keys)
    return keys


@given(
    size=st.integers(1, 30),
    offset=st.integers(0, 70),
    rank=st.integers(0, 4),
    more=st.integers(1, 4),
    shuffle=st.booleans(),
    skip=st.booleans(),
    drop=st.booleans(),
)
def test_a_stream_gives_what_yogadls_own_arithmetic_gives(
    size: int, offset: int, rank: int, more: int, shuffle: bool, skip: bool, drop: bool
) -> None:
    num_shards = rank + more
    if drop and size < num_shards:
        return
    keys = list(range(size - size % num_shards if drop else size))[rank::num_shards]
    stream = numbers(size).stream(offset, shuffle, skip, 9, rank, num_shards, drop)
    assert len(stream) == stream.length == len(keys)
    if not keys:
        assert list(stream) == []
        return

    first, start = divmod(offset, len(keys))
    for epoch in range(first, first + 3):
        seed = 9 if skip else 9 + epoch
        expected = shuffled(keys, seed) if shuffle else keys
        assert list(stream) == expected[start if epoch == first else 0 :]


def test_an_offset_beyond_an_epoch_begins_in_a_later_one() -> None:
    stream = numbers().stream(start_offset=25)

    assert [list(stream), list(stream)] == [[5, 6, 7, 8, 9], list(range(10))]


def test_y_b6_a_shard_without_records_is_an_empty_stream() -> None:
    stream = numbers(2).stream(shuffle=True, shuffle_seed=1, shard_rank=2, num_shards=3)

    assert (len(stream), list(stream), list(stream)) == (0, [], [])


def test_an_iterator_that_has_begun_is_an_epoch_of_its_own() -> None:
    stream = numbers().stream(start_offset=6)
    one, other = iter(stream), iter(stream)

    assert (next(other), next(one)) == (6, 0)
    assert (list(other), list(one)) == ([7, 8, 9], list(range(1, 10)))


def test_an_iterator_that_never_begins_uses_no_epoch() -> None:
    stream = numbers().stream(start_offset=6)
    iter(stream)

    assert list(stream) == [6, 7, 8, 9]


def test_y_b9_the_stream_behind_has_many_views_and_a_state() -> None:
    native = numbers().stream(start_offset=6, shuffle=True, shuffle_seed=777).native

    assert list(native) == list(native) == shuffled(list(range(10)), 777)[6:]
    with hr.DataLoader(native.batch(2)) as loader:
        next(iter(loader))
        state = loader.state_dict()
    with hr.DataLoader(native.batch(2)) as loader:
        loader.load_state_dict(state)
        assert [batch.tolist() for batch in loader] == [shuffled(list(range(10)), 777)[8:]]


def test_a_shuffle_of_each_epoch_needs_a_seed_and_0_is_one() -> None:
    with pytest.raises(ArgumentError, match=r"without shuffle_seed.*skip_shuffle_at_epoch_end"):
        numbers().stream(shuffle=True)
    assert list(numbers().stream(shuffle=True, shuffle_seed=0)) == shuffled(list(range(10)), 0)


def test_a_seed_without_a_shuffle_is_passed_over() -> None:
    assert list(numbers().stream(shuffle_seed=7)) == list(range(10))


def test_one_order_for_all_epochs_needs_no_seed() -> None:
    stream = numbers(50).stream(shuffle=True, skip_shuffle_at_epoch_end=True)
    first = list(stream)

    assert first == list(stream)
    assert sorted(first) == list(range(50))
    assert first != list(range(50))
    assert first != list(numbers(50).stream(shuffle=True, skip_shuffle_at_epoch_end=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start_offset": -1}, "start_offset must be a whole number of at least 0, got -1"),
        ({"shard_rank": 2, "num_shards": 2}, "rank 2 of a world of 2 does not exist"),
        ({"shard_rank": -1}, "rank must be a whole number of at least 0, got -1"),
        ({"num_shards": 0}, "world_size must be a whole number of at least 1, got 0"),
        ({"num_shards": 11, "drop_shard_remainder": True}, "too few records to give each of 11"),
        ({"shuffle": True, "shuffle_seed": -1}, "shuffle_seed must be a whole number"),
    ],
)
def test_what_a_stream_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        numbers().stream(**arguments)


def test_shards_are_shuffled_by_themselves_and_a_warning_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "headrace"):
        stream = numbers().stream(shuffle=True, shuffle_seed=7, num_shards=2)

    assert {number for _ in range(20) for number in stream} == {0, 2, 4, 6, 8}
    assert "each of 2 shards is shuffled by itself" in caplog.text
    assert "shuffle_globally=True" in caplog.text


def test_y_b1_a_rank_sees_every_record_where_the_shuffle_is_global(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "headrace"):
        ranks = [
            numbers().stream(
                shuffle=True,
                shuffle_seed=7,
                shard_rank=rank,
                num_shards=2,
                shuffle_globally=True,
            )
            for rank in range(2)
        ]
    epochs = [[list(stream) for stream in ranks] for _ in range(20)]

    assert all(sorted(one + other) == list(range(10)) for one, other in epochs)
    assert {number for one, _ in epochs for number in one} == set(range(10))
    assert caplog.text == ""


def test_a_stream_of_ones_own_is_a_function_and_a_length() -> None:
    stream = yogadl.Stream(lambda: iter([1, 2]), 2, "types", "shapes")

    assert (list(stream), list(stream), len(stream)) == ([1, 2], [1, 2], 2)
    assert (stream.output_types, stream.output_shapes) == ("types", "shapes")
    assert stream.native.map(str).collect() == ["1", "2"]
    assert yogadl.Stream(lambda: iter([1]), 1).output_types is None
    with pytest.raises(ArgumentError, match="iterator_fn must be a function that returns"):
        yogadl.Stream(iter([1]), 1)  # type: ignore[arg-type]


def test_a_dataref_of_ones_own_needs_both_methods() -> None:
    class Half(yogadl.DataRef):
        def __len__(self) -> int:
            return 1

    with pytest.raises(TypeError, match="abstract method '?stream"):
        Half()  # type: ignore[abstract]
