"""Lists of keys, and the generator over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
import headrace.compat.yogadl as yogadl
from headrace.contracts.errors import ArgumentError

SIZES, WORLDS = st.integers(0, 40), st.integers(1, 9)


@given(SIZES, WORLDS)
def test_y_b5_sequential_shards_are_the_whole_exactly_once(size: int, num_shards: int) -> None:
    keys = [b"%08d" % n for n in range(size)]
    shards = [yogadl.sequential_shard(keys, rank, num_shards) for rank in range(num_shards)]

    assert [key for shard in shards for key in shard] == keys
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@given(SIZES, WORLDS, st.booleans(), st.booleans())
def test_shards_are_strided_or_runs_of_what_is_left(
    size: int, num_shards: int, sequential: bool, drop: bool
) -> None:
    if drop and size < num_shards:
        return
    keys = list(range(size))
    left = keys[: size - size % num_shards] if drop else keys
    shards = [
        yogadl.shard_keys(keys, rank, num_shards, sequential, drop) for rank in range(num_shards)
    ]

    if sequential:
        assert [key for shard in shards for key in shard] == left
    else:
        assert shards == [left[rank::num_shards] for rank in range(num_shards)]
    assert not drop or len({len(shard) for shard in shards}) == 1


def test_shards_that_cannot_be_are_refused() -> None:
    with pytest.raises(ArgumentError, match="rank must be a whole number of at least 0, got -1"):
        yogadl.shard_keys([1, 2], -1, 2)
    with pytest.raises(ArgumentError, match="rank 2 of a world of 2 does not exist"):
        yogadl.non_sequential_shard([1, 2], 2, 2)
    with pytest.raises(ArgumentError, match="rank 2 of a world of 2 does not exist"):
        yogadl.sequential_shard([1, 2], 2, 2)
    with pytest.raises(ArgumentError, match="too few records to give each of 3 ranks one"):
        yogadl.shard_keys([1, 2], 0, 3, drop_shard_remainder=True)


def test_keys_are_shuffled_in_place_as_the_legacy_generator_does_it() -> None:
    keys, expected = list("abcdefgh"), list("abcdefgh")
    np.random.RandomState(3).shuffle(expected)

    assert yogadl.shuffle_keys(keys, 3) is keys
    assert keys == expected
    assert sorted(yogadl.shuffle_keys(list("abc"))) == ["a", "b", "c"]


def generator(
    keys: Any, offset: int = 0, shuffle: bool = True, again: bool = True, seed: int | None = 777
) -> yogadl.GeneratorFromKeys:
    return yogadl.GeneratorFromKeys(keys, offset, lambda key: key, shuffle, again, seed)


def test_each_call_is_the_next_epoch_and_the_offset_applies_once() -> None:
    begun = generator(range(10), 5)

    assert list(begun.instantiate_generator()) == [5, 1, 9, 6, 7]
    assert list(begun.instantiate_generator()) == [1, 7, 3, 9, 8, 2, 6, 0, 4, 5]


def test_nothing_is_read_that_was_not_asked_for() -> None:
    read: list[int] = []
    begun = yogadl.GeneratorFromKeys(
        range(100), 3, lambda key: read.append(key), False, False, None
    )
    records = begun.instantiate_generator()

    assert read == []
    next(records)
    next(records)
    assert read == [3, 4]


def test_a_stream_over_a_generator_can_be_resumed() -> None:
    stream = yogadl.Stream(generator(range(40)).instantiate_generator, 40)
    batches = stream.native.batch(8)
    with hr.DataLoader(batches) as loader:
        first = next(iter(loader)).tolist()
        state = loader.state_dict()
    with hr.DataLoader(batches, backend=hr.Threads(2)) as loader:
        loader.load_state_dict(state)
        rest = [number for batch in loader for number in batch.tolist()]

    assert first + rest == list(stream)


def test_a_generator_that_cannot_be_is_refused() -> None:
    with pytest.raises(ArgumentError, match="start_offset must be a whole number .* got -1"):
        generator(range(3), -1)
    with pytest.raises(ArgumentError, match="without shuffle_at_start=True"):
        generator(range(3), shuffle=False)
    with pytest.raises(ArgumentError, match=r"without shuffle_seed.*Say shuffle_seed=7"):
        generator(range(3), seed=None)
    assert sorted(generator(range(3), again=False, seed=None).instantiate_generator()) == [0, 1, 2]
