"""A function on the workers of a Dask cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from headrace.carried import Portable
from headrace.clusters import Pulse, check_client, forget, threads_of
from headrace.executors.carried import Packed, run_carried
from headrace.executors.runner import HANDOVERS, OVERTIME, Done, Outcome

# Any, in this file: functions, records and results of every type, and a package without types.
# What a task costs the scheduler, measured.
HANDOVER_SECONDS = 1e-3


class DaskRunner:
    """Groups as tasks of a `dask.distributed.Client`, which stays open.

    Dask runs the tasks of a worker that died on others, a few times.

    Raises:
        StreamError: the function does not pickle, or the client is closed or asynchronous.
    """

    handover_s = HANDOVER_SECONDS

    def __init__(self, client: Any, fn: Callable[[Any], Any], name: str) -> None:
        self._client = client
        check_client(client, name)
        self._fn = Portable(fn, name)
        self._fn.payload()
        self.workers = max(1, sum(threads_of(client)))
        self._pulse = Pulse(client, name)
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
        forget(self._client, flying)

    def check(self) -> None:
        self._pulse.check()

    def close(self, seconds: float) -> None:
        self.cancel()

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
