"""A function on the workers of a Ray cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from headrace.carried import Portable
from headrace.contracts.errors import StreamError
from headrace.executors.carried import CarriedOutcome, Packed, PackedBytes, run_carried
from headrace.executors.futures import ended_outcome
from headrace.executors.runner import HANDOVERS, OVERTIME, Done
from headrace.extras import imported

# Any, in this file: functions, records and results of every type, and a package without types.
# What a task costs, measured.
HANDOVER_SECONDS = 5e-4


class RayRunner:
    """Groups as tasks of the Ray that the caller has initialised, which stays up.

    Raises:
        MissingExtra: ray is not installed.
        StreamError: the function does not pickle, or Ray is not initialised.
    """

    handover_s = HANDOVER_SECONDS

    def __init__(self, fn: Callable[[Any], Any], name: str) -> None:
        self._ray = imported("ray", extra="ray")
        if not self._ray.is_initialized():
            raise StreamError(
                f"{name} runs on Ray, which is not initialised here. Call ray.init(), or "
                "ray.init(address=...), before the stream is read, and ray.shutdown() after."
            )
        self._name = name
        self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._remote = self._ray.remote(_task(Portable(fn, name), self.handover_s))
        self._lock = threading.Lock()
        self._flying: dict[Future[CarriedOutcome], Any] = {}
        self._is_over = False

    def submit(self, records: list[Any], done: Done) -> None:
        task = self._remote.remote(Packed(records))
        future: Future[CarriedOutcome] = task.future()
        with self._lock:
            self._flying[future] = task
        future.add_done_callback(partial(self._ended, done))
        if self._is_over:
            self.cancel()

    def cancel(self) -> None:
        self._is_over = True
        with self._lock:
            tasks, self._flying = list(self._flying.values()), {}
        for task in tasks:
            self._ray.cancel(task)

    def check(self) -> None:
        if not self._ray.is_initialized():
            raise StreamError(
                f"{self._name}: Ray was shut down while its tasks ran. Call ray.init(), and resume."
            )

    def close(self, seconds: float) -> None:
        self.cancel()

    def _ended(self, done: Done, future: Future[CarriedOutcome]) -> None:
        with self._lock:
            self._flying.pop(future, None)
        if not self._is_over:
            done(ended_outcome(future, self._name))


def _task(fn: Portable, handover_s: float) -> Callable[[Packed | PackedBytes], CarriedOutcome]:
    """The function as Ray exports it: once, and not with each group."""
    fn.payload()

    def run_group(group: Packed | PackedBytes) -> CarriedOutcome:
        return run_carried(fn, group, OVERTIME * HANDOVERS * handover_s)

    return run_group
