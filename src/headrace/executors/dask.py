"""A function on the workers of a Dask cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.carried import Portable
from headrace.contracts.errors import StreamError
from headrace.executors.carried import Packed, run_carried
from headrace.executors.runner import HANDOVERS, OVERTIME, Done, Outcome

# Any, in this file: functions, records and results of every type, and a package without types.
# What a task costs the scheduler, measured.
HANDOVER_SECONDS = 1e-3
# A cluster that had workers and has none for so long has lost them: Dask itself would wait.
LOST_SECONDS = 30.0


class DaskRunner:
    """Groups as tasks of a `dask.distributed.Client`, which stays open.

    Dask runs the tasks of a worker that died on others, a few times.

    Raises:
        StreamError: the function does not pickle, or the client is closed or asynchronous.
    """

    handover_s = HANDOVER_SECONDS

    def __init__(self, client: Any, fn: Callable[[Any], Any], name: str) -> None:
        self._client = client
        self._name = name
        if client.asynchronous or client.status != "running":
            state = "asynchronous" if client.asynchronous else client.status
            raise StreamError(
                f"{name} needs a dask client that is connected and synchronous, this one is "
                f"{state}. Make a new one: Client(address)."
            )
        self._fn = Portable(fn, name)
        self._fn.payload()
        self.workers = max(1, self._threads())
        # Whether there were workers, and since when there are none.
        self._had_workers = self._threads() > 0
        self._none_since: float | None = None
        self._lock = threading.Lock()
        self._flying: set[Any] = set()
        self._is_over = False

    def submit(self, records: list[Any], done: Done) -> None:
        slice_s = OVERTIME * HANDOVERS * self.handover_s
        # Not pure: equal records may give different results, and each is to run.
        future = self._client.submit(run_carried, self._fn, Packed(records), slice_s, pure=False)
        with self._lock:
            self._flying.add(future)
        future.add_done_callback(partial(self._ended, done))
        if self._is_over:
            self.cancel()

    def cancel(self) -> None:
        self._is_over = True
        with self._lock:
            flying, self._flying = list(self._flying), set()
        if flying and self._client.status == "running":
            # Not awaited: an answer may never come from a cluster that is gone.
            self._client.loop.add_callback(self._client._cancel, flying)

    def check(self) -> None:
        if self._client.status == "running":
            threads = self._threads()
            self._had_workers = self._had_workers or threads > 0
            if threads or not self._had_workers:
                self._none_since = None
                return
            self._none_since = self._none_since or time.monotonic()
            if time.monotonic() - self._none_since < LOST_SECONDS:
                return
        raise StreamError(
            f"{self._name}: the dask cluster has lost all its workers, or the client its "
            "scheduler. Start workers, make a new Client, and resume."
        )

    def close(self, seconds: float) -> None:
        self.cancel()

    def _threads(self) -> int:
        return sum(self._client.nthreads().values())

    def _ended(self, done: Done, future: Any) -> None:
        with self._lock:
            self._flying.discard(future)
        if self._is_over:
            return
        try:
            outcome = future.result().opened()
        except BaseException as error:
            outcome = Outcome([], error, is_lost=True)
        done(outcome)
