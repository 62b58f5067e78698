"""`in_memory_cache`: one pass kept for those after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import StreamError, whole
from headrace.kept.memory import MemoryRecords
from headrace.sources.sizes import size_of

# Any, in this file: records of every type.
MIB = 2**20
# Enough that looking after a block costs nothing a record.
BLOCK = 64


@functional_datapipe("in_memory_cache")
class InMemoryCacheHolder(IterDataPipe[Any]):
    """The records of the first whole pass, in every pass: `stream.through`.

    Whoever reads them gets copies. With `size`, in MiB, a pass whose records are larger is not
    kept and is made each time. One cache serves the workers of a loader: it is beside the
    consumer. `stream.cache()` is headrace's own, and follows seeds and epochs.

    Raises:
        ArgumentError: `size` is below 1.
    """

    def __init__(self, source_dp: IterDataPipe[Any], size: int | None = None) -> None:
        self.source_dp = source_dp
        remedy = "Leave it out for a cache without bounds."
        self.size = None if size is None else whole("size", size, least=1, remedy=remedy)
        self.memory = Memory()

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        bound = None if self.size is None else self.size * MIB
        return stream_of(self.source_dp).through(Remembered(self.memory, bound))

    def __len__(self) -> int:
        try:
            return len(self.source_dp)
        except TypeError as error:
            if self.memory.records is not None:
                return self.memory.count
            raise StreamError(
                "InMemoryCacheHolder instance doesn't have valid length until the cache is "
                "loaded. Read it once, or say it by .set_length(n) before."
            ) from error


@dataclass
class Memory:
    """What was kept; it stays in its process."""

    records: MemoryRecords | None = field(default=None, repr=False)
    count: int = 0

    def __reduce__(self) -> tuple[type[Memory], tuple[()]]:
        return Memory, ()


@dataclass(frozen=True)
class Remembered:
    """Gives what is kept, else what comes, which it keeps."""

    memory: Memory
    bound: int | None

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        if self.memory.records is None:
            yield from self._kept(records)
            return
        for start in range(0, self.memory.count, BLOCK):
            yield from self.memory.records.read(start, min(BLOCK, self.memory.count - start))

    def _kept(self, records: Iterator[Any]) -> Iterator[Any]:
        keeping: MemoryRecords | None = MemoryRecords()
        count = size = 0
        for record in records:
            if self.bound is not None:
                size += size_of(record)
                keeping = keeping if size <= self.bound else None
            if keeping is not None:
                keeping.add([record])
            count += 1
            yield record
        if keeping is not None:
            keeping.settle()
            self.memory.records, self.memory.count = keeping, count
