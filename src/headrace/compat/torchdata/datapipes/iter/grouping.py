"""Records of one key together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.chunk import DataChunk
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError, StreamError, whole

# Any, in this file: records and keys of every type.
BUFFER_REMEDY = "Leave it out for 10,000."


@functional_datapipe("groupby")
class Grouper(IterDataPipe[Any]):
    """Records of one key as `DataChunk`, from a buffer: `stream.through`.

    A group is given when it has `group_size` records, when the buffer is full and it is the
    largest, or at the end. `stream.group_by` is headrace's own, and has windows for a buffer.

    Raises:
        ArgumentError: a size is below 1 or larger than what it is part of.
        StreamError: when it is read, the buffer is full of groups that are too small.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        group_key_fn: Callable[[Any], Hashable],
        *,
        keep_key: bool = False,
        buffer_size: int = 10000,
        group_size: int | None = None,
        guaranteed_group_size: int | None = None,
        drop_remaining: bool = False,
    ) -> None:
        buffer = whole("buffer_size", buffer_size, least=1, remedy=BUFFER_REMEDY)
        _check_at_most("group_size", group_size, "buffer_size", buffer)
        if guaranteed_group_size is not None:
            _check_at_most("guaranteed_group_size", guaranteed_group_size, "group_size", group_size)
        self.datapipe = datapipe
        least = group_size if guaranteed_group_size is None else guaranteed_group_size
        self.groups = Groups(group_key_fn, keep_key, buffer, group_size, least, drop_remaining)

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        return stream_of(self.datapipe).through(self.groups)


@dataclass(frozen=True)
class Groups:
    """Gives the groups of records."""

    key: Callable[[Any], Hashable]
    keep_key: bool
    buffer: int
    size: int | None
    least: int | None
    drop_remaining: bool

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        groups: dict[Hashable, list[Any]] = {}
        held = 0
        for record in records:
            key = self.key(record)
            group = groups.setdefault(key, [])
            group.append(record)
            held += 1
            if len(group) == self.size:
                held -= len(group)
                yield self._given(key, groups.pop(key))
            if held == self.buffer:
                key, group = self._largest(groups)
                held -= len(group)
                if self.least is None or len(group) >= self.least:
                    yield self._given(key, group)
        for key, group in groups.items():
            yield self._given(key, group)

    def _largest(self, groups: dict[Hashable, list[Any]]) -> tuple[Hashable, list[Any]]:
        key = max(groups, key=lambda one: len(groups[one]))
        if self.least is not None and len(groups[key]) < self.least and not self.drop_remaining:
            raise StreamError(
                f"Failed to group items: {self.buffer} records are in the buffer, and the largest "
                f"group has {len(groups[key])} of the {self.least} that are guaranteed. Raise "
                "buffer_size, lower guaranteed_group_size, or pass drop_remaining=True."
            )
        return key, groups.pop(key)

    def _given(self, key: Hashable, group: list[Any]) -> Any:
        return (key, DataChunk(group)) if self.keep_key else DataChunk(group)


def _check_at_most(name: str, size: int | None, of: str, whole_size: int | None) -> None:
    if size is not None and (whole_size is None or not 0 < size <= whole_size):
        raise ArgumentError(
            f"{name} must be > 0 and <= {of}, got {size!r} with {of}={whole_size!r}. "
            f"Lower it, or raise {of}."
        )
