"""Tasks run on the workers of a Ray cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import xxhash

from headrace.backends.remote import Arriving, Parcel, Sent, as_task, called, packed
from headrace.clusters import check_ray, running_ray
from headrace.contracts import Task
from headrace.contracts.errors import ClosedError, WorkerError, whole
from headrace.extras import imported

T = TypeVar("T")

# Any, in this file: tasks of every result type, and a package without types.
NAME = "hr.Ray"
# One runs and one is ready: a task costs half a millisecond to hand over.
TASKS_PER_WORKER = 2
# Times a task may lose its worker before it is to blame.
DEATHS = 3


@dataclass(frozen=True, kw_only=True)
class Ray:
    """Runs tasks on the workers of the Ray that you have initialised, which stays up.

    Each task takes `num_cpus` of the cluster's; so many of them as fit run at once, and up to
    `tasks_per_worker` for each are ahead of the consumer. Workers read records for themselves,
    so they must see the storage under the same path. A task whose worker dies runs again.

    Raises:
        ArgumentError: a number below 1.
        MissingExtra: Ray is not installed.

    Example:
        >>> import headrace as hr
        >>> hr.Ray(num_cpus=0)
        Traceback (most recent call last):
        headrace.contracts.errors.ArgumentError: num_cpus must be a whole number of at least 1, ...
    """

    num_cpus: int = 1
    tasks_per_worker: int = TASKS_PER_WORKER

    def __post_init__(self) -> None:
        whole("num_cpus", self.num_cpus, least=1, remedy="Each task takes one by itself.")
        whole("tasks_per_worker", self.tasks_per_worker, least=1, remedy="Leave it out if unsure.")
        imported("ray", extra="ray")

    @property
    def num_workers(self) -> int:
        """How many tasks the cluster runs at once; 1 while Ray is not initialised."""
        ray = imported("ray", extra="ray")
        total = ray.cluster_resources().get("CPU", 1) if ray.is_initialized() else 1
        return max(1, int(total) // self.num_cpus)

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return self.tasks_per_worker * self.num_workers

    @property
    def shares_globals(self) -> bool:
        """Each task has a process to itself."""
        return False

    def start(self) -> RayWorkers:
        """Ray's workers, which it starts as they are needed. Raises StreamError without Ray."""
        return RayWorkers(running_ray(NAME), self.num_cpus)


class RayWorkers:
    """The tasks that were submitted; closing drops their results.

    None is cancelled: `ray.cancel` of a task that just ends can abort the process that asks.
    """

    def __init__(self, ray: Any, num_cpus: int) -> None:
        self._ray = ray
        # A task that is run again is the same task: it depends on nothing but its arguments.
        self._remote = ray.remote(num_cpus=num_cpus, max_retries=DEATHS - 1)(called)
        # Of each payload, where it is in Ray's store: this process owns it, whatever dies.
        self._sent: dict[bytes, Sent] = {}
        self._lock = threading.Lock()
        self._flying: set[Arriving[Any]] = set()
        self._is_closed = False

    def submit(self, task: Callable[[], T]) -> Arriving[T]:
        """Hands `task` to Ray."""
        if self._is_closed:
            raise ClosedError("a task was given to a Ray that was let go. Make a new DataLoader.")
        check_ray(self._ray, NAME)
        used = as_task(task)
        reference = self._remote.remote(self._send(used.job.fixed.payload()), packed(used))
        arriving: Arriving[T] = Arriving(partial(check_ray, self._ray, NAME))
        with self._lock:
            self._flying.add(arriving)
        reference.future().add_done_callback(partial(self._ended, arriving, used))
        return arriving

    def close(self) -> None:
        """Waits for nothing any more; what was submitted runs to its end, and Ray stays."""
        self._is_closed = True
        with self._lock:
            flying, self._flying = list(self._flying), set()
        for arriving in flying:
            arriving.cancel()
        self._sent.clear()

    def _send(self, payload: bytes) -> Sent:
        sent = self._sent.get(payload)
        if sent is None:
            # In a list: Ray would fetch a bare one for each task.
            reference = [self._ray.put(payload)]
            sent = Sent(xxhash.xxh3_128_hexdigest(payload), partial(fetched, reference))
            self._sent[payload] = sent
        return sent

    def _ended(self, arriving: Arriving[T], task: Task[T], future: Future[Parcel]) -> None:
        with self._lock:
            self._flying.discard(arriving)
        arriving.arrived(partial(self._result, task, future))

    def _result(self, task: Task[T], future: Future[Parcel]) -> T:
        crashed = self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.OutOfMemoryError
        try:
            result: T = future.result().opened()
        except crashed as error:
            raise WorkerError(
                f"a worker died {DEATHS} times over {task}: {error}. Look into Ray's logs: mostly "
                "its memory was full, or native code crashed."
            ) from error
        return result


def fetched(reference: list[Any]) -> bytes:
    """What travelled to this process, out of Ray's store."""
    payload: bytes = imported("ray", extra="ray").get(reference[0])
    return payload
