"""Surgery on records: columns dropped, sliced, flattened, and an index added."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe

# Any, in this file: records and columns of every type.


@functional_datapipe("drop")
class Dropper(IterDataPipe[Any]):
    """Records without some of their columns: `stream.map`."""

    def __init__(self, datapipe: IterDataPipe[Any], indices: Hashable | list[Hashable]) -> None:
        self.datapipe = datapipe
        self.indices = set(indices) if isinstance(indices, list) else {indices}

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(Without(frozenset(self.indices)))


@functional_datapipe("slice")
class Slicer(IterDataPipe[Any]):
    """Records with some of their columns, a list or a slice: `stream.map`."""

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        index: int | list[Hashable],
        stop: int | None = None,
        step: int | None = None,
    ) -> None:
        if isinstance(index, list) and (stop or step):
            warnings.warn(
                "A list of indices was passed as well as a stop or step for the slice, these "
                "arguments can't be used together so only the indices list will be used.",
                stacklevel=2,
            )
        self.datapipe = datapipe
        self.index = index
        self.stop = stop
        self.step = step

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(Sliced(self.index, self.stop, self.step))


@functional_datapipe("flatten")
class Flattener(IterDataPipe[Any]):
    """Records with columns that hold several taken apart, one level: `stream.map`."""

    def __init__(
        self, datapipe: IterDataPipe[Any], indices: Hashable | list[Hashable] | None = None
    ) -> None:
        self.datapipe = datapipe
        self.indices = set(indices) if isinstance(indices, list) else {indices} - {None}

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.datapipe).map(Flattened(frozenset(self.indices)))


@functional_datapipe("add_index")
class IndexAdder(IterDataPipe[dict[str, Any]]):
    """Copies of dicts with their number: `stream.enumerate().map`."""

    def __init__(self, source_datapipe: IterDataPipe[Any], index_name: str = "index") -> None:
        self.source_datapipe = source_datapipe
        self.index_name = index_name

    def stream(self) -> hr.Stream[Any]:
        """`stream.enumerate().map`."""
        return stream_of(self.source_datapipe).enumerate().map(Numbered(self.index_name))


@dataclass(frozen=True)
class Without:
    """Gives a record without some columns."""

    columns: frozenset[Hashable]

    def __call__(self, record: Any) -> Any:
        _warn_of_missing(record, self.columns)
        if isinstance(record, dict):
            return {name: value for name, value in record.items() if name not in self.columns}
        if isinstance(record, list | tuple):
            kept = [value for at, value in enumerate(record) if at not in self.columns]
            return tuple(kept) if isinstance(record, tuple) else kept
        return _untouched(record)


@dataclass(frozen=True)
class Sliced:
    """Gives a record with some columns."""

    index: Any
    stop: int | None
    step: int | None

    def __call__(self, record: Any) -> Any:
        if isinstance(self.index, list):
            return self._chosen(record, self.index)
        if isinstance(record, list | tuple):
            return record[self.index : self.stop : self.step]
        if isinstance(record, dict) and self.index in record:
            return {self.index: record[self.index]}
        return _untouched(record)

    def _chosen(self, record: Any, columns: list[Hashable]) -> Any:
        _warn_of_missing(record, columns)
        if isinstance(record, dict):
            return {name: value for name, value in record.items() if name in columns}
        if isinstance(record, list | tuple):
            kept = [value for at, value in enumerate(record) if at in columns]
            return tuple(kept) if isinstance(record, tuple) else kept
        return _untouched(record)


@dataclass(frozen=True)
class Flattened:
    """Gives a record with columns taken apart, all of them where none are named."""

    columns: frozenset[Hashable]

    def __call__(self, record: Any) -> Any:
        _warn_of_missing(record, self.columns)
        if isinstance(record, dict):
            return self._dict(record)
        parts: list[Any] = []
        for at, value in enumerate(record):
            is_taken = isinstance(value, list | tuple) and self._takes(at)
            parts.extend(value if is_taken else [value])
        return tuple(parts) if isinstance(record, tuple) else parts

    def _dict(self, record: dict[Any, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for name, value in record.items():
            is_taken = isinstance(value, dict) and self._takes(name)
            for inner, part in value.items() if is_taken else [(name, value)]:
                # A name of the record itself counts more than one that comes up from below; of
                # those, the last one does.
                if inner in (record if is_taken else made):
                    warnings.warn(
                        "Flattener tried to insert the same key twice into the dict item, "
                        "the second key,value pair has been dropped.",
                        stacklevel=2,
                    )
                else:
                    made[inner] = part
        return made

    def _takes(self, column: Hashable) -> bool:
        return not self.columns or column in self.columns


@dataclass(frozen=True)
class Numbered:
    """Gives a dict with its number."""

    name: str

    def __call__(self, numbered: tuple[int, Any]) -> dict[str, Any]:
        number, record = numbered
        if not isinstance(record, dict):
            raise NotImplementedError(
                "We only support adding index to row or batch in dict type, got "
                f"{type(record).__name__}. For other records use .enumerate()."
            )
        return {**record, self.name: number}


def _warn_of_missing(record: Any, columns: Collection[Any]) -> None:
    is_dict = isinstance(record, dict)
    if is_dict or isinstance(record, list | tuple):
        known = record if is_dict else range(-len(record), len(record))
        if not all(column in known for column in columns):
            warnings.warn(
                "At least one index in the filter is not present in the item being returned, "
                "please be aware that expected columns/keys may be missing.",
                stacklevel=2,
            )


def _untouched(record: Any) -> Any:
    warnings.warn(
        "The next item was not an iterable and cannot be filtered, "
        "please be aware that no filter was done or new item created.",
        stacklevel=2,
    )
    return record
