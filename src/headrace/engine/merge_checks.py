"""Whether states belong to the ranks of one run, all of them, and can be merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from headrace.contracts import State
from headrace.contracts.errors import StateError
from headrace.engine.position import is_start, position_of
from headrace.engine.resting import is_merged, leftovers_of, memo_kind
from headrace.engine.resume import POSITION_KEYS, check_shape
from headrace.engine.standing import Extent, place_of

# Any, in this file: whatever the user kept.
# What the states of all ranks have in common, and what in one epoch.
IN_A_RUN = ("v", "chain", "data", "world_size", "unit")
IN_AN_EPOCH = ("seed", "next_seed", "count", "begin", "remainder", "rest")
SHOWN = 80
TOGETHER = "Merge the states that all ranks of one run saved at the same step."


def checked(states: Any) -> list[State]:
    """The states in the order of their ranks; a merged one only where it is alone.

    Raises:
        StateError: they are not the states of all ranks of one run.
    """
    if not isinstance(states, Sequence) or isinstance(states, str) or not states:
        raise StateError(
            f"merge_states was given {str(states)[:SHOWN]!r}. A list with the state_dict() of each "
            "rank was expected. Give all of them: merge_states([state of rank 0, ...])."
        )
    for state in states:
        check_shape(state)
    merged = [number for number, state in enumerate(states) if is_merged(state)]
    if merged and len(states) > 1:
        raise StateError(
            f"state {merged[0]} of the {len(states)} given is one that merge_states gave: it has "
            "no rank. Load it on each rank of the new run; the states that these save can be "
            "merged again."
        )
    if merged:
        return list(states)
    for state in states:
        _check_mergeable(state)
    for state in states[1:]:
        _check_same(states[0], state, IN_A_RUN)
    return _each_once(states)


def running_epoch(states: Sequence[State]) -> int:
    """The epoch to go on with: a start of the next one is the end of this one.

    Raises:
        StateError: ranks stand inside different epochs.
    """
    first, last = (pick(state["epoch"] for state in states) for pick in (min, max))
    early = [state for state in states if state["epoch"] == first]
    late = [state for state in states if state["epoch"] == last]
    is_next = last == first + 1 and len(early) + len(late) == len(states)
    if first == last or (is_next and all(_is_start(state) for state in late)):
        return int(first)
    if is_next and all(_is_finished(state) for state in early):
        return int(last)
    ranks = {state["epoch"]: state["rank"] for state in states}
    raise StateError(
        f"rank {ranks[first]} stands in epoch {first}, and rank {ranks[last]} in epoch {last}. "
        "Ranks in one epoch were expected, or some that are at its end or at the start of the "
        f"next. {TOGETHER}"
    )


def check_together(states: Sequence[State]) -> None:
    """Refuses states of one epoch that do not share out the same.

    Raises:
        StateError: something differs; the message names the rank.
    """
    for state in states[1:]:
        _check_same(states[0], state, IN_AN_EPOCH)


def _check_same(first: State, state: State, keys: Sequence[str]) -> None:
    for key in keys:
        if first.get(key) != state.get(key):
            raise StateError(
                f"the state of rank {state['rank']} has {key} {str(state.get(key))[:SHOWN]!r}, and "
                f"that of rank {first['rank']} has {str(first.get(key))[:SHOWN]!r}. The same was "
                f"expected of all ranks of a run. {TOGETHER}"
            )


def _each_once(states: Sequence[State]) -> list[State]:
    world_size = states[0]["world_size"]
    counts = Counter(state["rank"] for state in states)
    doubled = sorted(rank for rank, count in counts.items() if count > 1)
    missing = [rank for rank in range(world_size) if rank not in counts]
    if doubled or missing or len(counts) != world_size:
        twice = f"rank {doubled[0]} is given {counts[doubled[0]]} times" if doubled else ""
        lacking = f"rank{'s' * (len(missing) > 1)} {', '.join(map(str, missing[:8]))} missing"
        raise StateError(
            f"of the {world_size} ranks, {twice or lacking}. The state of each rank from 0 to "
            f"{world_size - 1} was expected, once: else records would be lost, or delivered "
            "twice. Give the file of each rank, once."
        )
    return sorted(states, key=lambda state: int(state["rank"]))


def _check_mergeable(state: State) -> None:
    rank = state["rank"]
    if not _is_rank(state):
        raise StateError(
            f"a state says rank {rank!r} of {state['world_size']!r}. A rank from 0 on, below the "
            "world's size, was expected. Merge what state_dict() gave, unchanged."
        )
    kinds = [memo_kind(memo) for memo in state.get("stages", ())]
    sizes = (state.get("unit"), state.get("count", -1) or 0)
    is_sized = all(type(one) is int and one >= 0 for one in sizes) and sizes[0]
    if not is_sized or "place" in kinds or "mask" in kinds[1:]:
        raise StateError(
            f"the state of rank {rank} is of a chain that cannot be merged, {state['chain']!r}: "
            "it counts records on each rank, makes a window of them again, or stands over whole "
            "chains. Load it on the same number of ranks; loader.explain() shows which stages "
            "run beside the consumer."
        )
    # Each says what is wrong with a state that was changed.
    leftovers_of(state.get("leftovers"))
    position_of(state, len(state.get("failed", ())))


def _is_rank(state: State) -> bool:
    numbers = (state["rank"], state["world_size"])
    return all(type(one) is int for one in numbers) and 0 <= numbers[0] < numbers[1]


def _is_start(state: State) -> bool:
    position = {key: state[key] for key in POSITION_KEYS if key in state}
    return is_start(position) and state.get("rest") is None


def _is_finished(state: State) -> bool:
    # In the repeats of its last batch a rank stands before it, and has given all.
    return "padded" in state or place_of(state, Extent.of(state)).is_over
