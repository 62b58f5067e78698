"""`choose`: numbers say which stream gives the next record."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, SupportsIndex

from headrace.contracts import (
    Block,
    Cursor,
    Mark,
    Node,
    Run,
    State,
    first_epoch_of,
    marker,
    rows,
)
from headrace.contracts.errors import ArgumentError, StateError

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Choose:
    """Takes each number of this stream as the choice of one of `others`, and gives its next record.

    Numbers count from 0. It ends with this stream, or where the chosen one has no more. Each of
    the others is opened when it is first chosen.

    **Length**: that of this stream, or less. **State**: that of this stream and of each of the
    others. **Cost** of a resume: that of resuming each.

    Raises:
        ArgumentError: there are no others; or, when it is read, a record is no number of one.

    Example:
        >>> import headrace as hr
        >>> first, second = hr.stream(["a", "b"]), hr.stream(["x", "y", "z"])
        >>> hr.stream([0, 1, 1, 0]).choose(first, second).collect()
        ['a', 'x', 'y', 'b']
    """

    others: tuple[Node[Any], ...]

    def __post_init__(self) -> None:
        if not self.others:
            raise ArgumentError(
                "choose got no streams to choose from. At least one was expected. "
                "Give them in the order of their numbers: choices.choose(first, second)."
            )

    def __str__(self) -> str:
        return f"choose({', '.join(str(other) for other in self.others)})"

    def length(self, before: int | None) -> int | None:
        return None

    def begin(self, before: Node[Any]) -> Node[Any]:
        return ChosenChains(before, self.others)


@dataclass(frozen=True)
class ChosenChains:
    """A chain of numbers, and the chains that they choose from."""

    choices: Node[Any]
    chains: tuple[Node[Any], ...]

    @property
    def is_infinite(self) -> bool:
        # A finite one may never be chosen.
        return self.choices.is_infinite and any(chain.is_infinite for chain in self.chains)

    @property
    def first_epoch(self) -> int:
        return max(first_epoch_of(chain) for chain in (self.choices, *self.chains))

    def length(self, run: Run) -> int | None:
        # Which of them are chosen, only the numbers tell.
        endless = all(chain.is_infinite for chain in self.chains)
        return self.choices.length(run) if endless else None

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        parents: Any = [None] * (1 + len(self.chains))
        if state is not None:
            parents = state.get("parents", [])
        if not isinstance(parents, list) or not all(isinstance(p, dict | None) for p in parents):
            parents = []
        if len(parents) != 1 + len(self.chains):
            raise StateError(
                f"a choice of {len(self.chains)} streams was given a state of "
                f"{max(0, len(parents) - 1)}. Load a state of this very chain."
            )
        return ChoiceCursor(self, run, parents)


class ChoiceCursor:
    """Reads a number, then a record of the stream that it chooses."""

    def __init__(self, node: ChosenChains, run: Run, parents: list[State | None]) -> None:
        self._chains = node.chains
        self._run = run
        self._choices = node.choices.open(run, parents[0])
        self._mark = marker(self._choices)
        self._parents = parents[1:]
        self._open: dict[int, Cursor[Any]] = {}
        # Where the choices stood before the one whose record was not given yet.
        self._before: Mark | None = None
        self._is_over = False
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        try:
            while len(found) < n and not self._is_over:
                self._before = self._mark()
                chosen = rows(self._choices.read(1))
                record = rows(self._cursor(chosen[0]).read(1)) if chosen else []
                self._is_over = not record
                if record:
                    self._before = None
                found += record
        except BaseException as error:
            self._failure = error
            if not found:
                raise
        return found

    def state(self) -> State:
        before = self._choices if self._before is None else self._before
        parents = [
            self._open[number].state() if number in self._open else parent
            for number, parent in enumerate(self._parents)
        ]
        return {"turn": 0, "parents": [before.state(), *parents], "stages": []}

    def close(self) -> None:
        for cursor in (self._choices, *self._open.values()):
            cursor.close()

    def _cursor(self, choice: object) -> Cursor[Any]:
        is_number = isinstance(choice, SupportsIndex) and not isinstance(choice, bool)
        number = operator.index(choice) if is_number else -1  # type: ignore[arg-type]
        if not 0 <= number < len(self._chains):
            raise ArgumentError(
                f"choose got {choice!r} and chooses from {len(self._chains)} streams. A whole "
                f"number from 0 to {len(self._chains) - 1} was expected. Give numbers of the "
                "streams, counted from 0 in their order."
            )
        if number not in self._open:
            self._open[number] = self._chains[number].open(self._run, self._parents[number])
        return self._open[number]
