"""A function on the workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from headrace.carried import Portable
from headrace.clusters import check_ray, running_ray
from headrace.executors.carried import CarriedOutcome, Packed, PackedBytes, run_carried
from headrace.executors.futures import ended_outcome
from headrace.executors.runner import HANDOVERS, OVERTIME, Done

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
        self._ray = running_ray(name)
        self._name = name
        self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._remote = self._ray.remote(_task(Portable(fn, name), self.handover_s))
        self._is_over = False

    def submit(self, records: list[Any], done: Done) -> None:
        future: Future[CarriedOutcome] = self._remote.remote(Packed(records)).future()
        future.add_done_callback(partial(self._ended, done))

    def cancel(self) -> None:
        # Not of Ray's tasks: `ray.cancel` of one that just ends can abort the process that asks.
        self._is_over = True

    def check(self) -> None:
        check_ray(self._ray, self._name)

    def close(self, seconds: float) -> None:
        self.cancel()

    def _ended(self, done: Done, future: Future[CarriedOutcome]) -> None:
        if not self._is_over:
            done(ended_outcome(future, self._name))


def _task(fn: Portable, handover_s: float) -> Callable[[Packed | PackedBytes], CarriedOutcome]:
    """The function as Ray exports it: once, and not with each group."""
    fn.payload()

    def run_group(group: Packed | PackedBytes) -> CarriedOutcome:
        return run_carried(fn, group, OVERTIME * HANDOVERS * handover_s)

    return run_group
