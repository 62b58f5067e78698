"""A bounded window of tasks in flight, whose results come in the order of the tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, TypeVar

from headrace.contracts import Resizable, Workers
from headrace.schedule.handed import Handed
from headrace.schedule.pump import Pump

R = TypeVar("R")


class Schedule(Generic[R]):
    """Runs tasks ahead of their consumer; at most `look_ahead` of them are undelivered.

    Where a task costs nothing to make, the next one is submitted when a result is taken: the
    window counts undelivered results, so nothing could be submitted earlier. Where its input
    must be drawn (`is_pumped`), a thread draws and submits. Workers whose number may change say
    themselves how far ahead they may run.
    """

    def __init__(
        self,
        workers: Workers,
        tasks: Iterator[Callable[[], R]],
        *,
        look_ahead: int,
        is_pumped: bool = False,
    ) -> None:
        self._workers = workers
        self._resizable = workers if isinstance(workers, Resizable) else None
        self._tasks = tasks
        self._look_ahead = look_ahead
        # Invariant: at most `_bound()` tasks are added to, oldest first.
        self._flight: deque[Handed[R]] = deque()
        self._is_paused = False
        self._lock = Lock()
        self._error: Exception | None = None
        self._is_closed = False
        self._pump = Pump(self._submitted(), self._bound) if is_pumped else None

    def next(self) -> R | None:
        """The oldest undelivered result, None after the last.

        Raises:
            Exception: what drawing the tasks raised, at its place.
        """
        self.resume()
        if self._pump is not None:
            handed = self._pump.next()
            return None if handed is None else handed.result()
        self._fill()
        if not self._flight:
            if self._error is not None:
                raise self._error
            return None
        # Taken off only when it is there: waiting may be interrupted.
        result = self._flight[0].result()
        self._flight.popleft()
        self._fill()
        return result

    def begin(self) -> None:
        """Submits as many tasks as may be ahead, before any result is asked for."""
        if self._pump is None:
            self._fill()

    def is_settled(self) -> bool:
        """Whether the results of all that may be ahead are there."""
        ahead = self._flight if self._pump is None else self._pump.drawn()
        is_full = self._pump is None or self._pump.is_full()
        return is_full and all(handed.done() for handed in ahead)

    def pause(self) -> None:
        """Lets the workers finish what they run, and begin nothing new."""
        self._is_paused = True
        for handed in list(self._flight) if self._pump is None else self._pump.drawn():
            handed.take_back()

    def resume(self) -> None:
        """Goes on; to ask for a result does so too."""
        if not self._is_paused:
            return
        self._is_paused = False
        for handed in list(self._flight) if self._pump is None else self._pump.drawn():
            handed.hand_on()
        if self._pump is not None:
            self._pump.wake()

    def close(self) -> None:
        """Cancels what has not begun."""
        self._is_closed = True
        waiting = self._pump.close() if self._pump is not None else list(self._flight)
        for future in waiting:
            future.cancel()
        self._flight.clear()
        # Ends the iterator too, and with it the user's generator behind it.
        self._tasks = iter(())

    def _fill(self) -> None:
        while len(self._flight) < self._bound() and self._error is None and not self._is_closed:
            try:
                task = next(self._tasks)
            except StopIteration:
                return
            except Exception as error:
                self._error = error
                return
            self._flight.append(Handed(self._workers, task, self._lock))

    def _bound(self) -> int:
        if self._is_paused:
            return 0
        changed = None if self._resizable is None else self._resizable.look_ahead
        return self._look_ahead if changed is None else changed

    def _submitted(self) -> Iterator[Handed[R]]:
        return (Handed(self._workers, task, self._lock) for task in self._tasks)
