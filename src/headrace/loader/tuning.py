"""How many workers a loader should have: found while it runs, from nothing but its pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from headrace.contracts import Resizable, Workers
from headrace.contracts.errors import ArgumentError
from headrace.watching import cores

T = TypeVar("T")

# Shorter windows would compare a few tasks, and tasks come in bursts.
WINDOW_S = 0.25
WINDOW_OUTPUTS = 4
# More workers must give a tenth more; what gives less is noise on a machine that does other work.
BETTER = 1.1
# A loop that waits for less than this has what it needs; far less, and fewer workers may do.
WAITS, IDLE = 0.05, 0.01
# It climbs again where the pace is another one for so many windows, each time twice as many.
CHANGED, PATIENCE = 0.25, 3
# Threads may wait rather than compute: so many for each core at most.
THREADS_A_CORE = 4
# More decisions than a person reads.
KEPT_DECISIONS = 50


class Tuner:
    """Climbs to the number of workers that more would not make faster; it reads no clock.

    It doubles the number while that helps, then looks between the best and the first that did
    not help. A loop that hardly waits gets no more, and fewer where these do.
    """

    def __init__(self, workers: int, most: int) -> None:
        self.workers = workers
        self.decisions = [workers]
        self._most = max(workers, most)
        self._patience = PATIENCE
        # The window after a change still has results of before.
        self._is_stale = True
        self._open()

    def window(self, rate: float, waited: float) -> int:
        """Takes outputs a second and the share of time waited; gives the number from now on."""
        if self._is_stale:
            self._is_stale = False
            return self.workers
        if self._settled is not None:
            self._watch(rate, waited)
        elif self._is_falling:
            self._fall(rate, waited)
        else:
            self._climb(rate, waited)
        return self.workers

    def _open(self) -> None:
        """Begins a climb from the present number."""
        # The best so far, and the least number that is known to be no better.
        self._best: tuple[int, float] | None = None
        self._over: int | None = None
        self._is_falling = False
        # The pace when the climb ended, and how many windows have had another one since.
        self._settled: tuple[float, float] | None = None
        self._changed = 0

    def _climb(self, rate: float, waited: float) -> None:
        is_first = self._best is None
        if self._best is None or rate > self._best[1] * BETTER:
            self._best = (self.workers, rate)
        else:
            self._over = self.workers
        best, reached = self._best
        if is_first and waited < IDLE and best > 1:
            self._is_falling = True
            self._set(best // 2)
        elif best == self.workers and waited <= WAITS:
            self._settle(best, reached, waited)
        else:
            wanted = min(2 * best, self._most) if self._over is None else (best + self._over) // 2
            if wanted == best:
                self._settle(best, reached, waited)
            else:
                self._set(wanted)

    def _fall(self, rate: float, waited: float) -> None:
        assert self._best is not None
        best, reached = self._best
        if waited > WAITS or rate * BETTER < reached:
            self._settle(best, reached, 0.0)
            return
        self._best = (self.workers, max(rate, reached))
        if self.workers == 1 or waited > IDLE:
            self._settle(*self._best, waited)
        else:
            self._set(self.workers // 2)

    def _watch(self, rate: float, waited: float) -> None:
        """Begins anew where the loop has come to wait, or waits at another pace, for long."""
        assert self._settled is not None
        before, waited_before = self._settled
        is_new = waited_before <= WAITS or abs(rate / before - 1) > CHANGED
        self._changed = self._changed + 1 if waited > 2 * WAITS and is_new else 0
        if self._changed >= self._patience:
            self._patience *= 2
            self._open()

    def _settle(self, workers: int, rate: float, waited: float) -> None:
        self._settled = (max(rate, 1e-9), waited)
        self._set(workers)

    def _set(self, workers: int) -> None:
        if workers != self.workers:
            self.workers = workers
            self._is_stale = True
            self.decisions.append(workers)
            del self.decisions[:-KEPT_DECISIONS]


class Autotune:
    """Watches the pace of a loader, and gives its workers the number that a `Tuner` says."""

    def __init__(
        self, workers: Callable[[], Workers | None], told: Callable[[int], None], *, most: int
    ) -> None:
        self._workers = workers
        self._told = told
        self._most = most
        self._tuner: Tuner | None = None
        self._start()

    @property
    def decisions(self) -> list[int]:
        """The numbers of workers so far, the first one the user's."""
        return [] if self._tuner is None else list(self._tuner.decisions)

    def watched(self, records: Iterator[T]) -> Iterator[T]:
        """The records as they are; between two of them the number of workers may change.

        Raises:
            ArgumentError: the number of these workers cannot change.
        """
        clock = time.perf_counter
        # Before the first record: whoever asked for it should hear of it at once.
        self._resizable()
        # A window may go on from the pass before; what passed in between is no part of it.
        asked = clock()
        for record in records:
            given = clock()
            yield record
            now = clock()
            self._waited_s += given - asked
            self._wall_s += now - asked
            self._outputs += 1
            asked = now
            if self._wall_s >= WINDOW_S and self._outputs >= WINDOW_OUTPUTS:
                self._decide()

    def _decide(self) -> None:
        workers = self._resizable()
        if workers is None:
            return
        if self._tuner is None:
            self._tuner = Tuner(workers.num_workers, self._most)
        wanted = self._tuner.window(self._outputs / self._wall_s, self._waited_s / self._wall_s)
        if wanted != workers.num_workers:
            workers.resize(wanted)
            self._told(workers.num_workers)
        self._start()

    def _resizable(self) -> Resizable | None:
        workers = self._workers()
        if workers is None or isinstance(workers, Resizable):
            return workers
        raise not_resizable(type(workers).__name__)

    def _start(self) -> None:
        """Begins a window."""
        self._outputs, self._wall_s, self._waited_s = 0, 0.0, 0.0


def most_workers(*, shares_globals: bool) -> int:
    """How many workers this machine may be given at most."""
    return cores() * (THREADS_A_CORE if shares_globals else 1)


def not_resizable(backend: object) -> ArgumentError:
    """The error where the number of workers cannot change."""
    return ArgumentError(
        f"autotune changes the number of workers while a loader runs, and that of {backend} "
        "cannot change. Use hr.Threads(1), or leave autotune out."
    )
