"""The rest of a merged epoch as JSON, and one rank's share of what a merged state says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.contracts import State
from headrace.contracts.errors import StateError
from headrace.contracts.rest import Leftover, Progressions, Rest
from headrace.orders import INFINITE

# Any, in this file: JSON.


def is_merged(state: State) -> bool:
    """Whether a state is of all ranks, and was not loaded since."""
    return state["rank"] is None and state["world_size"] is None


def rest_of(state: State) -> Rest | None:
    """What a rank's state says is left; None where the epoch began as always.

    Raises:
        StateError: it says something else.
    """
    leftovers = leftovers_of(state.get("leftovers"))
    if state.get("rest") is not None:
        return Rest(row_of_json(state["rest"]), leftovers)
    if leftovers:
        raise _unfit("rest", None)
    return None


def row_json(row: Progressions) -> list[list[int | None]]:
    """Positions as JSON; an end beyond all is null."""
    return [[start, None if stop >= INFINITE else stop, step] for start, stop, step in row]


def row_of_json(found: Any) -> Progressions:
    """Positions out of JSON.

    Raises:
        StateError: these are none.
    """
    try:
        row = tuple(
            (start, INFINITE if stop is None else stop, step) for start, stop, step in found
        )
        fits = all(type(number) is int for one in row for number in one)
        if fits and all(0 <= start < stop <= INFINITE and step > 0 for start, stop, step in row):
            return row
    except (TypeError, ValueError):
        pass
    raise _unfit("rest", found)


def leftovers_json(leftovers: Sequence[Leftover]) -> list[Any]:
    """Begun units as JSON."""
    return [[row_json(positions), delivered] for positions, delivered in leftovers]


def leftovers_of(found: Any) -> tuple[Leftover, ...]:
    """Begun units out of JSON.

    Raises:
        StateError: these are none.
    """
    try:
        parts = [(row_of_json(row), delivered) for row, delivered in found or ()]
        if all(row and type(delivered) is int and delivered > 0 for row, delivered in parts):
            return tuple(Leftover(row, delivered) for row, delivered in parts)
    except (TypeError, ValueError):
        pass
    raise _unfit("leftovers", found)


def dealt(state: State, rank: int, world_size: int) -> State:
    """A merged state as that of one rank: its share of the leftovers and of the failures."""
    found = {**state, "rank": rank, "world_size": world_size}
    if state.get("leftovers") is not None:
        found["leftovers"] = state["leftovers"][rank::world_size]

    def part(counts: list[int]) -> list[int]:
        return [len(range(rank, count, world_size)) for count in counts]

    if state.get("failed"):
        found["failed"] = part(state["failed"])
        if not any(found["failed"]):
            del found["failed"]
    found["stages"] = [
        [memo[0], part(memo[1])] if memo_kind(memo) == "guarded" else memo
        for memo in state["stages"]
    ]
    return found


def memo_kind(memo: Any) -> str:
    """What the value of a stage beside the consumer is, as far as states can be merged."""
    if memo is None:
        return "nothing"
    if type(memo) is int:
        return "count"
    if isinstance(memo, str):
        return "mask"
    is_pair = isinstance(memo, list) and len(memo) == 2 and isinstance(memo[1], list)
    is_guarded = is_pair and all(type(count) is int for count in (memo[0], *memo[1]))
    return "guarded" if is_guarded else "place"


def _unfit(key: str, found: Any) -> StateError:
    return StateError(
        f"a state must say in {key} what is left, as [start, stop, step] of positions, got "
        f"{str(found)[:80]!r}. Load what state_dict() or merge_states() gave, unchanged."
    )
