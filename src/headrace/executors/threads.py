"""A function on threads of its own."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from headrace.contracts.errors import ClosedError
from headrace.executors.per_worker import PerWorker
from headrace.executors.runner import Done, run

# Any, in this file: functions, records and results of every type.
# As concurrent.futures chooses: functions that wait want more threads than there are cores.
MOST_THREADS, MORE_THAN_CORES = 32, 4

logger = logging.getLogger("headrace")


class ThreadRunner:
    """Daemon threads, begun as they are needed, so that a hanging function ends with the process.

    `name` says in warnings whose threads they are.
    """

    # One by one: a group would wait for its slowest record, and a hand-over costs some 10 us.
    handover_s = 0.0

    def __init__(self, fn: Callable[[Any], Any], name: str, max_workers: int | None) -> None:
        self.workers = max_workers or min(MOST_THREADS, (os.cpu_count() or 1) + MORE_THAN_CORES)
        self._fn = fn
        self._name = name
        # None ends the threads, each of which leaves it to the next. A Condition or a Queue is
        # written in Python, and takes as long as a short function.
        self._groups: SimpleQueue[tuple[list[Any], Done] | None] = SimpleQueue()
        # Guards all below. Reentrant: a dropped loader may be closed inside any statement here.
        self._lock = threading.RLock()
        self._threads: list[threading.Thread] = []
        # How many threads have nothing to do; below 0, how many groups wait for one.
        self._free = 0
        self._is_over = False
        self._is_closed = False

    def submit(self, records: list[Any], done: Done) -> None:
        with self._lock:
            if self._is_closed:
                raise ClosedError(f"the threads of {self._name} have ended. Open a new cursor.")
            if self._is_over:
                # Drawn while another record failed.
                return
            self._groups.put((records, done))
            self._free -= 1
            if self._free < 0 and len(self._threads) < self.workers:
                self._free += 1
                self._begin_thread()

    def cancel(self) -> None:
        with self._lock:
            self._is_over = True
            self._forget()

    def check(self) -> None:
        """Threads of this process do not die."""

    def close(self, seconds: float) -> None:
        with self._lock:
            self._is_closed = True
            self._forget()
        until = time.monotonic() + seconds
        current = threading.current_thread()
        others = [thread for thread in self._threads if thread is not current]
        for thread in others:
            thread.join(max(0.0, until - time.monotonic()))
        left = [thread.name for thread in others if thread.is_alive()]
        if left:
            logger.warning(
                "%s still runs a user function after the end, in %s; it ends with the process",
                self._name,
                ", ".join(left),
            )

    def _begin_thread(self) -> None:
        name = f"headrace-async-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _forget(self) -> None:
        with suppress(Empty):
            while True:
                self._groups.get_nowait()
                self._free += 1
        if self._is_closed:
            self._groups.put(None)

    def _work(self) -> None:
        while (taken := self._groups.get()) is not None:
            records, done = taken
            done(run(self._fn, records, math.inf))
            # A waiting thread must not keep the last group's records alive.
            del taken, records, done
            with self._lock:
                self._free += 1
        self._groups.put(None)
        if isinstance(self._fn, PerWorker):
            self._fn.close()
