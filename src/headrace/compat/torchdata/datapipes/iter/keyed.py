"""Records joined by keys with those of another pipe."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, MapDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.parents import is_pipe
from headrace.contracts.errors import ArgumentError, NotFound, StreamError, whole

# Any, in this file: records and keys of every type.


@functional_datapipe("zip_with_iter")
class IterKeyZipper(IterDataPipe[Any]):
    """Pairs of a record and another pipe's of the same key: `stream.through`.

    Those of the other that are not yet wanted wait in a buffer.

    Raises:
        ArgumentError: `buffer_size` is below 1; when it is read, a key comes twice.
        StreamError: the other is no pipe.
        BufferError: when it is read, there is no record with a key.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        ref_datapipe: IterDataPipe[Any],
        key_fn: Callable[[Any], Hashable],
        ref_key_fn: Callable[[Any], Hashable] | None = None,
        keep_key: bool = False,
        buffer_size: int | None = 10000,
        merge_fn: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        if not is_pipe(ref_datapipe) or isinstance(ref_datapipe, MapDataPipe):
            raise StreamError(
                f"ref_datapipe must be a IterDataPipe, but its type is {type(ref_datapipe)}. "
                "For a MapDataPipe use .zip_with_map."
            )
        if buffer_size is not None:
            remedy = "None is one without bounds."
            buffer_size = whole("'buffer_size'", buffer_size, least=1, remedy=remedy)
        self.source_datapipe = source_datapipe
        self.ref_datapipe = ref_datapipe
        self.keys = key_fn, ref_key_fn or key_fn
        self.keep_key = keep_key
        self.buffer_size = buffer_size
        self.merge_fn = merge_fn

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        joined = Joined(self.keep_key, self.merge_fn)
        met = Met(self.ref_datapipe, *self.keys, self.buffer_size, joined)
        return stream_of(self.source_datapipe).through(met)

    def __len__(self) -> int:
        return len(self.source_datapipe)


@functional_datapipe("zip_with_map")
class MapKeyZipper(IterDataPipe[Any]):
    """Pairs of a record and what a MapDataPipe has under its key: `stream.map`.

    Raises:
        StreamError: the other is no MapDataPipe.
        NotFound: when it is read, it has no such key.
    """

    def __init__(
        self,
        source_iterdatapipe: IterDataPipe[Any],
        map_datapipe: MapDataPipe[Any],
        key_fn: Callable[[Any], Any],
        merge_fn: Callable[[Any, Any], Any] | None = None,
        keep_key: bool = False,
    ) -> None:
        if not isinstance(map_datapipe, MapDataPipe):
            raise StreamError(
                f"map_datapipe must be a MapDataPipe, but its type is {type(map_datapipe)}. "
                "For an IterDataPipe use .zip_with_iter."
            )
        self.source_iterdatapipe = source_iterdatapipe
        self.map_datapipe = map_datapipe
        self.key_fn = key_fn
        self.joined = Joined(keep_key, merge_fn)

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        found = Found(self.map_datapipe, self.key_fn, self.joined)
        return stream_of(self.source_iterdatapipe).map(found)


@dataclass(frozen=True)
class Joined:
    """Gives two records of one key as one."""

    keep_key: bool
    merge: Callable[[Any, Any], Any] | None

    def __call__(self, key: Any, record: Any, other: Any) -> Any:
        both = (record, other) if self.merge is None else self.merge(record, other)
        return (key, both) if self.keep_key else both


@dataclass(frozen=True)
class Found:
    """Gives a record with what a MapDataPipe has under its key."""

    others: MapDataPipe[Any]
    key: Callable[[Any], Any]
    joined: Joined

    def __call__(self, record: Any) -> Any:
        key = self.key(record)
        try:
            other = self.others[key]
        except (KeyError, IndexError) as error:
            raise NotFound(
                f"key_fn maps {record!r} to {key!r}, which is not a valid key in the given "
                "MapDataPipe. Leave such records out by .filter before."
            ) from error
        return self.joined(key, record, other)


@dataclass(frozen=True)
class Met:
    """Gives records with another pipe's, which is drawn until each key is met."""

    others: IterDataPipe[Any]
    key: Callable[[Any], Hashable]
    other_key: Callable[[Any], Hashable]
    most: int | None
    joined: Joined

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        waiting: dict[Hashable, Any] = {}
        others = iter(self.others)
        for record in records:
            key = self.key(record)
            while key not in waiting:
                self._draw(others, waiting, record)
            yield self.joined(key, record, waiting.pop(key))

    def _draw(self, others: Iterator[Any], waiting: dict[Hashable, Any], record: Any) -> None:
        try:
            other = next(others)
        except StopIteration:
            raise BufferError(
                "No matching key can be found from reference DataPipe for the data "
                f"{record!r}. Please consider increasing the buffer size."
            ) from None
        key = self.other_key(other)
        if key in waiting:
            raise ArgumentError(
                f"Duplicate key is found in reference DataPipe: {key!r}, of {other!r}. Each key "
                "was expected once. Leave doubles out by .filter."
            )
        if self.most is not None and len(waiting) >= self.most:
            warnings.warn(
                "Buffer reaches the upper limit, so reference key-data pair begins to be removed "
                "from buffer in FIFO order. Please consider increase buffer size.",
                stacklevel=2,
            )
            waiting.pop(next(iter(waiting)))
        waiting[key] = other
