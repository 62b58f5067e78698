"""`bucket`: batches of records of like lengths."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from headrace.contracts.errors import ArgumentError, RecordError, whole
from headrace.stages.batch import Collate, check_collate, collator
from headrace.stages.naming import plain_name_of
from headrace.stages.shuffle import Shuffle

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Bucket:
    """Groups records of like lengths into batches of `batch_size`, so that little is padded.

    It works within aligned windows of `window` positions. `key(record)` is a record's length.
    With `boundaries`, such as `[128, 512]`, records of up to 128, of 129 to 512 and of more than
    512 are batched apart, in the order in which they come; without, the records of a window are
    sorted by length. The batches of a window come in random order, another in each epoch and the
    same in every run. What does not fill a batch at the end of a window is a shorter batch, left
    out with `drop_last`: take a window of many batches. To pad to fixed lengths, pass
    `collate="list"` and put `.pad(...)` behind.

    **Shape**: that of `batch`. **Length**: not known. **State**: outputs delivered of the current
    window. **Cost** of a resume: one window; the first batch waits for its whole window.

    Raises:
        ArgumentError: `batch_size` or `window` is below 1, `boundaries` do not rise, or `collate`
            is unknown.
        RecordError: `key` gives no whole number; records cannot be collated.

    Example:
        >>> import headrace as hr
        >>> words = hr.stream(["a", "cherry", "b", "banana", "c"])
        >>> sorted(words.bucket(2, window=5).collect())
        [['a', 'b'], ['banana'], ['c', 'cherry']]
    """

    batch_size: int
    window: int
    key: Callable[[Any], int] = len
    boundaries: Sequence[int] | None = None
    collate: Collate = "pad"
    drop_last: bool = False

    def __post_init__(self) -> None:
        remedy = "Give the number of records in a batch."
        whole("batch size", self.batch_size, least=1, remedy=remedy)
        remedy = "Give the number of positions to sort, such as 100 batches' worth."
        whole("the window of bucket", self.window, least=1, remedy=remedy)
        check_collate(self.collate)
        plain_name_of(self.key)
        if self.boundaries is not None:
            object.__setattr__(self, "boundaries", _rising(self.boundaries))

    def __str__(self) -> str:
        collate = self.collate if isinstance(self.collate, str) else "function"
        boundaries = None if self.boundaries is None else list(self.boundaries)
        return (
            f"bucket({self.batch_size}, window={self.window}, boundaries={boundaries}, "
            f"collate={collate}, drop_last={self.drop_last})"
        )

    @property
    def seed(self) -> int:
        # Which batch comes first is of little weight: no user has to give a seed for it.
        return 0

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    def regroup(self, records: list[Any], key: bytes) -> list[Any]:
        size, join = self.batch_size, collator(self.collate)
        batches = [
            bucket[start : start + size]
            for bucket in self._buckets(records)
            for start in range(0, len(bucket), size)
        ]
        if self.drop_last:
            batches = [batch for batch in batches if len(batch) == size]
        return [join(batch) for batch in Shuffle(self.window).regroup(batches, key)]

    def _buckets(self, records: list[Any]) -> list[list[Any]]:
        lengths = [_whole_length(self.key(record)) for record in records]
        if self.boundaries is None:
            order = sorted(range(len(records)), key=lengths.__getitem__)
            return [[records[place] for place in order]]
        buckets: list[list[Any]] = [[] for _ in range(len(self.boundaries) + 1)]
        for record, length in zip(records, lengths, strict=True):
            buckets[bisect_left(self.boundaries, length)].append(record)
        return buckets


def _whole_length(length: Any) -> int:
    try:
        return operator.index(length)
    except TypeError:
        raise RecordError(
            f"bucket's key gave {length!r} for a record. Its length, a whole number, was "
            "expected. Pass a function such as key=lambda record: len(record['tokens'])."
        ) from None


def _rising(boundaries: Any) -> tuple[int, ...]:
    remedy = "Give lengths, such as [128, 512]."
    given = tuple(boundaries) if isinstance(boundaries, Iterable) else ()
    lengths = tuple(whole("a boundary of bucket", one, least=0, remedy=remedy) for one in given)
    if not lengths or any(low >= high for low, high in pairwise(lengths)):
        raise ArgumentError(
            f"the boundaries of bucket must be lengths that rise, got {boundaries!r}. Sort "
            "them and name each once; leave them out to sort each window by length."
        )
    return lengths
