"""`demux`: each record to one of several streams: a fork between two pointwise stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, SupportsIndex

import numpy as np

from headrace.contracts import Stage
from headrace.contracts.errors import ArgumentError
from headrace.stages.filter import Filter
from headrace.stages.fork import FORK_BUFFER, forking
from headrace.stages.map import Map
from headrace.stages.naming import name_of

# Any, in this file: a stage is met before its record types are known.


def demuxing(
    n: int, fn: Callable[[Any], int | None], buffer: int = FORK_BUFFER
) -> tuple[tuple[Stage, ...], ...]:
    """Gives `n` streams: a record goes to the one whose number `fn(record)` gives.

    Numbers count from 0, and booleans are numbers; a record for which `fn` gives None goes
    nowhere. It is a `fork` behind a map: `fn` runs on the backend's workers, and once a record
    where the branches are read at the same time in one stream. At most `buffer` records are then
    kept between the fastest branch and the slowest, those of other branches included.

    **Length**: not known. **State**: that of a fork. **Cost** of a resume: that of a fork.

    Raises:
        ArgumentError: `n` or `buffer` is below 1, `fn` is no function, or gave another value;
            the last is raised by the record.
        StreamError: two branches came more than `buffer` records apart; raised by the record.

    Example:
        >>> import headrace as hr
        >>> evens, odds = hr.stream(range(6)).demux(2, lambda x: x % 2)
        >>> evens.zip(odds).collect()
        [(0, 1), (2, 3), (4, 5)]
    """
    forks = forking(n, buffer)
    routed: tuple[Stage, ...] = (Map(Routed(fn, len(forks))), Filter(is_routed))
    return tuple((*routed, fork, Filter(IsOf(fork.number)), Map(record_of)) for fork in forks)


@dataclass(frozen=True)
class Routed:
    """Pairs a record with the number of its branch, None for none.

    Raises:
        ArgumentError: the function gave something else.
    """

    fn: Callable[[Any], int | None]
    branches: int

    def __post_init__(self) -> None:
        # Refused where it was written, not when it is drawn.
        name_of(self.fn)

    @property
    def __name__(self) -> str:
        return f"demux by {name_of(self.fn)}"

    def __call__(self, record: Any) -> tuple[int | None, Any]:
        value: object = self.fn(record)
        if value is None:
            return None, record
        if isinstance(value, SupportsIndex | np.bool_):
            number = int(value)
            if 0 <= number < self.branches:
                return number, record
        raise ArgumentError(
            f"{name_of(self.fn)} gave {value!r} in a demux of {self.branches} branches, and a "
            f"number from 0 to {self.branches - 1} was expected. Give None to drop a record, or "
            "raise the number of branches."
        )


@dataclass(frozen=True)
class IsOf:
    """Whether a routed record belongs to a branch."""

    number: int

    def __call__(self, routed: tuple[int, Any]) -> bool:
        return routed[0] == self.number


def is_routed(routed: tuple[int | None, Any]) -> bool:
    """Whether a record belongs to any branch."""
    return routed[0] is not None


def record_of(routed: tuple[int, Any]) -> Any:
    """The record alone."""
    return routed[1]
