"""The consumer of a timed run: when it waited, when it held a record, and for which stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from headrace.contracts.timing import Timing, Turn
from headrace.engine.measured import beside
from headrace.watching import core_time

T = TypeVar("T")

# Outputs that come faster are written down as one turn: to look at all stages takes some 10 us.
TURN_S = 0.001
# To ask what a thread has waited for a core takes some 10 us, too.
LOOK_S = 0.01


def held(records: Iterator[T], timing: Timing, epoch: Callable[[], int]) -> Iterator[T]:
    """The records as they are, with the times at which they are asked for and let go.

    `epoch` is asked for while a record of it is held.
    """
    clock = time.perf_counter
    turns = Turns(timing)
    asked = clock()
    try:
        for record in records:
            given = clock()
            timing.first_s = timing.first_s or given - asked
            timing.wall_s += given - asked
            if not turns.outputs:
                turns.begin(asked, epoch())
            yield record
            let_go = clock()
            timing.held_s += let_go - given
            timing.wall_s += let_go - given
            turns.note(asked, given, let_go)
            asked = let_go
        timing.wall_s += clock() - asked
    finally:
        turns.write()


class Turns:
    """Adds up outputs to turns, and writes these down."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._busy = beside(timing.chain, timing)
        self.outputs = 0
        self._cores, self._looked_s = core_time(), time.perf_counter()
        self.begin(0.0, None)

    def begin(self, begin_s: float, epoch: int | None) -> None:
        """Begins a turn with an output of this epoch that was asked for then."""
        self._begin_s = begin_s
        self._epoch = None if epoch is None else self._timing.epoch(epoch)
        self._waited_s = self._held_s = 0.0

    def note(self, asked: float, given: float, let_go: float) -> None:
        """Takes one output: when it was asked for, given, and let go."""
        waited_s, held_s = given - asked, let_go - given
        self.outputs += 1
        self._waited_s += waited_s
        self._held_s += held_s
        if self._epoch is not None:
            self._epoch.outputs += 1
            self._epoch.waited_s += waited_s
            self._epoch.held_s += held_s
        if let_go - self._begin_s >= TURN_S:
            self.write()
            if not self._timing.num_workers and let_go - self._looked_s >= LOOK_S:
                self._look(let_go)

    def write(self) -> None:
        """Ends the turn."""
        if not self.outputs:
            return
        busy = beside(self._timing.chain, self._timing)
        changed = ((number, busy[number] - self._busy.get(number, 0.0)) for number in busy)
        self._timing.turns.append(
            Turn(
                self._begin_s,
                self._waited_s,
                self._held_s,
                self.outputs,
                tuple((number, seconds) for number, seconds in changed if seconds > 0),
            )
        )
        self._busy, self.outputs = busy, 0

    def _look(self, now: float) -> None:
        """Notes how long the one thread that does all has waited for a core."""
        cores, self._looked_s = core_time(), now
        self._timing.queued(self._cores, cores)
        self._cores = cores
