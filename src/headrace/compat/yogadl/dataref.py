"""The DataRefs of YogaDL: over what headrace stores, and over LMDB caches of YogaDL's own."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from headrace.compat.yogadl.core import DataRef
from headrace.compat.yogadl.generator import chosen_seed
from headrace.compat.yogadl.lmdb import LmdbAccess
from headrace.compat.yogadl.random_state import RandomStateShuffled
from headrace.compat.yogadl.stream import Epochs, Stream
from headrace.contracts.errors import NotFound, RecordError
from headrace.contracts.stage import Remainder
from headrace.dataref import DataRef as NativeDataRef
from headrace.orders import Part, Slice

__all__ = ["LMDBDataRef", "RecordsDataRef"]

# Any, in this file: records are of every type, and TensorFlow has no types.

logger = logging.getLogger("headrace")


class RecordsDataRef(DataRef):
    """What `fetch` gives: YogaDL's DataRef over a `headrace.DataRef`, its `native`.

    Example:
        >>> import headrace as hr
        >>> import headrace.compat.yogadl as yogadl
        >>> ref = yogadl.dataref.RecordsDataRef(hr.DataRef.from_sequence(range(10)))
        >>> stream = ref.stream(start_offset=5, shuffle=True, shuffle_seed=777)
        >>> list(stream), list(stream)
        ([5, 1, 9, 6, 7], [1, 7, 3, 9, 8, 2, 6, 0, 4, 5])
    """

    def __init__(
        self,
        native: NativeDataRef[Any],
        *,
        types: Callable[[], tuple[Any, Any]] | None = None,
    ) -> None:
        self.native = native
        self._types = types

    def __len__(self) -> int:
        return len(self.native)

    def __repr__(self) -> str:
        return f"RecordsDataRef({self.native!r})"

    def stream(  # noqa: PLR0913 - YogaDL's own arguments
        self,
        start_offset: int = 0,
        shuffle: bool = False,
        skip_shuffle_at_epoch_end: bool = False,
        shuffle_seed: int | None = None,
        shard_rank: int = 0,
        num_shards: int = 1,
        drop_shard_remainder: bool = False,
        *,
        shuffle_globally: bool = False,
    ) -> Stream:
        """Gives the records of one shard, shuffled as YogaDL shuffles them.

        `start_offset` counts records of this shard, and lies in a later epoch where it exceeds
        one. The shard is taken before the shuffle, so that it has the same records in every
        epoch, which is logged as a warning; with `shuffle_globally` the shuffle comes first.

        Raises:
            ArgumentError: a negative offset, no such shard, fewer records than shards where the
                remainder is dropped, or a shuffle of each epoch without a seed.
        """
        remainder: Remainder = "drop" if drop_shard_remainder else "keep"
        order = self.native.order
        part = Part(order, shard_rank, num_shards, remainder)
        if drop_shard_remainder and num_shards > 1:
            order = Slice(order, 0, part.count(0) * num_shards)
        if shuffle:
            seed = chosen_seed(shuffle_seed, reshuffles=not skip_shuffle_at_epoch_end)
            by_itself = 1 if shuffle_globally else num_shards
            order = RandomStateShuffled(order, seed, by_itself, not skip_shuffle_at_epoch_end)
            _tell(by_itself)
        ref: NativeDataRef[Any] = NativeDataRef(self.native.records, order)
        if num_shards > 1:
            ref = ref.shard(shard_rank, num_shards, remainder)
        return Stream(Epochs(ref.stream(start_offset), self._types), part.count(0))


class LMDBDataRef(DataRef):
    """The records of a `cache.mdb` that YogaDL wrote, read as they lie there.

    They are pickles, which `allow_pickle` says are trusted. `headrace submit cache.mdb NAME
    VERSION --allow-pickle` imports one for good.

    Raises:
        PickleRefused: `allow_pickle` was not said.
        ArgumentError: there is no database.
        MissingExtra: lmdb is not installed.
    """

    def __init__(
        self, cache_filepath: str | os.PathLike[str], *, allow_pickle: bool = False
    ) -> None:
        access = LmdbAccess(cache_filepath, allow_pickle=allow_pickle)
        native: NativeDataRef[Any] = NativeDataRef(access.records)
        self._ref = RecordsDataRef(native, types=lambda: _types_in(access))

    @property
    def native(self) -> NativeDataRef[Any]:
        """The `headrace.DataRef` over the same records."""
        return self._ref.native

    def __len__(self) -> int:
        return len(self._ref)

    def stream(  # noqa: PLR0913 - YogaDL's own arguments
        self,
        start_offset: int = 0,
        shuffle: bool = False,
        skip_shuffle_at_epoch_end: bool = False,
        shuffle_seed: int | None = None,
        shard_rank: int = 0,
        num_shards: int = 1,
        drop_shard_remainder: bool = False,
        *,
        shuffle_globally: bool = False,
    ) -> Stream:
        """Gives the records of one shard. See `RecordsDataRef.stream`."""
        return self._ref.stream(
            start_offset,
            shuffle,
            skip_shuffle_at_epoch_end,
            shuffle_seed,
            shard_rank,
            num_shards,
            drop_shard_remainder,
            shuffle_globally=shuffle_globally,
        )


def _types_in(access: LmdbAccess) -> tuple[Any, Any]:
    try:
        return access.get_types(), access.get_shapes()
    except (NotFound, RecordError):
        # Nobody wrote them, or they are classes of a TensorFlow that is not installed.
        return None, None


def _tell(num_shards: int) -> None:
    if num_shards > 1:
        logger.warning(
            "each of %d shards is shuffled by itself, as YogaDL does it, so that a rank has the "
            "same records in every epoch. Say stream(..., shuffle_globally=True) to shuffle the "
            "whole first, or use dataref.native.shuffle(seed).shard(rank, world_size).",
            num_shards,
        )
