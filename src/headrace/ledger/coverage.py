"""How often each position of an epoch was delivered: arithmetic on progressions, in chunks."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from headrace.contracts import Indices
from headrace.contracts.rest import Progression, Progressions
from headrace.ledger.regions import BEGIN, END, Mask
from headrace.ledger.story import Told
from headrace.orders import INFINITE

# Some tens of megabytes of counters at once.
CHUNK_POSITIONS = 2**22


@dataclass(frozen=True)
class Due:
    """The positions that an epoch is to deliver: `lines`, but for those in `without`."""

    lines: Progressions
    without: Progressions = ()

    def mask(self, start: int, stop: int) -> Mask:
        """Which of [start, stop) they are."""
        return _mask(self.lines, start, stop) & ~_mask(self.without, start, stop)


@dataclass(frozen=True)
class Chunk:
    """What became of the positions from `start` on, and of `times` - 1 chunks like it behind.

    `is_due` are the positions that the epoch has, of which `is_delivered` were delivered;
    `is_repeated` by a restart again, `is_doubled` without one.
    """

    start: int
    times: int
    is_due: Mask
    is_delivered: Mask
    is_repeated: Mask
    is_doubled: Mask


def coverage(sessions: Sequence[Told], due: Due, count: int) -> Iterator[Chunk]:
    """What became of the positions [0, `count`), of which `due` are those of the epoch."""
    lines = [line for told in sessions for line in _lines_of(told)] + [*due.lines, *due.without]
    # Between two of these, what happens repeats with the period of all steps.
    borders = sorted({at for start, stop, _ in lines for at in (start, stop) if 0 < at < count})
    borders.append(count)
    fragments = _fragments(sessions)
    period = math.lcm(*{step for *_, step in lines})
    size = period * -(-CHUNK_POSITIONS // period) if period <= CHUNK_POSITIONS else 0
    start = 0
    while start < count:
        gap = borders[bisect_right(borders, start)] - start
        times = gap // size if size else 0
        stop = start + size if times else min(count, start + CHUNK_POSITIONS)
        yield _chunk(sessions, due, fragments, (start, stop, max(1, times)))
        start = start + times * size if times else stop


def padding(sessions: Sequence[Told], count: int) -> int:
    """How many positions beyond the last one were delivered, to even out the ranks."""
    lines = (line for told in sessions for line in told.counted.at(BEGIN))
    return sum(len(range(start, stop, step)) for start, stop, step in _from(lines, count))


def _from(lines: Iterable[Progression], count: int) -> Iterator[Progression]:
    for start, stop, step in lines:
        first = start if start >= count else start + -(-(count - start) // step) * step
        if first < stop < INFINITE:
            yield first, stop, step


def _lines_of(told: Told) -> Iterator[Progression]:
    for region in (told.delivered, told.counted, *told.taken_back):
        yield from region.lines


def _chunk(
    sessions: Sequence[Told],
    due: Due,
    fragments: list[tuple[Indices, list[tuple[float, ...]]]],
    span: tuple[int, int, int],
) -> Chunk:
    start, stop, times = span
    counts = _Counts(start, stop)
    for told in sessions:
        counts.add(told)
    is_due = due.mask(start, stop)
    missing, repeated, doubled = counts.verdict()
    for positions, places in fragments:
        inside = positions[(positions >= start) & (positions < stop)]
        if len(inside):
            found = _of_fragment(sessions, inside, places)
            for mask, one in zip((missing, repeated, doubled), found, strict=True):
                mask[inside - start] = one
    return Chunk(start, times, is_due, ~missing, repeated & ~doubled & ~missing, doubled)


class _Counts:
    """How often the first output of each position of a chunk was delivered, and counts."""

    def __init__(self, start: int, stop: int) -> None:
        self._start = start
        self._stop = stop
        self._all = np.zeros(stop - start, dtype=np.uint16)
        self._counted = np.zeros(stop - start, dtype=np.uint16)
        self._masks: dict[int, Mask] = {}

    def add(self, told: Told) -> None:
        for inside in _slices(told.delivered.at(BEGIN), self._start, self._stop):
            self._all[inside] += 1
        for inside in _slices(told.counted.at(BEGIN), self._start, self._stop):
            if told.taken_back:
                self._counted[inside] += ~self._without(told)[inside]
            else:
                self._counted[inside] += 1

    def verdict(self) -> tuple[Mask, Mask, Mask]:
        """Which positions are missing, repeated, doubled."""
        return self._counted == 0, self._all > 1, self._counted > 1

    def _without(self, told: Told) -> Mask:
        found = np.zeros(self._stop - self._start, dtype=np.bool_)
        for region in told.taken_back:
            # Ranks that were merged share the region: it is laid out once.
            mask = self._masks.get(id(region))
            if mask is None:
                mask = _mask(region.at(BEGIN), self._start, self._stop)
                self._masks[id(region)] = mask
            found |= mask
        return found


def _mask(lines: Progressions, start: int, stop: int) -> Mask:
    found = np.zeros(stop - start, dtype=np.bool_)
    for inside in _slices(lines, start, stop):
        found[inside] = True
    return found


def _slices(lines: Progressions, start: int, stop: int) -> Iterator[slice]:
    for begin, end, step in lines:
        first = begin if begin >= start else begin + -(-(start - begin) // step) * step
        if first < min(end, stop):
            yield slice(first - start, min(end, stop) - start, step)


def _fragments(sessions: Sequence[Told]) -> list[tuple[Indices, list[tuple[float, ...]]]]:
    """The units of which some session meant a part, and the places between which parts lie."""
    places: dict[Progressions, set[tuple[float, ...]]] = {}
    for told in sessions:
        for region in (told.delivered, told.counted, *told.taken_back):
            for positions, start, stop in region.fragments:
                places.setdefault(positions, {BEGIN, END}).update((start, stop))
    return [(_positions(row), sorted(found)) for row, found in places.items()]


def _of_fragment(
    sessions: Sequence[Told], positions: Indices, places: list[tuple[float, ...]]
) -> tuple[Mask, Mask, Mask]:
    """Which of a unit's positions are missing, repeated, doubled, in any of their outputs."""
    missing, repeated, doubled = np.zeros((3, len(positions)), dtype=np.bool_)
    for place, _ in pairwise(places):
        delivered = sum(told.delivered.holds(positions, place).astype(int) for told in sessions)
        counted = sum(_counted(told, positions, place) for told in sessions)
        missing |= counted == 0
        repeated |= delivered > 1
        doubled |= counted > 1
    return missing, repeated, doubled


def _counted(told: Told, positions: Indices, place: tuple[float, ...]) -> npt.NDArray[np.int64]:
    found = told.counted.holds(positions, place)
    for region in told.taken_back:
        found &= ~region.holds(positions, place)
    return found.astype(np.int64)


def _positions(row: Progressions) -> Indices:
    return np.concatenate([np.arange(*line, dtype=np.int64) for line in row])
