"""Sets of positions as progressions, shared out among ranks and cut: arithmetic alone.

A row of progressions stands for their positions one progression after the other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

import numpy as np

from headrace.contracts.rest import Progression, Progressions
from headrace.contracts.stage import Remainder
from headrace.orders.bounds import INFINITE


def size_of(row: Progressions) -> int:
    """How many positions a row has."""
    return sum(len(range(*one)) for one in row)


def is_endless(row: Progressions) -> bool:
    """Whether the positions never end."""
    return any(stop >= INFINITE for _, stop, _ in row)


def shared(row: Progressions, rank: int, world_size: int) -> Progressions:
    """The positions `rank`, `rank` + `world_size`, ... of a row: one progression of each."""
    found: list[Progression] = []
    before = 0
    for start, stop, step in row:
        first = (rank - before) % world_size
        found.append((start + first * step, stop, step * world_size))
        before += len(range(start, stop, step))
    return tuple(found)


def evened(row: Progressions, world_size: int, remainder: Remainder, count: int) -> Progressions:
    """The row made divisible among ranks, as `remainder` says.

    Padding are positions from `count` on, the number of all positions of the epoch.
    """
    odd = 0 if remainder == "keep" or is_endless(row) else size_of(row) % world_size
    if not odd:
        return row
    if remainder == "pad":
        return (*row, (count, count + world_size - odd, 1))
    return sliced(row, 0, size_of(row) - odd)


def sliced(row: Progressions, start: int, stop: int) -> Progressions:
    """The positions from place `start` to place `stop` of a row."""
    found: list[Progression] = []
    for first, end, step in row:
        inside = range(first, end, step)[max(0, start) : max(0, stop)]
        if inside:
            found.append((inside[0], inside[-1] + 1, step))
        start, stop = start - len(range(first, end, step)), stop - len(range(first, end, step))
    return tuple(found)


def used(row: Progressions, count: int, *, is_rising: bool) -> list[int]:
    """How many positions of each progression are among the first `count` of the row.

    With `is_rising` the first ones are the lowest, else those of the first progressions.
    """
    if is_rising:
        bound = _bound_of(row, count)
        return [len(range(start, min(stop, bound), step)) for start, stop, step in row]
    found: list[int] = []
    for one in row:
        taken = min(count, len(range(*one)))
        count -= taken
        found.append(taken)
    return found


def between(row: Progressions, start: int, stop: int, *, is_rising: bool) -> Progressions:
    """The positions from place `start` to place `stop`, in the order of `used`."""
    return joined(rising(row, start, stop)) if is_rising else sliced(row, start, stop)


def rising(row: Progressions, start: int, stop: int) -> list[int]:
    """The positions from place `start` to place `stop` where the lowest come first."""
    stop = min(stop, size_of(row))
    if start >= stop:
        return []
    least, bound = _bound_of(row, start), _bound_of(row, stop)
    found: list[int] = []
    for first, end, step in row:
        begin = first + len(range(first, min(end, least), step)) * step
        found += range(begin, min(end, bound), step)
    return sorted(found)


def lowest_first(row: Progressions) -> Iterator[int]:
    """All positions, the lowest first."""
    return merge(*(range(*one) for one in row))


def left_of(row: Progressions, taken: Sequence[Sequence[int]]) -> Progressions:
    """What is left of a row where rank r took `taken[r][i]` positions of its share of the i-th.

    Where the ranks are in step their tails are one progression again; each rank that lags behind
    adds one.
    """
    world_size = len(taken)
    ranks = np.arange(world_size, dtype=np.int64)
    # A share may have lost progressions to even out the ranks, or have padding behind them.
    padded = [(*counts[: len(row)], *(0,) * (len(row) - len(counts))) for counts in taken]
    # Unsigned: of a row without end, a rank that is through has taken more than fits with a sign.
    counts = np.array(padded, dtype=np.uint64)
    found: list[Progression] = []
    before = 0
    for number, (start, stop, step) in enumerate(row):
        size = len(range(start, stop, step))
        # The first place of the progression that each rank has not taken.
        offsets = ((ranks - before % world_size) % world_size).astype(np.uint64)
        firsts = offsets + counts[:, number] * np.uint64(world_size)
        # From here on no place is taken: the ranks that took the most lie before it.
        tail = min(size, max(0, int(firsts.max()) - world_size + 1))
        if stop >= INFINITE and size - tail < world_size:
            # Some are through with what never ends, and the others go on without an end.
            tail = size
        end = min(stop, start + tail * step)
        begins = [start + place * step for place in firsts[firsts < tail].tolist()]
        found += [(begin, end, step * world_size) for begin in begins]
        if tail < size:
            found.append((start + tail * step, stop, step))
        before += size
    return tuple(found)


def joined(positions: Iterable[int]) -> Progressions:
    """Positions in their order as few progressions."""
    found: list[Progression] = []
    start: int | None = None
    last = step = 0
    for position in positions:
        if start is not None and position > last and step in (0, position - last):
            step, last = position - last, position
            continue
        if start is not None:
            found.append((start, last + 1, step or 1))
        start, last, step = position, position, 0
    if start is not None:
        found.append((start, last + 1, step or 1))
    return tuple(found)


def _bound_of(row: Progressions, count: int) -> int:
    """The least bound below which `count` positions lie; beyond all where there are fewer."""

    def below(bound: int) -> int:
        return sum(len(range(start, min(stop, bound), step)) for start, stop, step in row)

    return bisect_left(range(INFINITE), count, key=below)
