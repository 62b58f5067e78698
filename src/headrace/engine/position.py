"""Where a segment stands: the unit, and how many of its outputs are delivered."""

from __future__ import annotations

from typing import NamedTuple

from headrace.contracts import State
from headrace.contracts.errors import StateError

# Positions are counted in 64 bits.
LARGEST = 2**63 - 1


class Position(NamedTuple):
    """The next undelivered output: after `delivered` outputs of unit `unit`."""

    unit: int = 0
    delivered: int = 0

    def state(self) -> State:
        """The JSON form; `done` is a mask of units delivered beyond `at` (unordered only)."""
        part = [[self.unit, self.delivered]] if self.delivered else []
        return {"at": self.unit, "done": "", "part": part, "stages": []}


def position_of(state: State | None) -> Position:
    """The position that a state says.

    Raises:
        StateError: it is no position.
    """
    if state is None:
        return Position()
    try:
        unit, part = state["at"], state["part"]
        delivered = part[0][1] if part else 0
        fits = state["done"] == "" and (not part or (len(part) == 1 and part[0][0] == unit))
        numbers = (unit, delivered)
        if fits and all(type(number) is int and 0 <= number <= LARGEST for number in numbers):
            return Position(unit, delivered)
    except (KeyError, TypeError, IndexError):
        pass
    raise StateError(
        f"a state must say where it stands as at, done and part, got {state!r}. "
        "Load what state_dict() gave, unchanged."
    )
