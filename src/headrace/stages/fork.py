"""`fork`: one stream made several, which may be joined again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts import Cursor, Mark, Node, Run, State, first_epoch_of, marker, rows
from headrace.contracts.errors import StreamError, whole
from headrace.stages.repeat import turn_of

# Any, in this file: a stage is met before its record types are known.


# As many as torchdata keeps.
FORK_BUFFER = 1_000


def forking(n: int, buffer: int = FORK_BUFFER) -> tuple[Fork, ...]:
    """Gives `n` streams, each with the records of this one.

    Branches that are read at the same time in one stream (zipped, interleaved, mixed) run what
    comes before them once: at most `buffer` records are kept between the fastest and the slowest.
    Branches that are read one after the other, or in loops of their own, run it each for itself;
    the records are the same. Records are handed on, not copied. What follows a branch runs beside
    the consumer: put functions that need workers before the fork. Seeded functions in two
    branches draw the same numbers, unless they have seeds of their own.

    **Length**: kept. **State**: for each branch the state before its next record, and a count.
    **Cost** of a resume: records are made again, once, from where the slowest branch stood.

    Raises:
        ArgumentError: `n` or `buffer` is below 1.
        StreamError: two branches came more than `buffer` records apart; raised by the record.

    Example:
        >>> import headrace as hr
        >>> words, again = hr.stream(["so", "much", "depends"]).fork(2)
        >>> words.zip(again.map(len)).collect()
        [('so', 2), ('much', 4), ('depends', 7)]
    """
    n = whole("the branches of a fork", n, least=1, remedy="Two are common: .fork(2).")
    buffer = whole("the buffer of a fork", buffer, least=1, remedy="Leave it out for 1,000.")
    point = object()
    return tuple(Fork(number, n, buffer, point) for number in range(n))


@dataclass(frozen=True)
class Fork:
    """One branch of a fork: the records so far, made once for all branches read with it."""

    number: int
    of: int
    buffer: int
    # The same in all branches of one fork, also after they were pickled together.
    point: object = field(repr=False)

    def __str__(self) -> str:
        return f"fork({self.number} of {self.of}, buffer={self.buffer})"

    def length(self, before: int | None) -> int | None:
        return before

    def begin(self, before: Node[Any]) -> Node[Any]:
        return Forked(before, self)


@dataclass(frozen=True)
class Forked:
    """A whole chain that several branches read."""

    before: Node[Any]
    stage: Fork

    @property
    def is_infinite(self) -> bool:
        return self.before.is_infinite

    @property
    def first_epoch(self) -> int:
        return first_epoch_of(self.before)

    def length(self, run: Run) -> int | None:
        return self.before.length(run)

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        count, parent = turn_of(state)
        cursor = BranchCursor(count, lambda: parent)
        trunks: dict[Trunk, None] = run.shared.found.setdefault(self._key(run), {})
        for trunk in list(trunks):
            if trunk.joined(cursor):
                return cursor
        trunk = Trunk(self, run)
        trunk.joined(cursor)
        trunks[trunk] = None
        return cursor

    def forget(self, trunk: Trunk, run: Run) -> None:
        """Lets no branch find a trunk any more."""
        key = self._key(run)
        trunks = run.shared.found.get(key, {})
        trunks.pop(trunk, None)
        if not trunks:
            # An endless repeat opens one epoch after the other.
            run.shared.found.pop(key, None)

    def _key(self, run: Run) -> tuple[Any, ...]:
        return (self.stage.point, run.epoch, run.seed, run.rank, run.world_size)


class BranchCursor:
    """One branch: how many records it gave, and where its next one is made."""

    trunk: Trunk

    def __init__(self, count: int, place: Callable[[], State | None]) -> None:
        self.count = count
        self.place = place
        self._failure: BaseException | None = None

    def read(self, n: int) -> list[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        try:
            while len(found) < n and self.trunk.reaches(self):
                found.append(self.trunk.give(self))
        except BaseException as error:
            self._failure = error
            if not found:
                raise
        return found

    def state(self) -> State:
        # The start is where a parent begins without a state.
        parent = self.place() if self.count else None
        return {"turn": self.count, "parents": [parent], "stages": []}

    def close(self) -> None:
        self.trunk.leave(self)


class Trunk:
    """The one cursor that branches read from, and the records that some still have to give.

    The records [first, first + len(records)) are kept, each with the place after it; no branch
    stands before `first`. Branches may be read in several threads.
    """

    def __init__(self, node: Forked, run: Run) -> None:
        self._node = node
        self._run = run
        # Taken again by its holder, where what it draws from closes a branch.
        self._lock = threading.RLock()
        self._branches: list[BranchCursor] = []
        self._parent: Cursor[Any] | None = None
        self._mark: Callable[[], Mark]
        self._first = 0
        self._records: deque[tuple[Any, Mark]] = deque()

    def joined(self, branch: BranchCursor) -> bool:
        """Takes a branch on, unless its records are gone, or lie too far ahead."""
        with self._lock:
            if self._parent is not None and branch.count < self._first:
                return False
            counts = [branch.count, *(other.count for other in self._branches)]
            if max(counts) - min(counts) > self._node.stage.buffer:
                return False
            self._branches.append(branch)
            branch.trunk = self
            return True

    def leave(self, branch: BranchCursor) -> None:
        """Lets a branch go; the last one closes the parent."""
        with self._lock:
            if branch in self._branches:
                self._branches.remove(branch)
            if not self._branches:
                self._node.forget(self, self._run)
                self._records.clear()
                if self._parent is not None:
                    self._parent.close()

    def reaches(self, branch: BranchCursor) -> bool:
        """Draws up to the next record of a branch; False at the end."""
        with self._lock:
            while branch.count >= self._first + len(self._records):
                self._check_apart(branch)
                if not self._draw():
                    return False
            return True

    def give(self, branch: BranchCursor) -> Any:
        """The next record of a branch, which was reached."""
        with self._lock:
            record, mark = self._records[branch.count - self._first]
            branch.count, branch.place = branch.count + 1, mark.state
            slowest = min(other.count for other in self._branches)
            while self._records and self._first < slowest:
                self._records.popleft()
                self._first += 1
            return record

    def _draw(self) -> bool:
        if self._parent is None:
            # Only now: branches that were opened after the first one may stand before it.
            earliest = min(self._branches, key=lambda branch: branch.count)
            self._parent = self._node.before.open(self._run, earliest.place())
            self._first, self._mark = earliest.count, marker(self._parent)
        block = rows(self._parent.read(1))
        if block:
            self._records.append((block[0], self._mark()))
        return bool(block)

    def _check_apart(self, branch: BranchCursor) -> None:
        slowest = min(other.count for other in self._branches)
        ahead, buffer = branch.count + 1 - slowest, self._node.stage.buffer
        if ahead > buffer:
            raise StreamError(
                f"a branch of a fork was asked for a record {ahead} ahead of the slowest branch, "
                f"and buffer={buffer} are kept. Read the branches more evenly, give a larger "
                "buffer, or read them in loops of their own."
            )
