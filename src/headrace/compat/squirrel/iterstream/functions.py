"""Functions of one record that steps are made of; they pickle where what they hold does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from headrace.extras import imported
from headrace.stages.naming import name_of

# Any, in this file: records are the user's values, of every type.


def bound(callback: Callable[..., Any], arguments: dict[str, Any]) -> Callable[[Any], Any]:
    """The function with its keyword arguments; itself where there are none."""
    return partial(callback, **arguments) if arguments else callback


@dataclass(frozen=True)
class Piped:
    """A function from an iterator to an iterator, with what it is called with beside that."""

    fn: Callable[..., Iterator[Any]]
    args: tuple[Any, ...]
    kw: dict[str, Any]

    @property
    def __name__(self) -> str:
        # Errors and drawings name the user's function.
        return name_of(self.fn)

    def __call__(self, records: Iterator[Any]) -> Iterator[Any]:
        return self.fn(records, *self.args, **self.kw)


@dataclass(frozen=True)
class PaddedIndex:
    """Makes a pair's number text, with zeros before it up to `length`."""

    length: int

    def __call__(self, pair: tuple[int, Any]) -> tuple[str, Any]:
        return str(pair[0]).zfill(self.length), pair[1]


@dataclass(frozen=True)
class Delayed:
    """Makes a `dask.delayed` call of a record."""

    fn: Callable[..., Any]

    def __call__(self, record: Any) -> Any:
        return imported("dask", extra="dask").delayed(self.fn)(record)


def computed(record: Any) -> Any:
    """What a `dask.delayed` call gives; any other record is itself."""
    return imported("dask", extra="dask").compute(record)[0]


@dataclass(frozen=True)
class Fetched:
    """Makes a key the value that a store has under it, which is read here and now."""

    store: Any

    def __call__(self, key: str) -> Any:
        value = self.store.get(key)
        # A generator would only be made here, and read by whoever draws from it.
        return list(value) if isinstance(value, Iterator) else value


@dataclass(frozen=True)
class LongEnough:
    """Tells whether a window has so many records."""

    least: int

    def __call__(self, window: list[Any]) -> bool:
        return len(window) >= self.least


@dataclass(frozen=True)
class Filled:
    """Puts None in the place of the records that a window is short of."""

    size: int

    def __call__(self, window: list[Any]) -> list[Any]:
        return [*window, *[None] * (self.size - len(window))]
