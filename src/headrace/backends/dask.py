"""Tasks run on the workers of a Dask cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import xxhash

from headrace.backends.remote import Arriving, Parcel, Sent, as_task, called, packed
from headrace.clusters import Pulse, check_client, forget, threads_of
from headrace.contracts import Task
from headrace.contracts.errors import ArgumentError, ClosedError, StreamError, WorkerError, whole
from headrace.extras import imported, is_instance

T = TypeVar("T")

# Any, in this file: tasks of every result type, and a package without types.
NAME = "hr.Dask"
# One runs and one is ready: the way to the scheduler and back costs a millisecond.
TASKS_PER_WORKER = 2
# Tasks hold their own errors; what fails beside them, such as a connection, may pass.
RETRIES = 2
# A scheduler in reach answers at once.
CONNECT_SECONDS = 10.0
# Above this Dask says that a graph is large; a source may well be, and it travels once.
QUIET = {"distributed.admin.large-graph-warning-threshold": "1 TiB"}


@dataclass(frozen=True)
class Dask:
    """Runs tasks on the workers of a Dask cluster.

    `client` is a `dask.distributed.Client`, which stays open, or the address of a scheduler. A
    worker (a thread of a Dask worker) has up to `tasks_per_worker` tasks
    ahead of the consumer. Workers read records for themselves, so they must see the storage
    under the same path. The tasks of a worker that dies run again on others.

    Raises:
        ArgumentError: `client` is neither a client nor an address, or `tasks_per_worker` below 1.
        StreamError: no scheduler answers at the address.
        MissingExtra: Dask is not installed.

    Example:
        >>> import headrace as hr
        >>> hr.Dask("127.0.0.1")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        headrace.contracts.errors.ArgumentError: client must be a dask.distributed.Client or ...
    """

    client: Any
    tasks_per_worker: int = field(default=TASKS_PER_WORKER, kw_only=True)
    # Of a scheduler named by its address: the threads of its workers when this was made.
    _threads: tuple[int, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole("tasks_per_worker", self.tasks_per_worker, least=1, remedy="Leave it out if unsure.")
        if is_instance(self.client, "distributed", "Client"):
            return
        if not isinstance(self.client, str) or "://" not in self.client:
            raise ArgumentError(
                "client must be a dask.distributed.Client or the address of a scheduler, such as "
                f"'tcp://10.0.0.1:8786', got {self.client!r}. Make one: Client(cluster)."
            )
        client = _connected(self.client)
        try:
            object.__setattr__(self, "_threads", threads_of(client))
        finally:
            client.close()

    @property
    def num_workers(self) -> int:
        """How many threads the cluster's workers have."""
        return max(1, sum(self._threads or threads_of(self.client)))

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return self.tasks_per_worker * self.num_workers

    @property
    def shares_globals(self) -> bool:
        """Whether a Dask worker has threads, which share its interpreter."""
        return max(self._threads or threads_of(self.client), default=1) > 1

    def start(self) -> DaskWorkers:
        """The workers of the cluster, which are there already."""
        if isinstance(self.client, str):
            return DaskWorkers(_connected(self.client), is_own=True)
        return DaskWorkers(self.client)


class DaskWorkers:
    """A client and the tasks that it has submitted; closing forgets those that have not begun."""

    def __init__(self, client: Any, *, is_own: bool = False) -> None:
        check_client(client, NAME)
        self._client = client
        self._is_own = is_own
        self._pulse = Pulse(client, NAME)
        self._config: Any = imported("dask.config", extra="dask")
        self._killed: Any = imported("distributed", extra="dask").KilledWorker
        # Of each payload, where it is on the cluster: a task of its own, so that it is there
        # again after the worker that held it died.
        self._sent: dict[bytes, Any] = {}
        self._lock = threading.Lock()
        self._flying: set[Arriving[Any]] = set()
        self._is_closed = False

    def submit(self, task: Callable[[], T]) -> Arriving[T]:
        """Hands `task` to the scheduler."""
        if self._is_closed:
            raise ClosedError(
                "a task was given to a Dask cluster that was let go. Make a new DataLoader."
            )
        used = as_task(task)
        sent = self._send(used.job.fixed.payload())
        # Not pure: equal tasks may give different results, and each is to run.
        future = self._client.submit(called, sent, packed(used), pure=False, retries=RETRIES)
        arriving: Arriving[T] = Arriving(self._pulse.check, partial(forget, self._client, [future]))
        with self._lock:
            self._flying.add(arriving)
        future.add_done_callback(partial(self._ended, arriving, used))
        return arriving

    def close(self) -> None:
        """Forgets what has not begun; the cluster goes on, and so does a client that was given."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._lock:
            flying, self._flying = list(self._flying), set()
        for arriving in flying:
            arriving.cancel()
        self._sent.clear()
        if self._is_own:
            self._client.close()

    def _send(self, payload: bytes) -> Any:
        sent = self._sent.get(payload)
        if sent is None or sent.status in ("cancelled", "error", "lost"):
            digest = xxhash.xxh3_128_hexdigest(payload)
            with self._config.set(QUIET):
                sent = self._client.submit(
                    arrived, digest, payload, key=f"headrace-{digest}", retries=RETRIES
                )
            self._sent[payload] = sent
        return sent

    def _ended(self, arriving: Arriving[T], task: Task[T], future: Any) -> None:
        with self._lock:
            self._flying.discard(arriving)
        arriving.arrived(partial(self._result, task, future))

    def _result(self, task: Task[T], future: Any) -> T:
        if future.cancelled():
            self._pulse.check()
            raise StreamError(
                f"{NAME}: the cluster cancelled {task}. Make a new Client if this one was "
                "restarted, and resume."
            )
        try:
            parcel: Parcel = future.result()
        except self._killed as error:
            raise WorkerError(
                f"a worker died {error.allowed_failures + 1} times over {task}. Look into the logs "
                f"of {error.last_worker.address}: mostly its memory was full, or native code "
                "crashed."
            ) from error
        result: T = parcel.opened()
        return result


def arrived(digest: str, payload: bytes) -> Sent:
    """What travelled to this process."""
    return Sent(digest, partial(bytes, payload))


def _connected(address: str) -> Any:
    client = imported("distributed", extra="dask").Client
    try:
        return client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise StreamError(
            f"{NAME}: no scheduler answers at {address!r}: {error}. Start one with `dask "
            "scheduler`, or give a dask.distributed.Client."
        ) from error
