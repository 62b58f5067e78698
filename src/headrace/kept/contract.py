"""What a store of whole epochs offers, wherever it keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from headrace.contracts import Block, Node, Run

# Any, in this file: records are the user's values, of every type.


@runtime_checkable
class Described(Protocol):
    """A node that says what it is made of: a chain."""

    @property
    def source(self) -> Any:
        """What it begins with."""
        ...

    @property
    def stages(self) -> tuple[Any, ...]:
        """What follows."""
        ...


@dataclass(frozen=True)
class Place:
    """Which records are meant: those that `before` gives in `run`; `key` names them for good."""

    before: Node[Any]
    key: str | None
    run: Run


class Kept(Protocol):
    """The records of an epoch by their number, the same ones each time they are read."""

    def read(self, start: int, n: int) -> Block[Any]:
        """At most `n` records from number `start` on, none behind the last.

        Whoever reads may change them in place. Raises IntegrityError where they are damaged.
        """
        ...


class Making(Protocol):
    """Records on their way into a store; nobody finds them before they are published."""

    def add(self, block: Block[Any]) -> None:
        """Takes in the next records; whoever gave them may then change them in place."""
        ...

    def publish(self) -> None:
        """Makes them what the store has: these were all."""
        ...

    def close(self) -> None:
        """Removes what was not published; closing again does nothing."""
        ...


class Store(Protocol):
    """Keeps epochs; those of earlier ones go when a later one is published."""

    def check(self, before: Node[Any], key: str | None) -> None:
        """Makes sure that what comes of this chain can be found again. Raises ArgumentError."""
        ...

    def find(self, place: Place) -> Kept | None:
        """What was published for a place, None where nothing was."""
        ...

    def discard(self, place: Place, reason: object) -> None:
        """Forgets what is damaged, and says so in the log."""
        ...

    def make(self, place: Place) -> Making:
        """Begins to keep what the place stands for."""
        ...


def same_chain(one: Any, other: Any) -> bool:
    """Whether two nodes are over the very same source and stages."""
    if one is other:
        return True
    if not (isinstance(one, Described) and isinstance(other, Described)):
        return False
    if one.source is not other.source or len(one.stages) != len(other.stages):
        return False
    return all(mine is yours for mine, yours in zip(one.stages, other.stages, strict=True))
