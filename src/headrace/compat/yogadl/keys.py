"""Lists of keys, shared out and shuffled as YogaDL does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from headrace.contracts.stage import Remainder
from headrace.orders import Part, Range

K = TypeVar("K")


def shard_keys(
    keys: Sequence[K],
    shard_index: int,
    num_shards: int,
    sequential: bool = False,
    drop_shard_remainder: bool = False,
) -> list[K]:
    """The keys of one shard: each `num_shards`-th, or a run of them where `sequential`.

    `drop_shard_remainder` first leaves out the last keys, so that all shards are equally long.

    Raises:
        ArgumentError: no such shard, or fewer keys than shards where the remainder is dropped.

    Example:
        >>> import headrace.compat.yogadl as yogadl
        >>> yogadl.shard_keys([0, 1, 2, 3, 4], 0, 2), yogadl.shard_keys(range(5), 0, 2, True)
        ([0, 2, 4], [0, 1, 2])
    """
    remainder: Remainder = "drop" if drop_shard_remainder else "keep"
    part = Part(Range(len(keys)), shard_index, num_shards, remainder)
    if drop_shard_remainder:
        keys = keys[: part.count(0) * num_shards]
    shard = sequential_shard if sequential else non_sequential_shard
    return shard(keys, shard_index, num_shards)


def sequential_shard(keys: Sequence[K], shard_index: int, num_shards: int) -> list[K]:
    """A run of keys, one longer in the first shards: together all of them, each once.

    Raises:
        ArgumentError: no such shard.
    """
    # It checks the shard.
    Part(Range(len(keys)), shard_index, num_shards)
    length, rest = divmod(len(keys), num_shards)
    start = length * shard_index + min(shard_index, rest)
    return list(keys[start : start + length + (shard_index < rest)])


def non_sequential_shard(keys: Sequence[K], shard_index: int, num_shards: int) -> list[K]:
    """The keys shard_index, shard_index + num_shards, ...

    Raises:
        ArgumentError: no such shard.
    """
    Part(Range(len(keys)), shard_index, num_shards)
    return list(keys[shard_index::num_shards])


def shuffle_keys(keys: list[K], seed: int | None = None) -> list[K]:
    """Shuffles the list itself by `RandomState(seed)`, and returns it.

    Example:
        >>> import headrace.compat.yogadl as yogadl
        >>> yogadl.shuffle_keys([0, 1, 2, 3, 4], seed=7)
        [0, 3, 2, 1, 4]
    """
    listed: Any = keys  # Any: NumPy's types know lists of numbers only
    # The legacy generator is what YogaDL's orders are defined by.
    np.random.RandomState(seed).shuffle(listed)
    return keys
