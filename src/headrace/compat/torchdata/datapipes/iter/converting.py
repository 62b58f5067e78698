"""From MapDataPipes to IterDataPipes and back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, MapDataPipe
from headrace.contracts.errors import ArgumentError, StreamError

# Any, in this file: records and keys of every type.


class MapToIterConverter(IterDataPipe[Any]):
    """The records of a MapDataPipe, of all its indices or some: `hr.stream`.

    Raises:
        StreamError: it is no MapDataPipe.
    """

    def __init__(self, datapipe: MapDataPipe[Any], indices: Sequence[Any] | None = None) -> None:
        if not isinstance(datapipe, MapDataPipe):
            raise StreamError(
                f"MapToIterConverter can only apply on MapDataPipe, but found {type(datapipe)}. "
                "Wrap a sequence in SequenceWrapper(...)."
            )
        self.datapipe = datapipe
        self.indices = indices

    def stream(self) -> hr.Stream[Any]:
        """`hr.stream` of the records."""
        if self.indices is None:
            return self.datapipe.stream()
        return hr.stream(Chosen(self.datapipe, self.indices))

    def __len__(self) -> int:
        return len(self.datapipe if self.indices is None else self.indices)


class MapShuffler(IterDataPipe[Any]):
    """The records of a MapDataPipe in a random order: `stream.shuffle`."""

    def __init__(self, datapipe: MapDataPipe[Any], *, indices: Sequence[Any] | None = None) -> None:
        self.datapipe = MapToIterConverter(datapipe, indices)
        self._enabled = True

    def set_shuffle(self, shuffle: bool = True) -> MapShuffler:
        """Whether it shuffles."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed: int) -> MapShuffler:
        """The seed of the next iteration."""
        self._seed = seed
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.shuffle`."""
        source = self.datapipe.stream()
        if not self._enabled:
            return source
        return source.shuffle(max(1, len(self.datapipe)), self._seed)


class IterToMapConverter(MapDataPipe[Any]):
    """The records of an IterDataPipe by keys; the first question reads all.

    `key_value_fn` gives a key and a value of a record; without it records are such pairs.

    Raises:
        StreamError: it is no IterDataPipe.
        ArgumentError: when it is read, a record that is no pair.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        key_value_fn: Callable[[Any], tuple[Any, Any]] | None = None,
    ) -> None:
        if not isinstance(datapipe, IterDataPipe):
            raise StreamError(
                f"IterToMapConverter can only apply on IterDataPipe, but found {type(datapipe)}. "
                "Wrap an iterable in IterableWrapper(...)."
            )
        self.datapipe = datapipe
        self.key_value_fn = key_value_fn
        self._records: dict[Any, Any] | None = None

    def __getitem__(self, index: Any) -> Any:
        records = self._loaded()
        if index not in records:
            raise IndexError(
                f"Index {index!r} is invalid for IterToMapConverter: {len(records)} keys are "
                "there. Ask for one of them."
            )
        return records[index]

    def __len__(self) -> int:
        if self._records is None:
            try:
                return len(self.datapipe)
            except (TypeError, NotImplementedError):
                pass
        return len(self._loaded())

    def _loaded(self) -> dict[Any, Any]:
        if self._records is None:
            self._records = {}
            for record in self.datapipe:
                key, value = self._pair(record)
                if key in self._records:
                    warnings.warn(
                        f"Found duplicate key {key}. Please check your `key_value_fn`",
                        stacklevel=2,
                    )
                self._records[key] = value
        return self._records

    def _pair(self, record: Any) -> tuple[Any, Any]:
        pair = record if self.key_value_fn is None else self.key_value_fn(record)
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise ArgumentError(
                f"dictionary update sequence element has to be of length 2, a key and a value, "
                f"got {pair!r}. Pass key_value_fn, which makes one."
            )
        return pair[0], pair[1]


@dataclass(frozen=True)
class Chosen:
    """Some records of a MapDataPipe as a sequence."""

    pipe: MapDataPipe[Any]
    indices: Sequence[Any]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> Any:
        return self.pipe[self.indices[position]]


MapDataPipe.register_datapipe_as_function("to_iter_datapipe", MapToIterConverter)
MapDataPipe.register_datapipe_as_function("shuffle", MapShuffler)
IterDataPipe.register_datapipe_as_function("to_map_datapipe", IterToMapConverter)
