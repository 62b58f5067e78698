"""An epoch that goes on after a merge of ranks: its pieces, read one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from headrace.contracts import Block, Node, Run, State, Visit
from headrace.contracts.rest import Leftover, Progression
from headrace.engine.inline import InlineCursor
from headrace.engine.plan import Plan
from headrace.engine.position import Position
from headrace.engine.tasks import TaskCursor
from headrace.engine.visited import offset_of, row_of, whole_order
from headrace.orders import INFINITE, Chosen, Part, size_of

# Any, in this file: records pass through untyped.
# A piece of the epoch, opened where it stands.
Opened: TypeAlias = "Callable[[int, Position], InlineCursor | TaskCursor]"


class PiecesCursor:
    """Reads the leftovers of a merge, each alone and whole, then the rank's share of the rest.

    Its position counts units over all pieces: a leftover is one, whatever its length.
    """

    def __init__(self, leftovers: tuple[Leftover, ...], at: Position, opened: Opened) -> None:
        self._leftovers = leftovers
        self._opened = opened
        self._piece = min(at.unit, len(leftovers))
        first = at._replace(unit=at.unit - self._piece)
        self._cursor = opened(self._piece, self._resumed(first))

    def read(self, n: int) -> Block[Any]:
        while True:
            block = self._cursor.read(n)
            if len(block) or not self._moved_on():
                return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        while True:
            yield from self._cursor
            if not self._moved_on():
                return

    def mark(self) -> Position:
        at = self._cursor.mark()
        # Where nothing of a leftover was delivered since the merge, the state says only which.
        is_untouched = not at.unit and at.delivered == self._delivered
        return at._replace(
            unit=self._piece + at.unit, delivered=0 if is_untouched else at.delivered
        )

    def state(self) -> State:
        return self.mark().state()

    def close(self) -> None:
        self._cursor.close()

    @property
    def _delivered(self) -> int:
        """How many outputs of this piece were delivered before the merge."""
        is_leftover = self._piece < len(self._leftovers)
        return self._leftovers[self._piece].delivered if is_leftover else 0

    def _resumed(self, at: Position) -> Position:
        return at if at.delivered else at._replace(delivered=self._delivered)

    def _moved_on(self) -> bool:
        """Goes on to the next piece; False after the last."""
        if self._piece == len(self._leftovers):
            return False
        failed = self._cursor.mark().failed
        self._cursor.close()
        self._piece += 1
        self._cursor = self._opened(self._piece, self._resumed(Position(failed=failed)))
        return True


def pieces_of(run: Run) -> list[Run]:
    """The run of each piece alone."""
    assert run.rest is not None
    numbers = range(len(run.rest.leftovers) + 1)
    return [replace(run, rest=run.rest.only(number)) for number in numbers]


def extent_of(plan: Plan, run: Run) -> State:
    """What the ranks share out, as JSON; empty where each cuts off a part of its own."""
    source = plan.source
    if isinstance(source, Visit):
        return {} if source.is_cut else {"unit": plan.segment.unit, **_visit_extent(source, run)}
    if isinstance(source, Node) or plan.cut != (0, None):
        return {}
    return {"unit": plan.segment.unit, "count": source.size, "drawn": True}


def _visit_extent(visit: Visit, run: Run) -> State:
    # A length needs no seed; where one lacks, opening says so.
    order = whole_order(visit, run if run.seed is not None else replace(run, seed=0))
    count = order.count(run.epoch)
    found: State = {"count": None if count >= INFINITE else count}
    rank, world_size, remainder = visit.part or (run.rank, run.world_size, "keep")
    if remainder != "keep":
        found["remainder"] = remainder
    epoch, offset = offset_of(visit, Part(order, rank, world_size, remainder))
    if offset and epoch == run.epoch:
        found["begin"] = offset * world_size
    return found


def noted_order(visit: Visit, run: Run, unit: int) -> Chosen:
    """The positions of all pieces, each leftover filled up to a unit, for notes on errors."""
    order = whole_order(visit, run)
    *begun, fresh = [row_of(visit, piece, order) for piece in pieces_of(run)]
    row: list[Progression] = []
    for leftover in begun:
        last = leftover[-1][1] - 1
        row += (*leftover, *[(last, last + 1, 1)] * (unit - size_of(leftover)))
    return Chosen(order, (*row, *fresh))
