"""A bounded window of tasks in flight, whose results come in the order of the tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from headrace.contracts import Future, Workers
from headrace.schedule.pump import Pump

R = TypeVar("R")


class Schedule(Generic[R]):
    """Runs tasks ahead of their consumer; at most `look_ahead` of them are undelivered.

    Where a task costs nothing to make, the next one is submitted when a result is taken: the
    window counts undelivered results, so nothing could be submitted earlier. Where its input
    must be drawn (`is_pumped`), a thread draws and submits.
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
        self._tasks = tasks
        self._look_ahead = look_ahead
        # Invariant: at most `look_ahead` futures, oldest first.
        self._flight: deque[Future[R]] = deque()
        self._error: Exception | None = None
        self._is_closed = False
        self._pump = Pump(self._submitted(), look_ahead) if is_pumped else None

    def next(self) -> R | None:
        """The oldest undelivered result, None after the last.

        Raises:
            Exception: what drawing the tasks raised, at its place.
        """
        if self._pump is not None:
            future = self._pump.next()
            return None if future is None else future.result()
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
        while len(self._flight) < self._look_ahead and self._error is None and not self._is_closed:
            try:
                task = next(self._tasks)
            except StopIteration:
                return
            except Exception as error:
                self._error = error
                return
            self._flight.append(self._workers.submit(task))

    def _submitted(self) -> Iterator[Future[R]]:
        return (self._workers.submit(task) for task in self._tasks)
