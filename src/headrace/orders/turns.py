"""Position in a mix -> (source, how many of that source came before), by arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from headrace.contracts.order import Indices
from headrace.orders.bounds import INFINITE
from headrace.orders.groups import groups
from headrace.orders.pattern import Pattern
from headrace.orders.permutation import inverses

# So many turns of periods are laid out at once, at most: 8 MiB an array.
LAID_TURNS = 2**20


@dataclass(frozen=True)
class Phases:
    """Runs of periods in which the same number of turns is taken, the others passed over.

    **Shape**: one number a phase: its first position, its first period, the turns taken in each
    period, its stretch.
    """

    begins: Indices
    periods: Indices
    taken: Indices
    stretches: Indices
    count: int


@dataclass(frozen=True)
class Turns:
    """Who has the turn at each position of a mix, where sources end at `limits`.

    Turns of sources that are over are passed over, which keeps the proportions of the others.
    Phases are laid out once, in O(sources log sources); after that any position is reached in
    one step, at the cost of its period.
    """

    pattern: Pattern
    limits: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many turns are taken in all."""
        return self.phases.count

    @cached_property
    def phases(self) -> Phases:
        """The phases, in order."""
        found: list[tuple[int, int, int, int]] = []
        begin = 0
        for number in range(len(self.pattern.stretches)):
            follower = self.pattern.stretches[number + 1 : number + 2]
            end = follower[0].period if follower else None
            for period, stop, taken in self._steps(number, end):
                if taken and begin < INFINITE:
                    found.append((begin, period, taken, number))
                    begin += (INFINITE if stop is None else stop - period) * taken
        table = np.array(found, dtype=np.int64).reshape(-1, 4).T
        return Phases(table[0], table[1], table[2], table[3], min(begin, INFINITE))

    def at(self, epoch: int, positions: Indices) -> tuple[Indices, Indices]:
        """The source at each position, and how many of its records came before."""
        phases = self.phases
        phase = np.searchsorted(phases.begins, positions, side="right") - 1
        periods, places = np.divmod(positions - phases.begins[phase], phases.taken[phase])
        periods += phases.periods[phase]
        sources, before = np.empty_like(positions), np.empty_like(positions)
        for number, chosen in groups(phases.stretches[phase]):
            stretch, inside = self.pattern.stretches[number], periods[chosen]
            entries = np.empty_like(inside)
            for block, met, row in _laid(inside, stretch.size):
                entries[block] = self._entries(epoch, number, met)[row, places[chosen][block]]
            owners = stretch.owners[entries]
            sources[chosen] = owners
            turns = (inside - stretch.period) * stretch.counts[owners]
            before[chosen] = stretch.before[owners] + turns + entries - stretch.entries[owners]
        return sources, before

    def locate(self, epoch: int, sources: Indices, before: Indices) -> Indices:
        """The position of each turn of a source, -1 where it is not taken."""
        found = np.full(len(before), -1, dtype=np.int64)
        limits = np.array(self.limits, dtype=np.int64)
        taken = np.flatnonzero((before >= 0) & (before < limits[sources]))
        numbers = np.full(len(taken), -1, dtype=np.int64)
        for stretch in self.pattern.stretches:
            numbers += stretch.before[sources[taken]] <= before[taken]
        for number, chosen in groups(numbers):
            asked = taken[chosen]
            found[asked] = self._located(epoch, number, sources[asked], before[asked])
        return found

    def _located(self, epoch: int, number: int, sources: Indices, before: Indices) -> Indices:
        stretch, phases = self.pattern.stretches[number], self.phases
        periods, turns = np.divmod(before - stretch.before[sources], stretch.counts[sources])
        periods += stretch.period
        entries = stretch.entries[sources] + turns
        places = np.empty_like(periods)
        for block, met, row in _laid(periods, stretch.size):
            slots = inverses(self._entries(epoch, number, met))
            places[block] = slots[row, entries[block]]
        phase = np.searchsorted(phases.periods, periods, side="right") - 1
        since = periods - phases.periods[phase]
        return phases.begins[phase] + since * phases.taken[phase] + places

    def _entries(self, epoch: int, number: int, periods: Indices) -> Indices:
        """The entry at each place of each period, those that are passed over last."""
        stretch = self.pattern.stretches[number]
        slots = self.pattern.slots(epoch, stretch, periods)
        wholes, rests = self._ends[number]
        since = (periods - stretch.period)[:, None]
        if since.size == 0 or since.max() < wholes[stretch.owners].min():
            return inverses(slots)
        turns = np.arange(stretch.size) - stretch.entries[stretch.owners]
        ends = wholes[stretch.owners]
        is_over = (since > ends) | ((since == ends) & (turns >= rests[stretch.owners]))
        # Sorted with the entry in the low bits: five times faster than an argsort.
        width = stretch.size.bit_length()
        slots += stretch.size * is_over
        slots <<= width
        slots |= np.arange(stretch.size)
        slots.sort(axis=1)
        slots &= (1 << width) - 1
        return slots

    @cached_property
    def _ends(self) -> list[tuple[Indices, Indices]]:
        """For each stretch, how many whole periods each source still has, and turns after."""
        found = []
        limits = np.array(self.limits, dtype=np.int64)
        for stretch in self.pattern.stretches:
            left = np.maximum(limits - stretch.before, 0)
            wholes, rests = np.divmod(left, np.maximum(stretch.counts, 1))
            found.append((wholes, rests))
        return found

    def _steps(self, number: int, end: int | None) -> Iterator[tuple[int, int | None, int]]:
        """Runs of periods of one stretch in which the same number of turns is taken."""
        stretch = self.pattern.stretches[number]
        changes = Counter({stretch.period: 0})
        wholes, rests = (ends.tolist() for ends in self._ends[number])
        for count, whole, rest in zip(stretch.counts.tolist(), wholes, rests, strict=True):
            if not count:
                continue
            changes[stretch.period] += count
            changes[stretch.period + whole] += rest - count
            changes[stretch.period + whole + 1] -= rest
        periods = sorted(period for period in changes if end is None or period < end)
        stops: Sequence[int | None] = [*periods[1:], end]
        taken = 0
        for period, stop in zip(periods, stops, strict=True):
            taken += changes[period]
            yield period, stop, taken


def _laid(periods: Indices, size: int) -> Iterator[tuple[slice, Indices, Indices]]:
    """Blocks of positions; for each the periods met, and which of them each position is in."""
    met, row = _numbered(periods)
    if len(met) * size <= LAID_TURNS:
        yield slice(0, len(periods)), met, row
        return
    step = max(1, LAID_TURNS // size)
    for start in range(0, len(periods), step):
        block = slice(start, start + step)
        yield block, *_numbered(periods[block])


def _numbered(labels: Indices) -> tuple[Indices, Indices]:
    """The labels met, and the number of each one among them."""
    if not len(labels):
        return labels, labels
    least = labels.min()
    span = int(labels.max() - least) + 1
    # Neighbours are numbered ten times faster than they are sorted.
    if span <= 4 * len(labels):
        is_met = np.zeros(span, dtype=np.bool_)
        is_met[labels - least] = True
        return np.flatnonzero(is_met) + least, (np.cumsum(is_met) - 1)[labels - least]
    met, row = np.unique(labels, return_inverse=True)
    return met, row
