"""Where a segment stands: the unit, and how many of its outputs are delivered."""

from __future__ import annotations

from typing import Any, NamedTuple

from headrace.contracts import State
from headrace.contracts.errors import StateError

# Positions are counted in 64 bits.
LARGEST = 2**63 - 1


class Position(NamedTuple):
    """The next undelivered output: after `delivered` outputs of unit `unit`.

    `failed` counts the failures before the unit that each guard has covered; empty for none.
    """

    unit: int = 0
    delivered: int = 0
    failed: tuple[int, ...] = ()

    def state(self) -> State:
        """The JSON form; `done` is a mask of units delivered beyond `at` (unordered only)."""
        part = [[self.unit, self.delivered]] if self.delivered else []
        failed = {"failed": list(self.failed)} if self.failed else {}
        return {"at": self.unit, "done": "", "part": part, **failed, "stages": []}


def is_start(where: State) -> bool:
    """Whether a position is the start of an epoch: nothing is delivered, and no stage counts.

    One that was opened there says a value for each stage beside the consumer, and means the same.
    """
    stages = where.get("stages")
    # Most states lie behind the first unit, and are told apart by it.
    if where.get("at") or {**where, "stages": []} != Position().state():
        return False
    return isinstance(stages, list) and all(_is_blank(memo) for memo in stages)


def _is_blank(memo: Any) -> bool:  # Any: whatever JSON can hold
    return not memo or (isinstance(memo, list) and all(_is_blank(one) for one in memo))


def position_of(state: State | None, guards: int = 0) -> Position:
    """The position that a state of a chain with so many guards says.

    Raises:
        StateError: it is no position.
    """
    if state is None:
        return Position()
    try:
        unit, part, failed = state["at"], state["part"], state.get("failed", [])
        delivered = part[0][1] if part else 0
        fits = state["done"] == "" and (not part or (len(part) == 1 and part[0][0] == unit))
        fits = fits and len(failed) in (0, guards)
        numbers = (unit, delivered, *failed)
        if fits and all(type(number) is int and 0 <= number <= LARGEST for number in numbers):
            return Position(unit, delivered, tuple(failed))
    except (KeyError, TypeError, IndexError):
        pass
    raise StateError(
        f"a state must say where it stands as at, done and part, got {state!r}. "
        "Load what state_dict() gave, unchanged."
    )
