"""The contract of a backend: where tasks run. It knows nothing of order, state or records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

# Any, in this file: tasks have arguments of every type.
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class Future(Protocol[T_co]):
    """A result that may still be on its way; `concurrent.futures.Future` is one."""

    def result(self) -> T_co:
        """The result; waits for it. Raises what the task raised."""
        ...

    def cancel(self) -> bool:
        """Forgets the task where it has not begun."""
        ...

    def done(self) -> bool:
        """Whether the result is there."""
        ...


@runtime_checkable
class Fixed(Protocol):
    """A thing that is the same in every process, and travels to each only once."""

    def payload(self) -> bytes:
        """It as bytes; `headrace.carried` loads them. Raises StreamError where it cannot travel."""
        ...

    def loaded(self) -> Callable[..., Any]:
        """It in this process."""
        ...


@runtime_checkable
class Job(Protocol[T]):
    """What the tasks of one epoch have in common.

    In another process the same job is `fixed.loaded()(*moving)`. `fixed` stays the same object
    from epoch to epoch; `moving` is small, hashable, and pickles by itself.
    """

    @property
    def fixed(self) -> Fixed:
        """What travels once."""
        ...

    @property
    def moving(self) -> tuple[Any, ...]:
        """What differs from epoch to epoch."""
        ...

    def __call__(self, *args: Any, **named: Any) -> T:
        """Runs a task; it raises nothing that belongs to a record, but gives it."""
        ...

    def where(self, *args: Any, **named: Any) -> str:
        """Which positions a task is about, for messages."""
        ...

    def mended(self, result: T, error: Exception) -> T:
        """What travels in place of a result that did not pickle."""
        ...


@dataclass(frozen=True)
class Task(Generic[T]):
    """A call of a job.

    In this process it is called; to others the job travels before its tasks.
    """

    job: Job[T]
    args: tuple[Any, ...]

    def __call__(self) -> T:
        """Runs it in this process."""
        return self.job(*self.args)

    def __str__(self) -> str:
        return self.job.where(*self.args)


@runtime_checkable
class Workers(Protocol):
    """Started workers. Whoever started them closes them."""

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Begins `task` on a free worker. Workers in other processes take a `Task`."""
        ...

    def close(self) -> None:
        """Ends the workers, bounded in time; nothing of them stays."""
        ...


@runtime_checkable
class Resizable(Protocol):
    """Workers whose number may change while they run.

    Tasks that were given are finished, and no result depends on the number.
    """

    @property
    def num_workers(self) -> int:
        """How many there are, or will be when those that end have ended."""
        ...

    @property
    def look_ahead(self) -> int | None:
        """How many tasks may be undelivered at once; None as the backend says, until resized."""
        ...

    def resize(self, num_workers: int) -> None:
        """Starts more, or lets some end after the tasks they were given."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Where the tasks of a stream run; a frozen description.

    `look_ahead` is the number of tasks that may be undelivered at once: 0 means that nothing
    runs before it is asked for. `shares_globals` says that tasks run side by side in one
    interpreter, so that they must not touch process-wide state. Workers run a task again that
    was lost with one of them.
    """

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        ...

    @property
    def shares_globals(self) -> bool:
        """Whether tasks run side by side in one interpreter."""
        ...

    def start(self) -> Workers:
        """Starts the workers."""
        ...
