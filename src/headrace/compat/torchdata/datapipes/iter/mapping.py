"""Functions of one record: map, filter, flat map."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.columns import (
    OfColumns,
    checked_arguments,
    checked_output,
    over_columns,
)
from headrace.contracts.errors import ArgumentError, whole

# Any, in this file: records, columns and functions of every type.


@functional_datapipe("map")
class Mapper(IterDataPipe[Any]):
    """`stream.map(fn)`, of the columns `input_col` where they are given.

    What `fn` gives takes the place of the first of them, or of `output_col`; -1 appends it. The
    record that came in is not changed.

    Raises:
        ArgumentError: `fn` does not take the columns, or `output_col` stands alone.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        fn: Callable[..., Any],
        input_col: Any = None,
        output_col: Any = None,
    ) -> None:
        self.datapipe = datapipe
        self.fn = fn
        self.input_col = input_col
        self.output_col = checked_output(input_col, output_col)
        checked_arguments(fn, input_col)

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        fn = over_columns(self.fn, self.input_col, self.output_col)
        return stream_of(self.datapipe).map(fn)


@functional_datapipe("filter")
class Filter(IterDataPipe[Any]):
    """`stream.filter(filter_fn)`, of the columns `input_col` where they are given.

    Raises:
        ArgumentError: `filter_fn` does not take the columns; when it is read, it gave no bool.
    """

    def __init__(
        self, datapipe: IterDataPipe[Any], filter_fn: Callable[..., Any], input_col: Any = None
    ) -> None:
        checked_arguments(filter_fn, input_col)
        self.datapipe = datapipe
        self.filter_fn = filter_fn
        self.input_col = input_col

    def stream(self) -> hr.Stream[Any]:
        """`stream.filter`."""
        return stream_of(self.datapipe).filter(Kept(self.filter_fn, self.input_col))


@functional_datapipe("flatmap")
class FlatMapper(IterDataPipe[Any]):
    """`stream.flat_map(fn)`, of the columns `input_col` where they are given.

    Without `fn` the records themselves are taken apart.

    Raises:
        ArgumentError: `fn` does not take the columns.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        fn: Callable[..., Any] | None = None,
        input_col: Any = None,
    ) -> None:
        self.datapipe = datapipe
        self.fn = itself if fn is None else fn
        self.input_col = input_col
        checked_arguments(self.fn, input_col)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        fn = self.fn if self.input_col is None else OfColumns(self.fn, self.input_col)
        return stream_of(self.datapipe).flat_map(fn)


@functional_datapipe("shuffled_flatmap")
class ShuffledFlatMapper(IterDataPipe[Any]):
    """What `fn` gives of several records, one at random at a time: `through`.

    At most `buffer_size` records are taken apart at once.

    Raises:
        ArgumentError: `buffer_size` is below 1, or `fn` does not take the columns.
    """

    def __init__(
        self,
        datapipe: IterDataPipe[Any],
        fn: Callable[..., Any] | None = None,
        input_col: Any = None,
        buffer_size: int = 100,
    ) -> None:
        self.datapipe = datapipe
        self.fn = itself if fn is None else fn
        self.input_col = input_col
        remedy = "Leave it out for 100."
        self.buffer_size = whole("buffer_size", buffer_size, least=1, remedy=remedy)
        checked_arguments(self.fn, input_col)
        self._enabled = True

    def set_shuffle(self, shuffle: bool = True) -> ShuffledFlatMapper:
        """Whether it shuffles; a `flatmap` otherwise."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed: int) -> ShuffledFlatMapper:
        """The seed of the next iteration."""
        self._seed = seed
        return self

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        source, fn = stream_of(self.datapipe), OfColumns(self.fn, self.input_col)
        if not self._enabled:
            return source.flat_map(fn)
        drawn = source.map(with_number, seeded=True, seed=self._seed)
        return drawn.through(InTurns(fn, self.buffer_size))


@dataclass(frozen=True)
class Kept:
    """Whether a function says that a record is kept."""

    fn: Callable[..., Any]
    columns: Any

    def __call__(self, record: Any) -> bool:
        said = self.fn(record) if self.columns is None else OfColumns(self.fn, self.columns)(record)
        if isinstance(said, bool | np.bool_):
            return bool(said)
        raise ArgumentError(
            f"Boolean output is required for `filter_fn`, got {said!r} of {type(said)}. "
            "Wrap what it gives in bool(...)."
        )


@dataclass(frozen=True)
class InTurns:
    """Gives one record of one of several iterables at a time."""

    fn: Callable[[Any], Any]
    most: int

    def __call__(self, numbered: Iterator[tuple[Any, int]]) -> Iterator[Any]:
        open_ones: list[Iterator[Any]] = []
        draws = random.Random(0)
        for record, number in numbered:
            if not open_ones:
                draws = random.Random(number)
            open_ones.append(iter(self.fn(record)))
            while len(open_ones) == self.most:
                yield from _one_of(open_ones, draws)
        while open_ones:
            yield from _one_of(open_ones, draws)


def itself(record: Any) -> Any:
    """The record."""
    return record


def with_number(record: Any, draws: np.random.Generator) -> tuple[Any, int]:
    """A record with a number at random."""
    return record, int(draws.integers(2**63))


def _one_of(open_ones: list[Iterator[Any]], draws: random.Random) -> Iterator[Any]:
    chosen = draws.randrange(len(open_ones))
    try:
        record = next(open_ones[chosen])
    except StopIteration:
        open_ones.pop(chosen)
        return
    yield record
