"""Started worker processes."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from headrace.arena import Arena
from headrace.backends.processes.crew import Crew
from headrace.backends.processes.future import Pending, forked
from headrace.backends.processes.setup import Recipe
from headrace.carried import Portable
from headrace.contracts import Task
from headrace.contracts.errors import ClosedError

# Any, in this file: tasks of every result type.
T = TypeVar("T")

# Tasks in flight for each worker: two that it has, and one that waits for its turn to be taken.
LOOK_AHEAD = 3
# More than the workers are given to end; only a system that does not answer takes longer.
CLOSE_SECONDS = 8.0


class ProcessWorkers:
    """Worker processes, and the one thread of this process that serves them.

    Callers hand over a task by one append and one byte to wake the thread, so an interrupt can
    tear nothing.
    """

    def __init__(self, recipe: Recipe, num_workers: int) -> None:
        self._process = os.getpid()
        self._is_closed = False
        self._look_ahead: int | None = None
        self._calls = calls()
        self._inbox: deque[Pending[Any]] = deque()
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._arena = Arena(recipe.arena_bytes)
        self._crew = Crew(recipe, num_workers, arena=self._arena, inbox=self._inbox)
        self._most_workers = len(recipe.devices) if recipe.devices is not None else None
        self._thread = threading.Thread(
            target=self._crew.run, args=(self._woken,), name="headrace-processes", daemon=True
        )
        self._thread.start()

    @property
    def num_workers(self) -> int:
        """How many workers take tasks."""
        return self._crew.staff.num_workers

    @property
    def look_ahead(self) -> int | None:
        """How many tasks may be undelivered at once; None before the number was changed."""
        return self._look_ahead

    @property
    def restarts(self) -> int:
        """How many workers ended and were replaced."""
        return self._crew.staff.restarts

    def resize(self, num_workers: int) -> None:
        """Starts more workers, or ends some after the tasks they have."""
        if self._is_closed:
            return
        most = num_workers if self._most_workers is None else self._most_workers
        self._crew.staff.num_workers = min(num_workers, most)
        self._look_ahead = LOOK_AHEAD * self.num_workers
        self._wake()

    def submit(self, task: Callable[[], T]) -> Pending[T]:
        """Hands a task over; a function that is no `Task` travels by itself."""
        if self._process != os.getpid():
            raise forked(self._process)
        if self._is_closed:
            raise ClosedError(
                "a task was given to workers that have ended. Make a new DataLoader to go on."
            )
        sent = task if isinstance(task, Task) else Task(self._calls, (task,))
        pending = Pending(sent, self._arena, self._changed)
        self._changed(pending)
        return pending

    def close(self) -> None:
        """Ends the workers: asks, after a second terminates, after two more kills."""
        if self._is_closed or self._process != os.getpid():
            return
        self._is_closed = self._crew.is_closing = True
        self._wake()
        # Memory may be collected in that thread too.
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)
            self._waker.close()

    def _changed(self, pending: Pending[Any]) -> None:
        self._inbox.append(pending)
        self._wake()
        if self._crew.has_ended:
            self._crew.read_inbox()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"\0")


@dataclass(frozen=True)
class Calls:
    """The job of tasks that are functions: each travels with its task."""

    fixed: Portable
    moving: tuple[()] = ()

    def __call__(self, *fns: Any) -> Any:
        [fn] = fns
        return fn()

    def where(self, *fns: Any) -> str:
        """The function, for messages."""
        return f"a call of {fns[0]!r}"

    def mended(self, result: Any, error: Exception) -> Any:
        """Nothing travels in place of its result."""
        raise error


def calls() -> Calls:
    """The job of functions."""
    return Calls(Portable(calls, "a call"))
