"""A task that was handed to workers, and can be taken back while none has begun it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from headrace.contracts import Future, Workers

R = TypeVar("R")


class Handed(Generic[R]):
    """A task and its future; without one it waits here, until it is wanted or handed on.

    `lock` stands between the thread that waits for a result and the one that pauses.
    """

    __slots__ = ("_future", "_is_awaited", "_lock", "_task", "_workers")

    def __init__(self, workers: Workers, task: Callable[[], R], lock: Lock) -> None:
        self._workers = workers
        self._task = task
        self._lock = lock
        self._is_awaited = False
        self._future: Future[R] | None = workers.submit(task)

    def result(self) -> R:
        """The result; waits for it. Raises what the task raised."""
        if not self._is_awaited:
            with self._lock:
                self._is_awaited = True
        self.hand_on()
        assert self._future is not None
        return self._future.result()

    def hand_on(self) -> None:
        """Gives the task to the workers, where they do not have it."""
        if self._future is not None:
            return
        with self._lock:
            if self._future is None:
                self._future = self._workers.submit(self._task)

    def take_back(self) -> None:
        """Takes the task from the workers, where none has begun it and nobody waits for it."""
        with self._lock:
            future = self._future
            if self._is_awaited or future is None or future.done() or _is_running(future):
                return
            if future.cancel():
                self._future = None

    def cancel(self) -> None:
        """Forgets the task where it has not begun."""
        if self._future is not None:
            self._future.cancel()

    def done(self) -> bool:
        """Whether the result is there."""
        return self._future is not None and self._future.done()


def _is_running(future: Future[R]) -> bool:
    # Futures that cannot tell give up what runs: it runs again.
    running = getattr(future, "running", None)
    return bool(running is not None and running())
