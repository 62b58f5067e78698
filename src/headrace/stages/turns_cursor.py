"""Reading whole chains in turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headrace.contracts import Block, Mark, Node, Run, State, iterate, marker
from headrace.contracts.errors import StateError
from headrace.orders import INFINITE, Pattern, Stop, Turns, pass_epoch
from headrace.stages.repeat import turn_of
from headrace.stages.turns_place import MixMark, Place, Running

# Any, in this file: a stage is met before its record types are known.
# Turns are found out ahead in blocks, which grow, so that the first record does not wait.
FIRST_TURNS, MOST_TURNS = 64, 4_096
END = object()


@dataclass(frozen=True)
class Rule:
    """In which turns sources are read, and when that ends."""

    pattern: Pattern
    stop: Stop
    max_repeats: int | None = None

    def __str__(self) -> str:
        cap = "" if self.max_repeats is None else f", max_repeats={self.max_repeats}"
        return f"{self.pattern}, stop={self.stop}{cap}"


class MixCursor:
    """Reads whoever has the turn; opens a chain when its first turn comes.

    The state holds the next turn, and for each chain where it stands: None before it was opened,
    {} after its end. A chain that may begin again has the number of its pass around that.
    """

    def __init__(
        self, chains: tuple[Node[Any], ...], rule: Rule, turns: Turns, run: Run, state: State | None
    ) -> None:
        self._chains = chains
        self._rule = rule
        self._turns = turns
        self._run = run
        self._turn, parents = _loaded(len(chains), state)
        self._is_over = False
        self._failure: BaseException | None = None
        # Of each chain: where to open it, the number of its pass, whether it is used up.
        self._parents: list[State | None] = parents
        self._passes = [0] * len(parents)
        self._is_ended = np.array([parent == {} for parent in parents])
        if self._rule.stop == "cycle":
            for source in np.flatnonzero(~self._is_ended):
                self._passes[source], self._parents[source] = turn_of(parents[source])
        self._open: dict[int, Running] = {}
        # Where each chain stood at the last mark, and which ones have moved since: of a thousand
        # chains, few have.
        self._places = [self._place(source) for source in range(len(parents))]
        self._moved: set[int] = set()
        # Chains of whose pass, begun here, no record came yet.
        self._untried: set[int] = set()
        # The turns found out ahead: their numbers and chains, the next one first.
        self._ahead: Iterator[tuple[int, int]] = iter(())
        self._next: tuple[int, int] | None = None
        self._size = FIRST_TURNS
        # Of each chain, the turn from which on it has none any more.
        self._last_turns = [_last_turn(turns, source) for source in range(len(parents))]

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        try:
            while len(found) < n and self._has_turn():
                assert self._next is not None
                turn, source = self._next
                self._moved.add(source)
                record = next(self._records(source), END)
                if record is not END:
                    found.append(record)
                    self._untried.discard(source)
                    self._turn, self._next = turn + 1, None
                elif found:
                    # What ended is settled by the next read, so that the state is the one after
                    # the last record given.
                    break
                else:
                    self._end(source)
        except BaseException as error:
            self._failure = error
            if not found:
                raise
        return found

    def mark(self) -> MixMark:
        for source in self._moved:
            self._places[source] = self._place(source)
        self._moved.clear()
        return MixMark(self._turn, tuple(self._places))

    def state(self) -> State:
        return self.mark().state()

    def close(self) -> None:
        for running in self._open.values():
            running.cursor.close()

    def _place(self, source: int) -> Place:
        where: Mark | State | None = self._parents[source]
        if source in self._open:
            where = self._open[source].mark()
        number = self._passes[source] if self._rule.stop == "cycle" else None
        return Place(where, number, bool(self._is_ended[source]))

    def _records(self, source: int) -> Iterator[Any]:
        if source not in self._open:
            run = replace(self._run, epoch=pass_epoch(self._run.epoch, self._passes[source]))
            cursor = self._chains[source].open(run, self._parents[source])
            self._open[source] = Running(cursor, iterate(cursor), marker(cursor))
            if self._parents[source] is None:
                self._untried.add(source)
        return self._open[source].records

    def _has_turn(self) -> bool:
        """Whether there is a next turn; finds out more of them."""
        while self._next is None and not self._is_over:
            self._next = next(self._ahead, None)
            if self._next is None:
                self._look_ahead()
        return not self._is_over

    def _look_ahead(self) -> None:
        begin = self._turn
        while True:
            end = min(begin + self._size, self._turns.count)
            if begin >= end:
                self._is_over = True
                return
            turns = np.arange(begin, end, dtype=np.int64)
            sources, _ = self._turns.at(self._run.epoch, turns)
            is_taken = ~self._is_ended[sources]
            self._size = min(2 * self._size, MOST_TURNS)
            if is_taken.any():
                chosen = turns[is_taken].tolist(), sources[is_taken].tolist()
                self._ahead = zip(*chosen, strict=True)
                return
            begin = self._after(end)

    def _after(self, turn: int) -> int:
        """The next turn that may be taken: where all have ended, the next weights begin."""
        phases = self._turns.phases
        ends = [*phases.begins[1:].tolist(), self._turns.count]
        for begin, end, number in zip(phases.begins, ends, phases.stretches, strict=True):
            has_turns = self._turns.pattern.stretches[number].counts > 0
            if turn < end and (has_turns & ~self._is_ended).any():
                return max(turn, int(begin))
        return self._turns.count

    def _end(self, source: int) -> None:
        """Settles that a chain gave its last record: it begins again, is over, or all is."""
        # A mix that is over keeps its state: read from there, it finds the same end.
        self._is_over = self._rule.stop == "first" or self._is_last(source)
        if self._is_over:
            return
        self._open.pop(source).cursor.close()
        self._parents[source] = None
        self._passes[source] += 1
        if not self._begins_again(source):
            self._is_ended[source] = True
            self._ahead, self._next = iter(()), None

    def _begins_again(self, source: int) -> bool:
        # A pass without a record would be followed by others without end.
        if self._rule.stop != "cycle" or source in self._untried:
            return False
        return self._rule.max_repeats is None or self._passes[source] < self._rule.max_repeats

    def _is_last(self, source: int) -> bool:
        """Whether a chain that has ended is the last that was waited for."""
        others = (other for other in range(len(self._chains)) if other != source)
        return self._rule.stop == "cycle" and all(map(self._is_whole, others))

    def _is_whole(self, source: int) -> bool:
        """Whether a chain was seen whole, or will never be."""
        is_past = self._last_turns[source] <= self._turn
        return is_past or self._passes[source] > 0 or bool(self._is_ended[source])


def _last_turn(turns: Turns, source: int) -> int:
    stretches, phases = turns.pattern.stretches, turns.phases
    last = max((n for n, one in enumerate(stretches) if one.counts[source]), default=-1)
    later = phases.begins[phases.stretches > last]
    return int(later[0]) if len(later) else turns.count


def _loaded(sources: int, state: State | None) -> tuple[int, list[State | None]]:
    if state is None:
        return 0, [None] * sources
    turn, parents = state.get("turn"), state.get("parents")
    fits = isinstance(parents, list) and all(isinstance(one, dict | None) for one in parents)
    if type(turn) is not int or not 0 <= turn <= INFINITE or not fits:
        raise StateError(
            f"a state of a mix must say turn and parents, got {sorted(state)}. "
            "Load what state_dict() gave, unchanged."
        )
    assert isinstance(parents, list)
    if len(parents) != sources:
        raise StateError(
            f"a mix of {sources} streams was given a state of {len(parents)}. "
            "Load a state of this very chain."
        )
    return turn, list(parents)
