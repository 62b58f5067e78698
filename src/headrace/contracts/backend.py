"""The contract of a backend: where tasks run. It knows nothing of order, state or records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

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
class Workers(Protocol):
    """Started workers. Whoever started them closes them."""

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Begins `task` on a free worker."""
        ...

    def close(self) -> None:
        """Ends the workers, bounded in time; nothing of them stays."""
        ...


@runtime_checkable
class Backend(Protocol):
    """Where the tasks of a stream run; a frozen description.

    `look_ahead` is the number of tasks that may be undelivered at once: 0 means that nothing
    runs before it is asked for. `shares_globals` says that tasks run side by side in one
    interpreter, so that they must not touch process-wide state.
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
