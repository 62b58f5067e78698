"""Workers that a DataLoader2 lends: to its loader, and to the pipes that are drawn from."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from headrace.contracts import Backend, Future, Run, Workers

T = TypeVar("T")


class Lent:
    """A backend whose workers start once; whoever is lent them cannot end them.

    Whoever made it ends it; one that is dropped ends its workers.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._workers: Workers | None = None
        self._finalizer: weakref.finalize[..., object] | None = None

    @property
    def look_ahead(self) -> int:
        """How many tasks may be undelivered at once."""
        return self._backend.look_ahead

    @property
    def shares_globals(self) -> bool:
        """Whether tasks run side by side in one interpreter."""
        return self._backend.shares_globals

    def start(self) -> Workers:
        """The workers; starts them where that has not been done."""
        if self._workers is None:
            self._workers = self._backend.start()
            self._finalizer = weakref.finalize(self, self._workers.close)
        return Borrowed(self._workers)

    def placed(self, run: Run) -> Run:
        """A run on these workers."""
        if not self.look_ahead:
            return run
        return replace(
            run,
            workers=self.start(),
            look_ahead=self.look_ahead,
            shares_globals=self.shares_globals,
        )

    def end(self) -> None:
        """Ends the workers."""
        if self._finalizer is not None:
            self._finalizer()

    def __repr__(self) -> str:
        return repr(self._backend)


class Borrowed:
    """Workers that somebody else ends."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @property
    def restarts(self) -> int | None:
        """How many ended and were replaced, None where none can be."""
        return getattr(self._workers, "restarts", None)

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Begins a task on a free worker."""
        return self._workers.submit(task)

    def close(self) -> None:
        """Leaves them running."""
