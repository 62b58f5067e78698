"""The running contract: a node is a frozen description, a cursor runs it like an open file."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from headrace.contracts.backend import Workers
from headrace.contracts.block import Block, rows
from headrace.contracts.rest import Rest
from headrace.contracts.timing import Timing

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Any: whatever JSON can hold. Positions, never records.
State: TypeAlias = dict[str, Any]


@runtime_checkable
class LooksAhead(Protocol):
    """A part of a running chain that makes records before they are asked for."""

    def begin(self) -> None:
        """Begins to look ahead now, not with the first read."""
        ...

    def is_settled(self) -> bool:
        """Whether all that may be ahead is there."""
        ...

    def pause(self) -> None:
        """Lets what runs finish, and begins nothing new."""
        ...

    def resume(self) -> None:
        """Goes on; a read does so too."""
        ...


class Shared:
    """By what the cursors of one running chain find each other; it stays in its process."""

    def __init__(self) -> None:
        self.found: dict[Any, Any] = {}  # Any: each kind of cursor has keys and values of its own
        self._ahead: weakref.WeakSet[LooksAhead] = weakref.WeakSet()
        # Cursors are opened by whatever thread reads.
        self._lock = threading.Lock()

    def watch(self, one: LooksAhead) -> None:
        """Notes what looks ahead, for as long as it is used."""
        with self._lock:
            self._ahead.add(one)

    def looking_ahead(self) -> list[LooksAhead]:
        """All that looks ahead."""
        with self._lock:
            return list(self._ahead)

    def __reduce__(self) -> tuple[type[Shared], tuple[()]]:
        return Shared, ()


@dataclass(frozen=True)
class Run:
    """What a cursor needs beside its node: epoch, seed, rank and workers.

    `workers` None means that nothing runs before it is asked for; else at most `look_ahead`
    tasks are undelivered at once. `seed` replaces the seeds that the stream did not set. Each
    opened epoch has a Run of its own, so that what is `shared` is shared within it. With `timing`
    each stage writes down what it did. `rest` is what a merge of ranks has left of the epoch.
    """

    epoch: int = 0
    seed: int | None = None
    rank: int = 0
    world_size: int = 1
    rest: Rest | None = None
    workers: Workers | None = None
    look_ahead: int = 0
    shares_globals: bool = False
    timing: Timing | None = field(default=None, compare=False, repr=False)
    shared: Shared = field(default_factory=Shared, compare=False, repr=False)

    def __reduce__(self) -> tuple[type[Run], tuple[Any, ...]]:
        # Workers and times belong to the process.
        return Run, (self.epoch, self.seed, self.rank, self.world_size, self.rest)


@runtime_checkable
class Cursor(Protocol[T]):
    """A running node, read like a file.

    Whoever opened it closes it; one thread uses it.
    """

    def read(self, n: int) -> Block[T]:
        """At most `n` records; none only at the end of the epoch.

        Fewer come at the end of the epoch, of a unit or of a task, or before a record that
        fails: the next read then raises, and raises again when asked again.
        """
        ...

    def state(self) -> State:
        """Where to begin so that the next read gives the next undelivered record."""
        ...

    def close(self) -> None:
        """Ends what this cursor runs; closing again does nothing."""
        ...


@runtime_checkable
class Mark(Protocol):
    """A place in a cursor's records, from which a state can be made later."""

    def state(self) -> State:
        """The state of the cursor when it was at this place."""
        ...


@runtime_checkable
class Marks(Protocol):
    """A cursor that can be marked for much less than a state costs."""

    def mark(self) -> Mark:
        """Where the cursor is."""
        ...


@dataclass(frozen=True)
class _Taken:
    """A mark of a cursor that can only give its state."""

    taken: State

    def state(self) -> State:
        return self.taken


def marker(cursor: Cursor[Any]) -> Callable[[], Mark]:  # Any: marks know no records
    """A function that marks where a cursor is."""
    if isinstance(cursor, Marks):
        return cursor.mark
    return lambda: _Taken(cursor.state())


@runtime_checkable
class Node(Protocol[T_co]):
    """A described stage with all that comes before it; frozen, printable, picklable."""

    @property
    def is_infinite(self) -> bool:
        """Whether an epoch never ends."""
        ...

    def length(self, run: Run) -> int | None:
        """How many records one epoch gives, None where nobody can know."""
        ...

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:  # Any: invariance of Block
        """A cursor that begins exactly at `state`, or at the start of the epoch."""
        ...


def first_epoch_of(node: Node[Any]) -> int:  # Any: records of every type
    """The epoch that a node begins with: a start offset may leave out whole ones."""
    return int(getattr(node, "first_epoch", 0))


def read_fully(cursor: Cursor[T], n: int) -> list[T]:
    """`n` records, fewer only at the end of the epoch.

    The one loop around `read`. An error raises at once; the records before it are dropped, so
    a caller that goes on after one resumes from the state it took before.
    """
    found: list[T] = []
    while len(found) < n:
        block = rows(cursor.read(n - len(found)))
        if not block:
            break
        found = found + block if found else list(block)
    return found


def iterate(cursor: Cursor[T]) -> Iterator[T]:
    """What is left of a cursor, one by one; between two of them its state is exact."""
    return iter(cursor) if isinstance(cursor, Iterable) else _singly(cursor)


def _singly(cursor: Cursor[T]) -> Iterator[T]:
    while block := rows(cursor.read(1)):
        yield block[0]
