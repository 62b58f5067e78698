"""`repeat`: several epochs as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headrace.contracts import Block, Cursor, Node, Run, State, Visit, first_epoch_of
from headrace.contracts.errors import StateError, whole
from headrace.orders import Repeat as RepeatOrder

# Any, in this file: a stage is met before its record types are known.
# An endless repeat of nothing must end. One empty pass does not tell: the next has another
# shuffle, and a run that is resumed between two would go on where an uninterrupted one ends.
EMPTY_PASSES = 100


@dataclass(frozen=True)
class Repeat:
    """Gives `times` epochs as one, each with its own shuffle; without end for None.

    Without end, it ends all the same after 100 passes in a row that gave nothing.

    **Length**: multiplied. **State**: none while each record before it comes from one position,
    else the number of the pass and the state in it.

    Raises:
        ArgumentError: `times` is below 1.

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2]).repeat(2).collect()
        [1, 2, 1, 2]
    """

    times: int | None = None

    def __post_init__(self) -> None:
        if self.times is not None:
            whole("times to repeat", self.times, least=1, remedy="None repeats without end.")

    def __str__(self) -> str:
        return f"repeat({self.times})"

    def length(self, before: int | None) -> int | None:
        if before is None or self.times is None:
            return None
        return before * self.times

    def reorder(self, visit: Visit) -> Visit | None:
        # An offset counts records of this rank, so it may as well count over all the passes.
        if visit.is_cut:
            return None
        return replace(visit, order=RepeatOrder(visit.order, self.times))

    def begin(self, before: Node[Any]) -> Node[Any]:
        return Repeated(before, self.times)


@dataclass(frozen=True)
class Repeated:
    """A whole chain, opened again for each pass: in the next epoch, or in the same one again."""

    before: Node[Any]
    times: int | None
    reshuffle: bool = True

    @property
    def is_infinite(self) -> bool:
        return self.times is None or self.before.is_infinite

    @property
    def first_epoch(self) -> int:
        first = first_epoch_of(self.before)
        if not self.reshuffle:
            return first
        return 0 if self.times is None else first // self.times

    def first_turn(self, run: Run) -> int:
        """The pass that this epoch begins with: a start offset may leave out whole ones."""
        if not self.reshuffle or run.epoch != self.first_epoch:
            return 0
        first = first_epoch_of(self.before)
        return first if self.times is None else first % self.times

    def length(self, run: Run) -> int | None:
        if self.times is None:
            return None
        total = 0
        for turn in range(self.first_turn(run), self.times):
            length = self.before.length(self.run_of(run, turn))
            if length is None:
                return None
            total += length
        return total

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        return RepeatCursor(self, run, state)

    def run_of(self, run: Run, turn: int) -> Run:
        """The run of one pass: its epoch is its own, or the same in each."""
        if not self.reshuffle:
            return run
        # Without end there is one epoch only, which counts the passes.
        first = 0 if self.times is None else run.epoch * self.times
        return replace(run, epoch=first + turn)


class RepeatCursor:
    """Reads pass after pass."""

    def __init__(self, node: Repeated, run: Run, state: State | None) -> None:
        self._node = node
        self._run = run
        self._turn, parent = turn_of(state, node.first_turn(run))
        self._cursor = node.before.open(node.run_of(run, self._turn), parent)
        # How many passes gave nothing since a record came.
        self._empty = 0

    def read(self, n: int) -> Block[Any]:
        while True:
            block = self._cursor.read(n)
            if len(block):
                self._empty = 0
                return block
            is_last = self._node.times is not None and self._turn + 1 >= self._node.times
            self._empty += 1
            # The end of a pass counts as one; of the same epoch one that is empty tells all.
            passes = EMPTY_PASSES if self._node.reshuffle else 2
            is_endless_nothing = self._node.times is None and self._empty >= passes
            if is_last or is_endless_nothing:
                return block
            self._cursor.close()
            self._turn += 1
            self._cursor = self._node.before.open(self._node.run_of(self._run, self._turn))

    def state(self) -> State:
        return {"turn": self._turn, "parents": [self._cursor.state()], "stages": []}

    def close(self) -> None:
        self._cursor.close()


def turn_of(state: State | None, first: int = 0) -> tuple[int, State | None]:
    """Which of several passes or chains a state stands in, and the state in it.

    Raises:
        StateError: the state is of another kind.
    """
    if state is None:
        return first, None
    parents: Any = state.get("parents")  # Any: whatever the user kept
    fits = isinstance(parents, list) and bool(parents) and isinstance(parents[0], dict | None)
    if type(state.get("turn")) is not int or not fits:
        raise StateError(
            f"a state of joined chains must say turn and parents, got {sorted(state)}. "
            "Load what state_dict() gave, unchanged."
        )
    return state["turn"], parents[0]
