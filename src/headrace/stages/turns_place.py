"""Where the chains of a mix stand, and what each runs with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Cursor, Mark, State

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Running:
    """A chain of a mix that is open, its records, and what tells where it stands."""

    cursor: Cursor[Any]
    records: Iterator[Any]
    mark: Callable[[], Mark]


@dataclass(frozen=True)
class Place:
    """Where a chain of a mix stands: None before it was opened, in which pass, whether it is over.

    A chain that may begin again has the number of its pass in its state.
    """

    where: Mark | State | None
    number: int | None
    is_ended: bool

    def state(self) -> State | None:
        where = self.where.state() if isinstance(self.where, Mark) else self.where
        if self.is_ended:
            return {}
        if self.number is None or (where is None and not self.number):
            return where
        return {"turn": self.number, "parents": [where], "stages": []}


@dataclass(frozen=True)
class MixMark:
    """A place in a mix: the next turn, and where each chain stands."""

    turn: int
    places: tuple[Place, ...]

    def state(self) -> State:
        parents = [place.state() for place in self.places]
        return {"turn": self.turn, "parents": parents, "stages": []}
