"""A function on a caller's `concurrent.futures.Executor`, which stays open."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from typing import Any

from headrace.carried import Portable
from headrace.contracts.errors import StreamError
from headrace.executors.carried import CarriedOutcome, Packed, run_carried
from headrace.executors.runner import HANDOVERS, OVERTIME, Done, Outcome
from headrace.extras import is_instance

# Any, in this file: functions, records and results of every type.
# What handing a task to a worker process and back costs, measured.
HANDOVER_SECONDS = 2e-4


class FutureRunner:
    """Groups as futures. Only executors of other processes pickle what they are given."""

    handover_s = HANDOVER_SECONDS

    def __init__(self, executor: Executor, fn: Callable[[Any], Any], name: str) -> None:
        self.workers = int(getattr(executor, "_max_workers", None) or os.cpu_count() or 1)
        self._executor = executor
        self._name = name
        self._fn = Portable(fn, name)
        if is_instance(executor, "concurrent.futures.process", "ProcessPoolExecutor"):
            # Now, so that the user's line is in the traceback.
            self._fn.payload()
        self._lock = threading.Lock()
        self._flying: set[Future[CarriedOutcome]] = set()
        self._is_over = False

    def submit(self, records: list[Any], done: Done) -> None:
        slice_s = OVERTIME * HANDOVERS * self.handover_s
        future = self._executor.submit(run_carried, self._fn, Packed(records), slice_s)
        with self._lock:
            self._flying.add(future)
        future.add_done_callback(partial(self._ended, done))
        if self._is_over:
            future.cancel()

    def cancel(self) -> None:
        self._is_over = True
        with self._lock:
            flying = list(self._flying)
        for future in flying:
            future.cancel()

    def check(self) -> None:
        """The executor itself fails the futures of workers that died."""

    def close(self, seconds: float) -> None:
        self.cancel()

    def _ended(self, done: Done, future: Future[CarriedOutcome]) -> None:
        with self._lock:
            self._flying.discard(future)
        if not self._is_over:
            done(ended_outcome(future, self._name))


def ended_outcome(future: Future[CarriedOutcome], name: str) -> Outcome:
    """What became of a group, as its future says."""
    if future.cancelled():
        message = f"{name}: its executor cancelled a task. Keep it open until the stream has ended."
        return Outcome([], StreamError(message), is_lost=True)
    try:
        return future.result().opened()
    except BrokenExecutor as error:
        # All futures of a broken pool share one error.
        note = f"{name}: a worker ended abruptly. Give a new executor, and resume."
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
        return Outcome([], error, is_lost=True)
    except BaseException as error:
        return Outcome([], error, is_lost=True)
