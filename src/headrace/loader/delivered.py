"""Where a consumer stands that has used fewer batches than the loader gave out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from headrace.contracts import (
    Block,
    Cursor,
    Drawn,
    Mark,
    Run,
    State,
    iterate,
    look_ahead_of,
    marker,
    read_fully,
)
from headrace.contracts.errors import ArgumentError, whole
from headrace.engine import Resume
from headrace.loader.world import World

# Any, in this file: records pass through untyped.
T = TypeVar("T")

# A place is kept each so many batches, since that costs as much as a cheap function; those in
# between are found by reading on from it.
MARKED = 16
# More than any consumer reads ahead, and little memory: some 100 bytes each.
KEPT_MARKS = 4096


@dataclass(frozen=True)
class Pass:
    """One `for` over a loader: how many batches were given before it, and where it began."""

    given: int
    resume: Resume
    where: State | None

    @property
    def unit(self) -> int:
        """The unit that it began with."""
        return 0 if self.where is None else int(self.where["at"])


class Delivered:
    """The state after any number of batches, counted since the loader's position was set.

    Where each unit gives one batch, that is arithmetic, and nothing is kept; else places are
    kept along the way.
    """

    def __init__(self, world: World, resume: Resume, where: State | None) -> None:
        self._world = world
        self._chain = chain = world.chain
        self._is_counted = chain.gives_one_a_unit and not world.repeats
        self._passes = [Pass(0, resume, where)]
        self._marks: deque[tuple[int, Pass, Mark]] = deque(maxlen=KEPT_MARKS)
        self._given = 0
        # Not known from the numbers alone: to go on from a mark, a drawn source would be drawn,
        # and what looks ahead would run more, or give the records in another order.
        ahead = any(look_ahead_of(stage) for stage in chain.every_stage)
        # Nor where ranks agree on the end, since they would have to agree again.
        apart = ahead or isinstance(chain.plan.source, Drawn) or world.is_shared
        self._marked = 1 if apart else MARKED

    @property
    def has_begun(self) -> bool:
        """Whether a pass has begun since the position was set."""
        return len(self._passes) > 1

    def begin(self, resume: Resume, where: State | None) -> None:
        """Notes the begin of a pass."""
        self._passes.append(Pass(self._given, resume, where))

    def watched(self, cursor: Cursor[Any]) -> Iterator[Any]:
        """The batches of the newest pass, noted as they are given."""
        if self._is_counted:
            return iterate(cursor)
        return self._marking(cursor)

    def watched_blocks(self, cursor: Cursor[Any], size: int) -> Iterator[Block[Any]]:
        """The same in blocks of up to `size`."""
        if not self._is_counted:
            yield from in_blocks(self._marking(cursor), size)
        while found := cursor.read(size):
            yield found

    def end(self, cursor: Cursor[Any]) -> None:
        """Notes the end of the newest pass, whose cursor this is."""
        if self._is_counted:
            newest = self._passes[-1]
            length = self._length(newest.resume)
            unit = int(cursor.state()["at"])
            # A short last batch that is left out is a unit too.
            unit = unit if length is None else min(unit, length)
            self._given = newest.given + unit - newest.unit

    def state(self, delivered: int) -> State:
        """The state after `delivered` batches.

        Raises:
            ArgumentError: it is no number of batches whose place is known.
        """
        remedy = "Count the batches since the loader was made, or its state was loaded."
        count = whole("delivered", delivered, least=0, remedy=remedy)
        if count == 0:
            return self._passes[0].resume.state(self._passes[0].where)
        return self._counted(count) if self._is_counted else self._marked_state(count)

    def _counted(self, count: int) -> State:
        # A count at which one pass ends and another begins is the end of the first.
        newest = [one for one in self._passes if one.given < count][-1]
        resume, unit, left = newest.resume, newest.unit, count - newest.given
        if newest is self._passes[-1]:
            # A framework's own workers may run ahead of this loader, over more than one epoch.
            resume, unit, left = self._over_epochs(resume, unit, left)
        return resume.state({"at": unit + left, "done": "", "part": [], "stages": []})

    def _over_epochs(self, resume: Resume, unit: int, left: int) -> tuple[Resume, int, int]:
        first = self._length(resume)
        if first is None or left <= first - unit:
            return resume, unit, left
        left, resume = left - max(0, first - unit), resume.following()
        length = self._length(resume)
        if length is None:
            return resume, 0, left
        if length == 0:
            raise self._unknown(left, 0, 0)
        # Only the first epoch may be another, by a start offset.
        whole_epochs = (left - 1) // length
        return resume.following(whole_epochs), 0, left - whole_epochs * length

    def _length(self, resume: Resume) -> int | None:
        return self._world.length(self._run(resume))

    def _run(self, resume: Resume) -> Run:
        return self._world.run(resume.epoch, resume.seed, resume.rest)

    def _marked_state(self, count: int) -> State:
        if count > self._given:
            raise self._unknown(count, 0, self._given)
        found = [Place(one.given, one, None) for one in self._passes if one.given < count]
        found += [Place(*mark) for mark in self._marks if mark[0] <= count]
        place = max(found, key=lambda one: one.count)
        if self._marks.maxlen == len(self._marks) and count < self._marks[0][0]:
            raise self._unknown(count, self._marks[0][0], self._given)
        return self._read_on(place, count - place.count)

    def _read_on(self, place: Place, count: int) -> State:
        resume = place.begun.resume
        if place.mark is not None and not count:
            return resume.state(place.mark.state())
        where = place.begun.where if place.mark is None else place.mark.state()
        cursor = self._chain.open(self._run(resume), where)
        try:
            read_fully(cursor, count)
            return resume.state(cursor.state())
        finally:
            cursor.close()

    def _marking(self, cursor: Cursor[Any]) -> Iterator[Any]:
        mark, begun, apart = marker(cursor), self._passes[-1], self._marked
        for given, batch in enumerate(iterate(cursor), self._given + 1):
            self._given = given
            if not given % apart:
                self._marks.append((given, begun, mark()))
            yield batch

    def _unknown(self, count: int, least: int, most: int) -> ArgumentError:
        return ArgumentError(
            f"the state after {count} batches was asked, and the places known are those after "
            f"{least} to {most}. Count the batches since the loader was made, or its state was "
            "loaded, and ask soon after they were used."
        )


def in_blocks(batches: Iterator[T], size: int) -> Iterator[Block[T]]:
    """Batches in blocks of up to `size`."""
    while block := list(islice(batches, size)):
        yield block


@dataclass(frozen=True)
class Place:
    """A place in a pass: after `count` batches in all."""

    count: int
    begun: Pass
    mark: Mark | None
