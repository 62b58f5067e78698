"""Batches of records of like lengths, and batches shuffled inside."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.chunk import DataChunk
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.batching import Batcher, UnBatcher
from headrace.compat.torchdata.datapipes.iter.mapping import Mapper
from headrace.compat.torchdata.datapipes.iter.shuffling import Shuffler
from headrace.contracts.errors import ArgumentError, whole

# Any, in this file: records of every type.


@functional_datapipe("in_batch_shuffle")
class InBatchShuffler(IterDataPipe[DataChunk[Any]]):
    """Batches with their records in a random order: `stream.map(..., seeded=True)`."""

    def __init__(self, datapipe: IterDataPipe[Any]) -> None:
        self.datapipe = datapipe
        self._enabled = True

    def set_shuffle(self, shuffle: bool = True) -> InBatchShuffler:
        """Whether it shuffles."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed: int) -> InBatchShuffler:
        """The seed of the next iteration."""
        self._seed = seed
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.map(..., seeded=True)`."""
        source = stream_of(self.datapipe)
        return source.map(permuted, seeded=True, seed=self._seed) if self._enabled else source


@functional_datapipe("bucketbatch")
class BucketBatcher(IterDataPipe[DataChunk[Any]]):
    """Batches of records that `sort_key` has sorted, in a random order.

    It sorts bucket by bucket: a chain of `batch`, `in_batch_shuffle` or `shuffle`, and `unbatch`.
    `stream.bucket` is headrace's own.

    Raises:
        ArgumentError: a number is below 1.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        batch_size: int,
        drop_last: bool = False,
        batch_num: int = 100,
        bucket_num: int = 1,
        sort_key: Callable[[list[Any]], list[Any]] | None = None,
        use_in_batch_shuffle: bool = True,
    ) -> None:
        remedy = "Leave it out for one bucket of 100 batches."
        batch_size = whole("batch_size", batch_size, least=1, remedy="1 is a batch of one record.")
        bucket = batch_size * whole("batch_num", batch_num, least=1, remedy=remedy)
        pool = bucket * whole("bucket_num", bucket_num, least=1, remedy=remedy)
        made: IterDataPipe[Any] = datapipe
        if bucket_num > 1 or sort_key is None:
            made = _shuffled(made, pool, pool, use_in_batch_shuffle)
        if sort_key is not None:
            made = UnBatcher(Mapper(Batcher(made, bucket), sort_key))
        made = Batcher(made, batch_size, drop_last)
        if sort_key is not None:
            made = _shuffled(made, bucket_num, bucket, use_in_batch_shuffle)
        self.datapipe = made

    def stream(self) -> hr.Stream[Any]:
        """The chain."""
        return self.datapipe.stream()


@functional_datapipe("max_token_bucketize")
class MaxTokenBucketizer(IterDataPipe[DataChunk[Any]]):
    """Batches of at most `max_token_count` in all: `stream.through`.

    The shortest of a buffer come first. Records outside of [`min_len`, `max_len`] are left out.

    Raises:
        ArgumentError: a length or number is out of its range.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        max_token_count: int,
        len_fn: Callable[[Any], int] = len,
        min_len: int = 0,
        max_len: int | None = None,
        buffer_size: int = 1000,
        include_padding: bool = False,
    ) -> None:
        longest = max_token_count if max_len is None else max_len
        if not 0 <= min_len <= longest <= max_token_count:
            raise ArgumentError(
                f"``max_token_count`` must be equal to or greater than ``max_len``, and that "
                f"equal to or larger than ``min_len`` and 0, got {max_token_count}, {longest} "
                f"and {min_len}. Records that are too long are left out by max_len."
            )
        remedy = "Leave it out for 1,000."
        buffer = whole("'buffer_size'", buffer_size, least=1, remedy=remedy)
        self.datapipe = datapipe
        self.tokens = Tokens(max_token_count, len_fn, min_len, longest, buffer, include_padding)

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        return stream_of(self.datapipe).through(self.tokens)


@dataclass(frozen=True)
class Tokens:
    """Gives batches of bounded length."""

    most: int
    length: Callable[[Any], int]
    shortest: int
    longest: int
    buffer: int
    include_padding: bool

    def __call__(self, records: Iterator[Any]) -> Iterator[DataChunk[Any]]:
        batch: list[Any] = []
        total = widest = 0
        for length, record in self._by_length(records):
            widest = max(widest, length)
            after = (len(batch) + 1) * widest if self.include_padding else total + length
            if after > self.most:
                yield DataChunk(batch)
                batch, after, widest = [], length, length
            batch.append(record)
            total = after
        if batch:
            yield DataChunk(batch)

    def _by_length(self, records: Iterator[Any]) -> Iterator[tuple[int, Any]]:
        """The records from a bounded heap; of equals the first to come is first."""
        heap: list[tuple[int, int, Any]] = []
        arrivals = count()
        for record in records:
            length = self.length(record)
            if not self.shortest <= length <= self.longest:
                continue
            heapq.heappush(heap, (length, next(arrivals), record))
            if len(heap) == self.buffer:
                length, _, record = heapq.heappop(heap)
                yield length, record
        while heap:
            length, _, record = heapq.heappop(heap)
            yield length, record


def permuted(batch: list[Any], draws: np.random.Generator) -> DataChunk[Any]:
    """The records of a batch in a random order."""
    return DataChunk([batch[at] for at in draws.permutation(len(batch)).tolist()])


def _shuffled(
    pipe: IterDataPipe[Any], together: int, buffer: int, is_in_batch: bool
) -> IterDataPipe[Any]:
    if is_in_batch:
        return UnBatcher(InBatchShuffler(Batcher(pipe, together)))
    return Shuffler(pipe, buffer_size=buffer)
