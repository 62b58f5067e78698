"""A task in a process of a cluster: its job is loaded once, and its result travels back."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from headrace.carried import CarriedError, Portable, loaded
from headrace.contracts import Job, Task
from headrace.contracts.errors import StreamError
from headrace.deferred import cloudpickle

T = TypeVar("T")

# Any, in this file: jobs and results of every type.
# Jobs that a process keeps, one an epoch and loader, so that what they have built is found again.
JOBS = 4
# How often a consumer that waits asks whether the cluster still lives.
CHECK_SECONDS = 0.5
# From this protocol on, buffers travel beside a pickle.
BESIDE = 5


class Parcel:
    """A value on its way to another process: pickled already, arrays beside the pickle.

    Whatever carries it finds nothing in it that may fail.
    """

    def __init__(self, head: bytes, buffers: Sequence[Any]) -> None:
        self._head = head
        self._buffers = buffers

    @staticmethod
    def of(value: Any) -> Parcel:
        """The value, packed; raises what pickling it does."""
        buffers: list[pickle.PickleBuffer] = []
        head = cloudpickle.dumps(value, protocol=BESIDE, buffer_callback=buffers.append)
        return Parcel(head, [buffer.raw() for buffer in buffers])

    def opened(self) -> Any:
        """The value; arrays in it may be written to. Raises a CarriedError that was packed."""
        # What carries it may lend read-only memory, such as Ray's store.
        own = [bytearray(one) if memoryview(one).readonly else one for one in self._buffers]
        value = pickle.loads(self._head, buffers=own)
        if isinstance(value, CarriedError):
            raise value.opened()
        return value

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        is_beside = protocol >= BESIDE
        buffers = map(pickle.PickleBuffer if is_beside else bytes, self._buffers)
        return Parcel, (self._head, list(buffers))


@dataclass(frozen=True)
class Sent:
    """What travels once: its digest, and where a process finds the bytes."""

    digest: str
    fetch: Callable[[], bytes] = field(compare=False, repr=False)


def packed(task: Task[Any]) -> Parcel:
    """What differs from task to task. Raises StreamError where it cannot travel."""
    try:
        return Parcel.of((task.job.moving, task.args))
    except Exception as error:
        raise StreamError(
            f"{task} cannot be sent to other processes: {error}. Give records that pickle, or use "
            "hr.Threads(n), which needs no pickling."
        ) from error


def called(sent: Sent, parcel: Parcel) -> Parcel:
    """Runs a task in this process; whatever goes wrong comes back as an error with its traceback.

    An interruption goes through: it is meant for the worker.
    """
    try:
        moving, args = parcel.opened()
        job = _job(sent, moving)
        result = job(*args)
        try:
            return Parcel.of(result)
        except Exception as error:
            return Parcel.of(job.mended(result, error))
    except Exception as error:
        return Parcel.of(CarriedError(error))


@lru_cache(JOBS)
def _job(sent: Sent, moving: tuple[Any, ...]) -> Job[Any]:
    job: Job[Any] = loaded(sent.fetch())(*moving)
    return job


@dataclass(frozen=True, eq=False)
class PlainJob(Generic[T]):
    """A function of no arguments as a job."""

    fn: Callable[[], T]

    @property
    def fixed(self) -> Portable:
        """The job itself, as it travels."""
        return Portable(lambda: self, "a task")

    @property
    def moving(self) -> tuple[()]:
        """Nothing: there is one epoch."""
        return ()

    def __call__(self, *_: Any) -> T:
        return self.fn()

    def where(self, *_: Any) -> str:
        """The function, for messages."""
        return f"task {self.fn!r}"

    def mended(self, result: T, error: Exception) -> T:
        """Nothing can travel in its place."""
        raise error


def as_task(task: Callable[[], T]) -> Task[T]:
    """The task, or one that calls a plain function."""
    return task if isinstance(task, Task) else Task(PlainJob(task), ())


class Arriving(Generic[T]):
    """A result that a cluster will give.

    Who waits asks now and then by `check` whether the cluster lives; `forget`, if any, tells it
    that nobody waits any more.
    """

    def __init__(self, check: Callable[[], None], forget: Callable[[], None] | None = None) -> None:
        self._check = check
        self._forget = forget
        self._future: Future[T] = Future()

    def arrived(self, take: Callable[[], T]) -> None:
        """Notes what the cluster gave, or the error that `take` raises."""
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            self._future.set_result(take())
        except BaseException as error:
            self._future.set_exception(error)

    def result(self) -> T:
        """The result; waits for it, but not for a cluster that is gone."""
        while True:
            try:
                return self._future.result(CHECK_SECONDS)
            except TimeoutError:
                # It may have come just now, or be the task's own error.
                if not self._future.done():
                    self._check()
                    continue
            return self._future.result()

    def cancel(self) -> bool:
        """Forgets the task."""
        is_cancelled = self._future.cancel()
        if is_cancelled and self._forget is not None:
            self._forget()
        return is_cancelled

    def done(self) -> bool:
        """Whether the result is there."""
        return self._future.done()
