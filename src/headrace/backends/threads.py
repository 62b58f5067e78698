"""Tasks run on threads of this process."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from headrace.contracts.errors import ClosedError, whole

T = TypeVar("T")

# Tasks in flight for each thread: one runs and one is ready; more would leave the cache.
TASKS_PER_THREAD = 2
# How long `close` waits for a task that is running; user functions may hang.
CLOSE_SECONDS = 5.0

logger = logging.getLogger("headrace")


@dataclass(frozen=True)
class Threads:
    """Runs tasks on `num_workers` threads, up to two tasks ahead for each.

    Right where the work releases the interpreter's lock, as NumPy's gathers, image decoders and
    reads do. Pure Python functions gain nothing from it.

    Raises:
        ArgumentError: `num_workers` is below 1.

    Example:
        >>> import headrace as hr
        >>> stream = hr.stream(range(4)).map(lambda x: x * x)
        >>> with hr.DataLoader(stream, backend=hr.Threads(2)) as loader:
        ...     print(list(loader))
        [0, 1, 4, 9]
    """

    num_workers: int

    def __post_init__(self) -> None:
        whole("num_workers", self.num_workers, least=1, remedy="Use hr.Inline() for no workers.")

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return TASKS_PER_THREAD * self.num_workers

    @property
    def shares_globals(self) -> bool:
        """Tasks share one interpreter."""
        return True

    def start(self) -> ThreadWorkers:
        """Starts the threads."""
        return ThreadWorkers(self.num_workers)


class ThreadWorkers:
    """Daemon threads on one queue, so that a hanging function cannot keep the process alive."""

    def __init__(self, num_workers: int) -> None:
        # Any: tasks of every result type share the queue. None ends one thread.
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = (
            queue.SimpleQueue()
        )
        self._is_closed = False
        # All that were started and may still run; `num_workers` of them are to stay.
        self._threads: list[threading.Thread] = []
        self._num_workers = self._started = 0
        self._look_ahead: int | None = None
        self._start(num_workers)

    @property
    def num_workers(self) -> int:
        """How many threads take tasks."""
        return self._num_workers

    @property
    def look_ahead(self) -> int | None:
        """How many tasks may be undelivered at once; None before the number was changed."""
        return self._look_ahead

    def resize(self, num_workers: int) -> None:
        """Starts more threads, or ends some after the tasks that are queued."""
        if self._is_closed:
            return
        self._start(num_workers)
        self._look_ahead = TASKS_PER_THREAD * num_workers

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Puts `task` on the queue."""
        if self._is_closed:
            raise ClosedError(
                "a task was given to threads that have ended. Make a new DataLoader to go on."
            )
        future: Future[T] = Future()
        self._queue.put((future, task))
        return future

    def close(self) -> None:
        """Ends the threads; waits a few seconds for a function that is running."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(queue.Empty):
            # Without waiting: the threads take from the queue too.
            while True:
                if (waiting := self._queue.get_nowait()) is not None:
                    waiting[0].cancel()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            if thread is threading.current_thread():
                continue
            thread.join(CLOSE_SECONDS)
            if thread.is_alive():
                logger.warning(
                    "%s still runs a user function %s s after shutdown; it ends with the process",
                    thread.name,
                    CLOSE_SECONDS,
                )

    def _start(self, num_workers: int) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        for _ in range(num_workers - self._num_workers):
            name = f"headrace-{self._started}"
            thread = threading.Thread(target=work, args=(self._queue,), name=name, daemon=True)
            self._started += 1
            self._threads.append(thread)
            thread.start()
        for _ in range(self._num_workers - num_workers):
            self._queue.put(None)
        self._num_workers = num_workers


# Any: see ThreadWorkers._queue. A function, not a method: a thread must not keep its pool alive.
def work(tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]) -> None:
    """Runs tasks until told to end."""
    while (taken := tasks.get()) is not None:
        future, task = taken
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(task())
        except BaseException as error:
            future.set_exception(error)
        # A waiting thread must not keep the last task's records alive.
        del taken, future, task
